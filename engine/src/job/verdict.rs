//! The words for the end of a claim: the verdict, and its result.

use std::time::Duration;

use mongodb::bson::{Bson, DateTime};

use super::status::Status;

/// The intended end of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The work is done.
    Complete,
    /// It went wrong; try again if attempts are left.
    Fail,
    /// It went wrong in a way that no retry mends.
    FailFatal,
    /// It was not done, without any failure: the attempt is given back.
    Release,
    /// It was cancelled, and is not to be started.
    Cancel,
    /// Its time has passed before it was started, and it is not to be started.
    Expire,
}

/// Details beside a verdict, if there are any.
#[derive(Debug, Clone, Default)]
pub struct Details {
    /// The stack of the failure.
    pub stack: Option<String>,
    /// Time until a job that is to wait again is due again; none for the usual time.
    pub delay: Option<Duration>,
    /// The moment until which the job parks, by the server's clock, if its handler sleeps.
    pub parked_until: Option<DateTime>,
    /// The handler's result, to be kept with a completed job.
    pub result: Option<Bson>,
    /// True if the owner settles in the midst of its work. The end of a handler settles nothing by hand: it
    /// cancels a job that was asked to be cancelled.
    pub is_by_hand: bool,
}

/// The result of writing a verdict.
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
    /// The job is another holder's, or has none; it can't be settled under this claim.
    LeaseLost,
    /// There is no such job.
    NotFound,
}
