//! The life of a job as one table: the effects of operations on an active job. Pure; `settle`, `cancel` and `reaper`
//! write it.
//!
//! ```text
//!                      claim
//!        ┌─────────┐ ─────────▶ ┌────────┐  complete  ┌───────────┐
//!  ────▶ │ pending │            │ active │ ─────────▶ │ completed │
//!        └─────────┘ ◀───────── └────────┘            └───────────┘
//!              fail with attempts │   │ fail, no attempts left; fail fatally; recover, none left
//!              left, release,     │   └─────────────▶ ┌────────┐
//!              recover            │                   │ failed │
//!                                 │ as on the left,   └────────┘
//!                                 │ but a follower    ┌────────────┐
//!                                 └────────────────▶  │ superseded │
//!                                   waits already     └────────────┘
//! ```
//! A cancelled pending job goes to `failed` at once. A cancelled active job is marked, and fails when its owner is
//! done with it. Then every transition above but a settlement by hand leads to `failed`.
//!
//! `superseded` exists because a key of scope `pending` has room for one pending job. An active job that would have to
//! wait again finds its follower there, which will do the same work with newer data.
use super::{ending::Ending, status::Status, verdict::Verdict};

/// The change to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transition {
    /// To `completed`.
    Complete,
    /// To `pending`, due after the back-off.
    Retry,
    /// To `failed`.
    Fail,
    /// To `pending`, due at once, with the attempt given back.
    Release,
    /// To `pending`, due at once, the attempt spent: its holder is gone.
    Recover,
    /// To `superseded`.
    Supersede,
    /// To `failed`, as a caller has cancelled the job.
    Cancel,
    /// To `failed`, as the job was not started in time.
    Expire,
}

impl Transition {
    /// The transition by a verdict on a job that has had `attempt` starts of `max_attempts`.
    #[must_use]
    pub fn of_verdict(verdict: Verdict, attempt: i32, max_attempts: i32) -> Self {
        match verdict {
            Verdict::Complete => Self::Complete,
            Verdict::Fail if attempt < max_attempts => Self::Retry,
            Verdict::Fail | Verdict::FailFatal => Self::Fail,
            Verdict::Release => Self::Release,
            Verdict::Cancel => Self::Cancel,
            Verdict::Expire => Self::Expire,
        }
    }

    /// The ending of a job that fails by this transition.
    #[must_use]
    pub fn ending(self, is_fatal: bool) -> Option<Ending> {
        match self {
            Self::Fail if is_fatal => Some(Ending::Fatal),
            Self::Fail => Some(Ending::Exhausted),
            Self::Cancel => Some(Ending::Cancelled),
            Self::Expire => Some(Ending::Expired),
            Self::Complete | Self::Retry | Self::Release | Self::Recover | Self::Supersede => None,
        }
    }

    /// True if a job is cancelled instead, as a call has asked for that. A job that its owner has ended by
    /// hand keeps that end.
    #[must_use]
    pub fn yields_to_cancellation(self, is_by_hand: bool) -> bool {
        match self {
            Self::Complete | Self::Fail => !is_by_hand,
            Self::Retry | Self::Release | Self::Recover | Self::Supersede => true,
            Self::Cancel | Self::Expire => false,
        }
    }

    /// The transition of a job whose lease has expired.
    #[must_use]
    pub fn of_expiry(attempt: i32, max_attempts: i32, has_follower: bool) -> Self {
        match (attempt < max_attempts, has_follower) {
            (true, false) => Self::Recover,
            (false, false) => Self::Fail,
            (_, true) => Self::Supersede,
        }
    }

    /// The transition to write instead if the pending place of the key turns out to be taken.
    #[must_use]
    pub fn behind_follower(self) -> Self {
        match self {
            Self::Retry | Self::Release | Self::Recover => Self::Supersede,
            Self::Complete | Self::Fail | Self::Supersede | Self::Cancel | Self::Expire => self,
        }
    }

