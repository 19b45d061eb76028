//! Waiting for conditions instead of for time.

use std::time::Duration;

use tokio::time::Instant;

/// Far beyond what anything here takes on a loaded machine: reached only when the condition never comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(25);

/// Probes until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(4)).await;
    }
}

/// The outcome of something that must end, and says so by ending.
pub(crate) async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(PATIENCE, future).await;
    outcome.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}
