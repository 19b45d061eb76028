//! The request to cancel a running job, as the job's document shows it.

use mongodb::bson::{RawBsonRef, RawDocument};

use super::{fields, picked::pick};

/// The mark of a running job that is to be cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Cancellation {
    /// The reason, for people; none if none was given.
    pub(crate) reason: Option<String>,
}

impl Cancellation {
    /// The mark of a job. A mark of any type counts.
    pub(crate) fn of_job(job: &RawDocument) -> Option<Self> {
        let [mark, reason] = pick(job, [fields::CANCEL_REQUESTED_AT, fields::CANCEL_REASON]);
        Self::of(mark, reason)
    }

    pub(super) fn of(mark: Option<RawBsonRef<'_>>, reason: Option<RawBsonRef<'_>>) -> Option<Self> {
        mark.filter(|mark| *mark != RawBsonRef::Null)?;
        Some(Self { reason: reason.and_then(RawBsonRef::as_str).map(str::to_owned) })
    }
}
