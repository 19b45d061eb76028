//! The update that claims a job, and the filter for the jobs that it took.

use std::time::Duration;

use mongodb::bson::{Document, doc};

use crate::job::{fields, status::Status};

/// The length of the lease that a claim asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeaseKind {
    /// Renewed by this process: marked with its length, so that the reapers know.
    Managed(Duration),
    /// Settled by hand: as long as the reapers' visibility timeout.
    Manual,
}

/// The update that claims a pending job.
pub(crate) fn taking(token: &str, lease: LeaseKind) -> Vec<Document> {
    let attempt = doc! { "$add": [fields::whole_number(fields::ATTEMPT), 1] };
    let mut set = doc! {
        fields::STATUS: Status::Active.as_str(),
        fields::CLAIM_TOKEN: token,
        fields::CLAIMED_AT: fields::NOW,
        fields::ATTEMPT: attempt.clone(),
    };
    let mut update = Vec::with_capacity(2);
    match lease {
        LeaseKind::Managed(length) => {
            let mark = doc! {
                fields::LEASE_TOKEN: token,
                fields::LEASE_ATTEMPT: attempt,
                fields::LEASE_MS: length.as_millis() as i64,
            };
            set.insert(fields::LEASE, mark);
        }
        LeaseKind::Manual => update.push(doc! { "$unset": fields::LEASE }),
    }
    update.push(doc! { "$set": set });
    update
}

/// The filter for the jobs that claims of these tokens have taken.
pub(crate) fn taken_under(job_type: &str, tokens: &[&str]) -> Document {
    doc! {
        fields::TYPE: job_type,
        fields::STATUS: Status::Active.as_str(),
        fields::CLAIM_TOKEN: { "$in": tokens },
    }
}
