//! The endings of failed jobs.

use mongodb::bson::{Document, doc};

use super::{fields, status::Status};

/// The cause of a job's end as `failed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// Its attempts are used up.
    Exhausted,
    /// An attempt failed in a way that no retry mends.
    Fatal,
    /// It was cancelled.
    Cancelled,
    /// It was not started in time.
    Expired,
}

impl Ending {
    /// The word stored in the document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Fatal => "fatal",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}

/// Failed jobs that are no failures of the app's code, as a caller or their own time limit has ended them.
pub(crate) fn set_apart() -> Document {
    let endings = [Ending::Cancelled, Ending::Expired].map(Ending::as_str).to_vec();
    doc! { fields::STATUS: Status::Failed.as_str(), fields::ENDING: { "$in": endings } }
}
