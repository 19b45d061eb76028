//! The sizes to explore: small enough for every run of the tests, or as much as minutes allow.
use super::{protocol::Size, state::Budget};
use crate::job::{
    document::DedupeKey,
    status::DedupeScope,
    verdict::Verdict::{self, Complete, Fail, FailFatal, Release},
};

const VARIABLE: &str = "DURABL_MODEL";

pub(super) fn is_large() -> bool {
    std::env::var(VARIABLE).is_ok_and(|size| size == "large")
}

fn size(scope: Option<DedupeScope>, jobs: usize) -> Size {
    const VERDICTS: &[Verdict] = &[Complete, Fail, Release];
    const MORE_VERDICTS: &[Verdict] = &[Complete, Fail, FailFatal, Release];
    Size {
        workers: 2,
        reapers: if is_large() { 2 } else { 1 },
        jobs: vec![scope.map(|scope| DedupeKey { key: "key".to_owned(), scope }); jobs],
        max_attempts: 2,
        last_tick: if is_large() { 4 } else { 3 },
        verdicts: if is_large() { MORE_VERDICTS } else { VERDICTS },
        limits: Budget { claims: 2, ..Budget::default() },
    }
}

fn with(mut size: Size, change: impl FnOnce(&mut Budget)) -> Size {
    change(&mut size.limits);
    size
}

/// One job: its holder renews in time, too late or not at all, and one process dies.
pub(super) fn renewals_and_a_crash() -> Size {
    with(size(None, 1), |limits| (limits.renewals, limits.crashes) = (1, 1))
}

/// One job: a process stops waiting for a reply, and its statement arrives at any time, or never.
pub(super) fn a_lost_reply() -> Size {
    with(size(None, 1), |limits| limits.timeouts = 1)
}

/// One job: time for two leases to expire, and reapers that are slow.
pub(super) fn two_expiries() -> Size {
    Size { reapers: 2, last_tick: 4, verdicts: &[], ..size(None, 1) }
}

/// Two jobs of one key of scope `pending`: one runs, the other waits behind it.
pub(super) fn a_follower() -> Size {
    with(size(Some(DedupeScope::Pending), 2), |limits| limits.crashes = 1)
}

/// As [`a_follower`], with renewals.
pub(super) fn a_follower_of_a_renewed_job() -> Size {
    with(size(Some(DedupeScope::Pending), 2), |limits| limits.renewals = 1)
}

/// Two jobs of one key of scope `pending+active`: there is room for one.
pub(super) fn an_exclusive_key() -> Size {
    with(size(Some(DedupeScope::PendingAndActive), 2), |limits| {
        (limits.renewals, limits.crashes) = (u8::from(is_large()), 1);
    })
}

/// A second job is made as claimed, by a process that may die, or may not get the reply.
pub(super) fn a_hand_off() -> Size {
    let size = Size { verdicts: &[Complete, Fail], ..size(Some(DedupeScope::PendingAndActive), 2) };
    with(size, |limits| {
        (limits.claims, limits.hand_offs, limits.timeouts, limits.crashes) = (1, 1, 1, 1);
    })
}

/// One job: a caller cancels it, and it waits, runs or is given back. In every run of the tests either it is renewed,
/// and one process dies, or another process claims it again.
pub(super) fn a_cancellation(renewals: u8) -> Size {
    with(size(None, 1), |limits| {
        (limits.cancellations, limits.renewals, limits.crashes) = (1, renewals, renewals);
        if !is_large() {
            limits.claims = 2 - renewals;
        }
    })
}

/// As [`a_cancellation`], while a reply is lost and another job waits behind this one.
pub(super) fn a_cancellation_and_a_lost_reply() -> Size {
    with(size(Some(DedupeScope::Pending), 2), |limits| (limits.cancellations, limits.timeouts) = (1, 1))
}

/// Three workers; more states than a test of every day has time for.
pub(super) fn three_workers() -> Size {
    Size { workers: 3, ..with(size(None, 1), |limits| (limits.claims, limits.crashes) = (3, 0)) }
}

/// A reply is lost, and there is a follower, and renewals; more states than a test of every day has time for.
pub(super) fn much_at_once() -> Size {
    let all = with(size(Some(DedupeScope::Pending), 2), |limits| (limits.timeouts, limits.renewals) = (1, 1));
    Size { reapers: 1, last_tick: 3, verdicts: &[Complete, Fail], ..all }
}
