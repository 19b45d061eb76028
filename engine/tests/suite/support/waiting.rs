//! Waiting for conditions instead of for time, and the time that has to pass all the same.

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
        let_pass(Duration::from_millis(4), "the pause between two questions").await;
    }
}

/// The outcome of something that must end, and says so by ending.
pub(crate) async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(PATIENCE, future).await;
    outcome.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Lets time pass, and says why: what is waited for can't be told by an event. No other file may.
pub(crate) async fn let_pass(time: Duration, why: &str) {
    assert!(!why.is_empty(), "say what the time is for");
    tokio::time::sleep(time).await;
}

/// Holds up the thread, and with it all that runs on it: as of a process that stands still.
pub(crate) fn stand_still(time: Duration, why: &str) {
    assert!(!why.is_empty(), "say what the time is for");
    std::thread::sleep(time);
}
