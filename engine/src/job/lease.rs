//! The length of a managed lease, the times of its renewals, and the time until which its holder may believe in it.

use std::time::{Duration, Instant};

/// The default. Long enough for an election, short enough that a dead process's jobs start elsewhere within half a
/// minute, sweeps included.
const DEFAULT_LENGTH: Duration = Duration::from_secs(20);
/// A user's heartbeat interval stands for a lease this many times as long, so that two renewals may fail in a row.
const RENEWALS_PER_LEASE: u32 = 4;
const SHORTEST_INTERVAL: Duration = Duration::from_millis(20);

/// The terms of a managed lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeaseTerms {
    pub(crate) length: Duration,
    pub(crate) renew_every: Duration,
}

/// A length that a holder writes for its lease. Of two writes under one claim that of the higher turn counts, whichever comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LeaseLength {
    pub(crate) length: Duration,
    pub(crate) turn: i64,
}

impl LeaseLength {
    /// The length with which a claim begins.
    pub(crate) fn first(length: Duration) -> Self {
        Self { length, turn: 0 }
    }
}

impl LeaseTerms {
    /// A lease is never longer than the visibility timeout, as reapers of other versions go by that.
    pub(crate) fn new(visibility_timeout: Duration, heartbeat_interval: Option<Duration>) -> Self {
        let wanted = heartbeat_interval.map_or(DEFAULT_LENGTH, |interval| interval * RENEWALS_PER_LEASE);
        let length = wanted.min(visibility_timeout);
        let longest_interval = length / RENEWALS_PER_LEASE;
        let renew_every =
            heartbeat_interval.map_or(longest_interval, |interval| interval.min(longest_interval));
        Self { length, renew_every: renew_every.max(SHORTEST_INTERVAL.min(length / 2)) }
    }

    /// The moment at which the holder must consider the lease lost. Counted from before the claim or renewal was
    /// *sent*. The server set its own clock's time later than that, so no other process can see the lease expire
    /// sooner. The margin leaves the handler a moment to notice.
    pub(crate) fn deadline(self, sent: Instant) -> Instant {
        sent + self.length * 9 / 10
    }

    /// True if enough of a lease that was asked for at `sent` is left for a handler to be started under it.
    pub(crate) fn is_worth_starting(self, sent: Instant, now: Instant) -> bool {
        now + self.length / 10 < self.deadline(sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTES_5: Duration = Duration::from_secs(300);

    #[test]
    fn the_default_lease_leaves_time_for_sweeps_within_half_a_minute() {
        let terms = LeaseTerms::new(MINUTES_5, None);
        assert_eq!(terms.length, Duration::from_secs(20));
        assert_eq!(terms.renew_every, Duration::from_secs(5));
    }

    #[test]
    fn a_lease_is_never_longer_than_the_visibility_timeout() {
        let terms = LeaseTerms::new(Duration::from_secs(2), Some(Duration::from_secs(60)));
        assert_eq!(terms.length, Duration::from_secs(2));
        assert_eq!(terms.renew_every, Duration::from_millis(500));
    }

    #[test]
    fn the_holder_gives_up_before_anyone_else_may_take() {
        let terms = LeaseTerms::new(MINUTES_5, Some(Duration::from_secs(1)));
        let sent = Instant::now();
        assert!(terms.deadline(sent) < sent + terms.length);
        assert!(terms.deadline(sent) > sent + terms.renew_every * 3);
    }

    #[test]
    fn a_lease_that_is_nearly_over_is_not_worth_starting_under() {
        let terms = LeaseTerms::new(Duration::from_secs(60), Some(Duration::from_secs(10)));
        let sent = Instant::now();
        assert!(terms.is_worth_starting(sent, sent));
        assert!(terms.is_worth_starting(sent, sent + Duration::from_secs(20)));
        assert!(!terms.is_worth_starting(sent, sent + Duration::from_secs(39)));
    }
}
