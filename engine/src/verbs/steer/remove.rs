//! Removing one job, unless it is running.

use std::{collections::HashMap, time::Duration};

use mongodb::bson::{Bson, DateTime, Document, doc};

use super::{
    found::{FoundJob, by_name},
    one::Steered,
};
use crate::{
    base::{error::Result, patience::Patience},
    job::{document::new_token, fields, retention::would_come_again, status::Status},
    store::{collection::Store, side::Side, spill},
    verbs::retain::next_occurrences,
};

/// The statuses of jobs that may go.
pub(super) const REMOVABLE: [Status; 4] =
    [Status::Pending, Status::Completed, Status::Failed, Status::Superseded];

/// The filter under which a job goes: this very one, even if its id has been given to another meanwhile, and not while
/// it runs.
pub(super) fn fence(job: &FoundJob) -> Document {
    doc! {
        fields::ID: &job.id,
        fields::STATUS: { "$in": REMOVABLE.map(Status::as_str).to_vec() },
        fields::CREATED_AT: { "$eq": &job.created_at },
    }
}

/// The next occurrences of the schedules that have made some of these jobs.
pub(super) async fn schedules_of(side: &Side, jobs: &[&FoundJob]) -> Result<HashMap<String, DateTime>> {
    let ids = jobs.iter().filter_map(|job| Some(job.occurrence.as_ref()?.0.as_str()));
    next_occurrences(side, ids).await
}

/// True if the job's schedule would make it again.
pub(super) fn is_held(job: &FoundJob, next: &HashMap<String, DateTime>) -> bool {
    job.occurrence.as_ref().is_some_and(|(id, at)| would_come_again(next.get(id), *at))
}

/// Removes one job.
pub(crate) async fn remove(store: &Store, side: &Side, id: &str, patience: Duration) -> Result<Steered> {
    let mut patience = Patience::new(patience);
    // The job of a try whose reply was lost.
    let mut tried = None;
    loop {
        match try_remove(store, side, id, &mut tried).await {
            Ok(outcome) => return Ok(outcome),
            Err(error) => patience.pause_after(error).await?,
        }
    }
}

async fn try_remove(
    store: &Store,
    side: &Side,
    id: &str,
    tried: &mut Option<(Bson, Bson, bool)>,
) -> Result<Steered> {
    if tried.is_some() {
        store.confirm().await?;
    }
    loop {
        let found = by_name(store, id, &new_token()).await?;
        let identity = found.as_ref().map(|job| (job.id.clone(), job.created_at.clone(), job.is_spilled));
        if let Some((id, _, is_spilled)) = tried.as_ref().filter(|_| *tried != identity) {
            // It is gone, by this very call.
            spill::remove(store, is_spilled.then_some(id)).await?;
            return Ok(Steered::Done);
        }
        let Some(job) = found else { return Ok(Steered::NotFound) };
        let Some(status) = job.status else { return Ok(Steered::NotFound) };
        if !REMOVABLE.contains(&status) {
            return Ok(Steered::WrongStatus(status));
        }
        if is_held(&job, &schedules_of(side, &[&job]).await?) {
            return Ok(Steered::HeldBySchedule);
        }
        *tried = identity;
        let removed = store.delete(vec![fence(&job)]).await?;
        if removed > 0 {
            spill::remove(store, job.is_spilled.then_some(&job.id)).await?;
            return Ok(Steered::Done);
        }
        // A definite answer needs no look.
        *tried = None;
    }
}
