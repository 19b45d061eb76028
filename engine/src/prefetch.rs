//! How many jobs to hold beyond the free slots, so that handlers never wait for a claim.
//!
//! Sized by what was measured: while one claim is on its way, so many handlers end. Slow handlers get none, since a
//! job that waits here could run elsewhere; and never more than runs within a fraction of the lease.

use std::time::Duration;

/// Weight of the newest sample in the moving averages.
const SMOOTHING: f64 = 0.2;
/// Held beyond the slots, at most.
const MOST: usize = 2_000;
/// Prefetched jobs must be through within this part of their lease.
const LEASE_SHARE: f64 = 0.25;
/// A claim and its hand-over should be covered more than once, since both vary.
const COVER: f64 = 2.0;

/// What the sizing goes by.
#[derive(Debug, Clone)]
pub(crate) struct Prefetch {
    /// A fixed size by configuration.
    fixed: Option<usize>,
    concurrency: usize,
    lease: Duration,
    handler_seconds: Option<f64>,
    claim_seconds: Option<f64>,
}

impl Prefetch {
    pub(crate) fn new(fixed: Option<usize>, concurrency: usize, lease: Duration) -> Self {
        Self { fixed, concurrency, lease, handler_seconds: None, claim_seconds: None }
    }

    pub(crate) fn handler_took(&mut self, elapsed: Duration) {
        self.handler_seconds = Some(average(self.handler_seconds, elapsed));
    }

    pub(crate) fn claim_took(&mut self, elapsed: Duration) {
        self.claim_seconds = Some(average(self.claim_seconds, elapsed));
    }

    /// Jobs to hold beyond the slots. None until both sides have been measured.
    pub(crate) fn size(&self) -> usize {
        if let Some(fixed) = self.fixed {
            return fixed;
        }
        let (Some(handler), Some(claim)) = (self.handler_seconds, self.claim_seconds) else {
            return 0;
        };
        let per_second = self.concurrency as f64 / handler.max(1e-6);
        let while_claiming = per_second * claim * COVER;
        let within_lease = per_second * self.lease.as_secs_f64() * LEASE_SHARE;
        // Rounded down: a handler that takes longer than a claim gains nothing from company.
        (while_claiming.min(within_lease) as usize).min(MOST)
    }
}

fn average(known: Option<f64>, sample: Duration) -> f64 {
    let sample = sample.as_secs_f64();
    known.map_or(sample, |known| known + SMOOTHING * (sample - known))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(20);

    fn measured(concurrency: usize, handler: Duration, claim: Duration) -> Prefetch {
        let mut prefetch = Prefetch::new(None, concurrency, LEASE);
        prefetch.handler_took(handler);
        prefetch.claim_took(claim);
        prefetch
    }

    #[test]
    fn nothing_is_prefetched_before_it_was_measured() {
        assert_eq!(Prefetch::new(None, 16, LEASE).size(), 0);
    }

    #[test]
    fn slow_handlers_get_none_and_quick_ones_many() {
        let claim = Duration::from_millis(5);
        assert_eq!(measured(1, Duration::from_secs(1), claim).size(), 0);
        assert_eq!(measured(4, Duration::from_millis(100), claim).size(), 0);
        assert_eq!(measured(16, Duration::from_millis(10), claim).size(), 16);
        assert_eq!(measured(16, Duration::from_micros(10), claim).size(), MOST);
    }

    #[test]
    fn a_slow_server_makes_nobody_hold_more_than_the_lease_allows() {
        let prefetch = measured(1, Duration::from_millis(100), Duration::from_secs(30));
        assert_eq!(prefetch.size(), 50);
    }

    #[test]
    fn a_configured_size_is_kept() {
        let mut prefetch = Prefetch::new(Some(0), 16, LEASE);
        prefetch.handler_took(Duration::from_micros(1));
        prefetch.claim_took(Duration::from_millis(5));
        assert_eq!(prefetch.size(), 0);
    }
}
