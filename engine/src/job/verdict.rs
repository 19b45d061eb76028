//! The words for the end of a claim: what is asked for, and what came of it.

use std::time::Duration;

use mongodb::bson::{Bson, DateTime};

use super::status::Status;

/// How a claim ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The work is done.
    Complete,
    /// It went wrong; try again if attempts are left.
    Fail,
    /// It went wrong in a way that no retry mends.
    FailFatal,
    /// It was not done and that is nobody's fault: the attempt is given back.
    Release,
    /// It was cancelled, and is not to be started.
    Cancel,
    /// Its time has passed before it was started, and it is not to be started.
    Expire,
}

/// What goes along with a verdict, where there is something.
#[derive(Debug, Clone, Default)]
pub struct Details {
    /// Where the failure came from.
    pub stack: Option<String>,
    /// How long the job waits before it is due again, where it is to wait again; none for what is usual.
    pub delay: Option<Duration>,
    /// The moment until which the job parks, by the server's clock, if its handler sleeps.
    pub parked_until: Option<DateTime>,
    /// What the handler returned, to be kept with a completed job.
    pub result: Option<Bson>,
    /// Whether the owner settles in the midst of its work. The end of a handler settles nothing by hand: a job that was asked to be
    /// cancelled is cancelled then.
    pub is_by_hand: bool,
}

/// What became of a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The job is completed.
    Completed,
    /// The job will run again after this long.
    RetryScheduled(Duration),
    /// The job has failed for good.
    FailedTerminal,
    /// Its follower covers its work.
    Superseded,
    /// The job is pending again and the attempt given back.
    Released,
    /// The same, and it is due after this long.
    Deferred(Duration),
    /// The job has failed, as it was asked to be cancelled.
    Cancelled,
    /// The job has failed, as its time had passed before it was started.
    Expired,
    /// It had ended before, so.
    AlreadyTerminal(Status),
    /// Somebody else holds the job, or nobody; it is not ours to settle.
    LeaseLost,
    /// There is no such job.
    NotFound,
}
