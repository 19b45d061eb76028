//! Code that costs CPU once per job, opened only for the micro-benchmarks in `bench/micro`: behind a feature,
//! and without any promise.

use mongodb::bson::{Bson, RawDocumentBuf};

use crate::{
    base::error::Result,
    job::{
        document::{ClaimedJob, NewJob, new_id},
        server_time::ServerTime,
        transition::Transition,
    },
    verbs::settle::writing::{Change, writing},
};

/// The document of a new job, under a new id.
///
/// # Errors
/// The payload has no data.
pub fn encode_new(job: &NewJob) -> Result<RawDocumentBuf> {
    job.pending(&new_id(), ServerTime::exactly(1_800_000_000_000))
}

/// A claimed job as it comes from the server: the engine's own fields are read, the payload is not.
///
/// # Errors
/// The document is damaged.
pub fn read_claimed(document: RawDocumentBuf) -> Result<ClaimedJob> {
    ClaimedJob::read(document)
}

/// The update that completes a job.
#[must_use]
pub fn completion(job: &ClaimedJob) -> Bson {
    writing(Change { proof: job.token(), ..Change::of(Transition::Complete, &job.header) }).into()
}
