//! The life of a job as one table: what an operation makes of an active job. Pure; `settle` and `reaper` write it.
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
//! `superseded` exists because a key of scope `pending` has room for one pending job: an active job that would have
//! to wait again finds its follower there, which will do the same work with newer data.

use crate::status::Status;

/// How a claim ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The work is done.
    Complete,
    /// It went wrong; try again if attempts are left.
    Fail,
    /// It went wrong in a way that no retry mends.
    FailFatal,
    /// It was not done and that is nobody's fault: the attempt is given back.
    Release,
}

/// What is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

impl Transition {
    /// What a verdict makes of a job that has had `attempt` starts of `max_attempts`.
    #[must_use]
    pub fn of_verdict(verdict: Verdict, attempt: i32, max_attempts: i32) -> Self {
        match verdict {
            Verdict::Complete => Self::Complete,
            Verdict::Fail if attempt < max_attempts => Self::Retry,
            Verdict::Fail | Verdict::FailFatal => Self::Fail,
            Verdict::Release => Self::Release,
        }
    }

    /// What becomes of a job whose lease has run out.
    #[must_use]
    pub fn of_expiry(attempt: i32, max_attempts: i32, has_follower: bool) -> Self {
        match (attempt < max_attempts, has_follower) {
            (true, false) => Self::Recover,
            (false, false) => Self::Fail,
            (_, true) => Self::Supersede,
        }
    }

    /// What is written instead if the pending place of the key turns out to be taken.
    #[must_use]
    pub fn behind_follower(self) -> Self {
        match self {
            Self::Retry | Self::Release | Self::Recover => Self::Supersede,
            Self::Complete | Self::Fail | Self::Supersede => self,
        }
    }

    /// The status it leads to.
    #[must_use]
    pub fn target(self) -> Status {
        match self {
            Self::Complete => Status::Completed,
            Self::Retry | Self::Release | Self::Recover => Status::Pending,
            Self::Fail => Status::Failed,
            Self::Supersede => Status::Superseded,
        }
    }
}