    /// The statuses that it leads out of. Nothing leads out of a terminal one. A pending job has no claim, so only callers without
    /// a token settle one, as the oldest API lets them.
    #[must_use]
    pub fn sources(self) -> &'static [Status] {
        match self {
            Self::Complete
            | Self::Retry
            | Self::Fail
            | Self::Release
            | Self::Supersede
            | Self::Cancel
            | Self::Expire => &[Status::Pending, Status::Active],
            Self::Recover => &[Status::Active],
        }
    }

    /// The status of a job afterwards that had this one. None if it does not lead out of it.
    #[must_use]
    pub fn out_of(self, status: Status) -> Option<Status> {
        self.sources().contains(&status).then(|| self.target())
    }

    /// The status it leads to.
    #[must_use]
    pub fn target(self) -> Status {
        match self {
            Self::Complete => Status::Completed,
            Self::Retry | Self::Release | Self::Recover => Status::Pending,
            Self::Fail | Self::Cancel | Self::Expire => Status::Failed,
            Self::Supersede => Status::Superseded,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Transition; 8] = [
        Transition::Complete,
        Transition::Retry,
        Transition::Fail,
        Transition::Release,
        Transition::Recover,
        Transition::Supersede,
        Transition::Cancel,
        Transition::Expire,
    ];

    #[test]
    fn each_transition_leads_from_its_sources_to_its_target_and_out_of_no_other_status() {
        use Status::{Active, Completed, Failed, Pending, Superseded};
        let table = [
            (Transition::Complete, [Some(Completed), Some(Completed), None, None, None]),
            (Transition::Retry, [Some(Pending), Some(Pending), None, None, None]),
            (Transition::Fail, [Some(Failed), Some(Failed), None, None, None]),
            (Transition::Release, [Some(Pending), Some(Pending), None, None, None]),
            (Transition::Recover, [None, Some(Pending), None, None, None]),
            (Transition::Supersede, [Some(Superseded), Some(Superseded), None, None, None]),
            (Transition::Cancel, [Some(Failed), Some(Failed), None, None, None]),
            (Transition::Expire, [Some(Failed), Some(Failed), None, None, None]),
        ];
        assert_eq!(table.map(|(transition, _)| transition), ALL);
        for (transition, targets) in table {
            assert_eq!(Status::ALL.map(|status| transition.out_of(status)), targets, "{transition:?}");
        }
        assert_eq!(Status::ALL, [Pending, Active, Completed, Failed, Superseded]);
        for status in Status::ALL {
            let is_left = ALL.iter().any(|transition| transition.out_of(status).is_some());
            assert_eq!(is_left, !status.is_terminal(), "{status:?}");
        }
    }

    #[test]
    fn a_failure_is_tried_again_while_attempts_are_left() {
        let fail = |attempt, most| Transition::of_verdict(Verdict::Fail, attempt, most);
        assert_eq!([fail(0, 1), fail(1, 2), fail(2, 3)], [Transition::Retry; 3]);
        assert_eq!([fail(1, 1), fail(3, 3), fail(4, 3), fail(0, 0), fail(1, -1)], [Transition::Fail; 5]);
    }

    #[test]
    fn other_verdicts_do_not_count_attempts() {
        for (attempt, most) in [(0, 3), (3, 3), (9, 3)] {
            let of = |verdict| Transition::of_verdict(verdict, attempt, most);
            assert_eq!(of(Verdict::Complete), Transition::Complete);
            assert_eq!(of(Verdict::FailFatal), Transition::Fail);
            assert_eq!(of(Verdict::Release), Transition::Release);
            assert_eq!(of(Verdict::Cancel), Transition::Cancel);
        }
    }

    #[test]
    fn every_job_that_fails_has_an_ending_and_no_other_has() {
        for transition in ALL {
            for is_fatal in [false, true] {
                let has_failed = transition.target() == Status::Failed;
                assert_eq!(transition.ending(is_fatal).is_some(), has_failed, "{transition:?}");
            }
        }
        assert_eq!(Transition::Fail.ending(true), Some(Ending::Fatal));
        assert_eq!(Transition::Fail.ending(false), Some(Ending::Exhausted));
    }

    #[test]
    fn a_job_that_would_wait_again_yields_to_a_cancellation() {
        for transition in ALL {
            if transition.target() == Status::Pending {
                assert!(
                    [false, true].map(|is_by_hand| transition.yields_to_cancellation(is_by_hand))
                        == [true; 2]
                );
            }
        }
        assert!(Transition::Complete.yields_to_cancellation(false));
        assert!(!Transition::Complete.yields_to_cancellation(true));
        assert!(!Transition::Cancel.yields_to_cancellation(false));
    }

    #[test]
    fn an_expired_lease_yields_to_a_follower_before_all_else() {
        assert_eq!(Transition::of_expiry(1, 3, false), Transition::Recover);
        assert_eq!(Transition::of_expiry(3, 3, false), Transition::Fail);
        assert_eq!(Transition::of_expiry(1, 3, true), Transition::Supersede);
        assert_eq!(Transition::of_expiry(3, 3, true), Transition::Supersede);
    }

    #[test]
    fn only_a_job_that_would_wait_again_is_superseded_when_its_place_is_taken() {
        for transition in ALL {
            let waits = transition.target() == Status::Pending;
            let expected = if waits { Transition::Supersede } else { transition };
            assert_eq!(transition.behind_follower(), expected);
            assert!(expected.target().is_terminal());
        }
    }
}
