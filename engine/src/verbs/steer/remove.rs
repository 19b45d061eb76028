//! Removing one job, unless it is running.

use std::time::Duration;

use mongodb::bson::{Bson, Document, doc};

use super::{
    found::{FoundJob, by_name},
    one::Steered,
};
use crate::{
    base::{error::Result, patience::Patience},
    job::{document::new_token, fields, status::Status},
    store::collection::Store,
};

/// The statuses of jobs that may go.
pub(super) const REMOVABLE: [Status; 4] =
    [Status::Pending, Status::Completed, Status::Failed, Status::Superseded];

/// The filter under which a job goes: this very one, also where its id has been given to another meanwhile, and not while it
/// runs.
pub(super) fn fence(job: &FoundJob) -> Document {
    doc! {
        fields::ID: &job.id,
        fields::STATUS: { "$in": REMOVABLE.map(Status::as_str).to_vec() },
        fields::CREATED_AT: { "$eq": &job.created_at },
    }
}

/// Removes one job.
pub(crate) async fn remove(store: &Store, id: &str, patience: Duration) -> Result<Steered> {
    let mut patience = Patience::new(patience);
    // The job of a try whose reply was lost.
    let mut tried = None;
    loop {
        match try_remove(store, id, &mut tried).await {
            Ok(outcome) => return Ok(outcome),
            Err(error) => patience.pause_after(error).await?,
        }
    }
}

async fn try_remove(store: &Store, id: &str, tried: &mut Option<(Bson, Bson)>) -> Result<Steered> {
    loop {
        let found = by_name(store, id, &new_token()).await?;
        let identity = found.as_ref().map(|job| (job.id.clone(), job.created_at.clone()));
        if tried.is_some() && *tried != identity {
            // It is gone, and the call that asked for that was ours.
            store.confirm().await?;
            return Ok(Steered::Done);
        }
        let Some(job) = found else { return Ok(Steered::NotFound) };
        let Some(status) = job.status else { return Ok(Steered::NotFound) };
        if !REMOVABLE.contains(&status) {
            return Ok(Steered::WrongStatus(status));
        }
        *tried = identity;
        let removed = store.delete(vec![fence(&job)]).await?;
        // An answer leaves nothing to wonder about.
        *tried = None;
        if removed > 0 {
            return Ok(Steered::Done);
        }
    }
}
