//! The number of jobs to hold beyond the free slots, so that handlers never wait for a claim.
//!
//! Sized by measurement: as many as handlers end while one claim is on its way. Slow handlers get none, since a job
//! that waits here could run elsewhere. And never more jobs are held than run within a fraction of the lease, or fit
//! into a bounded part of the memory. Without the latter, large jobs would make the number grow by itself: the more of
//! them there are, the longer their claim takes.

use std::time::Duration;

/// Weight of the newest sample in the moving averages.
const SMOOTHING: f64 = 0.2;
/// The most jobs held beyond the slots.
const MOST: usize = 2_000;
/// Prefetched jobs must be through within this part of their lease.
const LEASE_SHARE: f64 = 0.25;
/// A claim and its hand-over should be covered more than once, since both vary.
const COVER: f64 = 2.0;
/// The most bytes held beyond the slots, by the weights of jobs so far.
const MOST_BYTES: f64 = 16.0 * 1024.0 * 1024.0;

/// The measurements that decide the size.
#[derive(Debug, Clone)]
pub(crate) struct Prefetch {
    /// A fixed size by configuration.
    fixed: Option<usize>,
    concurrency: usize,
    lease: Duration,
    handler_seconds: Option<f64>,
    claim_seconds: Option<f64>,
    job_bytes: f64,
}

impl Prefetch {
    pub(crate) fn new(fixed: Option<usize>, concurrency: usize, lease: Duration) -> Self {
        Self { fixed, concurrency, lease, handler_seconds: None, claim_seconds: None, job_bytes: 0.0 }
    }

    pub(crate) fn slots(&mut self, concurrency: usize) {
        self.concurrency = concurrency;
    }

    pub(crate) fn handler_took(&mut self, elapsed: Duration) {
        self.handler_seconds = Some(average(self.handler_seconds, elapsed));
    }

    pub(crate) fn claim_took(&mut self, elapsed: Duration) {
        self.claim_seconds = Some(average(self.claim_seconds, elapsed));
    }

    /// Notes the average weight of jobs that were claimed together.
    pub(crate) fn jobs_weighed(&mut self, bytes: usize) {
        // The heavy ones count at once, and are forgotten slowly.
        self.job_bytes = (bytes as f64).max(self.job_bytes + SMOOTHING * (bytes as f64 - self.job_bytes));
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
        let within_memory = MOST_BYTES / self.job_bytes.max(1.0);
        (while_claiming.min(within_lease).min(within_memory) as usize).min(MOST)
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
    fn a_slow_server_makes_no_worker_hold_more_than_the_lease_allows() {
        let prefetch = measured(1, Duration::from_millis(100), Duration::from_secs(30));
        assert_eq!(prefetch.size(), 50);
    }

    #[test]
    fn large_jobs_that_make_claims_slow_do_not_have_more_of_them_held() {
        let mut prefetch = Prefetch::new(None, 16, LEASE);
        // Ten megabytes a second, half a megabyte a job.
        for _ in 0..50 {
            let claimed = 16 + prefetch.size();
            prefetch.jobs_weighed(512 * 1024);
            prefetch.claim_took(Duration::from_millis(50) * claimed as u32);
            prefetch.handler_took(Duration::from_millis(10));
        }
        assert_eq!(prefetch.size(), 32);
        for _ in 0..50 {
            prefetch.jobs_weighed(500);
        }
        assert!(prefetch.size() > 1_000, "small jobs are held as before");
    }

    #[test]
    fn a_configured_size_is_kept() {
        let mut prefetch = Prefetch::new(Some(0), 16, LEASE);
        prefetch.handler_took(Duration::from_micros(1));
        prefetch.claim_took(Duration::from_millis(5));
        assert_eq!(prefetch.size(), 0);
    }
}
