//! The fates of single jobs of a batch, on their way to the answers.

use super::request::{Enqueued, NewJobFate};
use crate::base::error::Error;

/// The fate of one of them.
#[derive(Debug, Clone)]
pub(super) enum Created {
    Job(String),
    /// Its key is held, or its id is taken; its holder is looked up for callers that ask.
    Duplicate(Option<String>),
    /// A pending job holds its key, and has its data now.
    Coalesced(Option<String>),
    Refused(Error),
}

impl Created {
    pub(super) fn into_answer(self) -> Enqueued {
        match self {
            Self::Job(id) => Ok(NewJobFate::Created(id)),
            Self::Duplicate(holder) => Ok(NewJobFate::Duplicate(holder)),
            Self::Coalesced(holder) => Ok(NewJobFate::Coalesced(holder)),
            Self::Refused(error) => Err(error),
        }
    }

    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::Job(id) => Some(id),
            Self::Duplicate(_) | Self::Coalesced(_) | Self::Refused(_) => None,
        }
    }
}
