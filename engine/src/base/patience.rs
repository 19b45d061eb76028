//! Time to keep trying while the server is away, and the waits between two tries.

use std::time::{Duration, Instant};

use super::error::{Error, Result};

const FIRST_PAUSE: Duration = Duration::from_millis(20);
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Pauses that double up to a bound, each a random part of its ceiling, so that many processes don't return at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pauses {
    failures: u32,
}

impl Pauses {
    /// The number of failures in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Counts one more failure. Returns the wait before the next try.
    pub(crate) fn next_pause(&mut self) -> Duration {
        let ceiling = FIRST_PAUSE.saturating_mul(1 << self.failures.min(10)).min(LONGEST_PAUSE);
        self.failures += 1;
        ceiling.mul_f64(rand::random_range(0.5..=1.0))
    }
}

/// A bound on trying again.
#[derive(Debug, Clone)]
pub(crate) struct Patience {
    deadline: Instant,
    pauses: Pauses,
}

impl Patience {
    pub(crate) fn new(total: Duration) -> Self {
        Self::until(Instant::now() + total)
    }

    pub(crate) fn until(deadline: Instant) -> Self {
        Self { deadline, pauses: Pauses::default() }
    }

    /// The same failures, and another bound.
    pub(crate) fn with_deadline(self, deadline: Instant) -> Self {
        Self { deadline, ..self }
    }

    /// True if an operation was tried and its outcome is not known.
    pub(crate) fn has_failed(&self) -> bool {
        self.pauses.failures() > 0
    }

    /// A try has failed, and the next one comes without a wait.
    pub(crate) fn note_failure(&mut self) {
        _ = self.pauses.next_pause();
    }

    /// Waits before the next try, or returns the failure, if it is permanent or time is up.
    pub(crate) async fn pause_after(&mut self, error: Error) -> Result<()> {
        let pause = self.pauses.next_pause();
        if !error.is_transient() || Instant::now() + pause >= self.deadline {
            return Err(error);
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// Tries an operation that may be done twice, again and again while the server is away, for up to `total`.
pub(crate) async fn retrying<T, F>(total: Duration, mut operation: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let mut patience = Patience::new(total);
    loop {
        match operation().await {
            Ok(value) => return Ok(value),
            Err(error) => patience.pause_after(error).await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_second_and_never_vanish() {
        let mut backoff = Pauses::default();
        for _ in 0..40 {
            let pause = backoff.next_pause();
            assert!(pause >= FIRST_PAUSE / 2 && pause <= LONGEST_PAUSE, "{pause:?}");
        }
        assert!(backoff.next_pause() >= LONGEST_PAUSE / 2);
    }

    #[test]
    fn another_deadline_forgets_no_failure() {
        let mut patience = Patience::new(Duration::ZERO);
        assert!(!patience.has_failed());
        patience.note_failure();
        let later = patience.with_deadline(Instant::now() + Duration::from_secs(60));
        assert!(later.has_failed(), "what was tried may have been done");
    }

    #[tokio::test]
    async fn an_error_that_will_not_change_is_not_tried_again() {
        let mut patience = Patience::new(Duration::from_secs(60));
        let refused = Error::from_server(13, "not allowed");
        assert_eq!(patience.pause_after(refused.clone()).await, Err(refused));
    }
}
