//! One job, by its id.

use std::time::Duration;

use mongodb::bson::{Bson, doc};

use super::{
    change::Change,
    found::{FoundJob, by_name},
    waking::wake,
};
use crate::{
    base::{
        error::{Error, Result},
        patience::Patience,
    },
    job::{document::new_token, fields, id_key, keys, status::Status},
    store::{
        collection::Store,
        write::{RefusalCause, Wait},
    },
    wake::hints::WakeHub,
};

/// Rounds in which others got in between a look and its write. Each takes two writes of theirs.
const MOST_ROUNDS: usize = 10;

/// The result of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Steered {
    /// It was made, by this call.
    Done,
    /// Its key has no room for it: the job that holds it.
    KeyHeld(String),
    /// The job's status is none that the change leads out of.
    WrongStatus(Status),
    /// A job with a journal keeps its data.
    HasJournal,
    /// Its schedule has not gone past its occurrence, and would make it again.
    HeldBySchedule,
    /// There is no such job.
    NotFound,
}

/// Changes one job.
pub(crate) async fn steer(
    store: &Store,
    wakes: &WakeHub,
    id: &str,
    change: &Change,
    patience: Duration,
) -> Result<Steered> {
    let (mut patience, proof) = (Patience::new(patience), new_token());
    let (steered, job) = loop {
        match try_steer(store, id, change, &proof, patience.has_failed()).await {
            Ok(outcome) => break outcome,
            Err(error) => patience.pause_after(error).await?,
        }
    };
    if let (Steered::Done, Some(job)) = (&steered, job) {
        wake(wakes, store, change, &job.job_type).await;
    }
    Ok(steered)
}

async fn try_steer(
    store: &Store,
    id: &str,
    change: &Change,
    proof: &str,
    was_ambiguous: bool,
) -> Result<(Steered, Option<FoundJob>)> {
    let mut last_refusal = None;
    if was_ambiguous {
        store.confirm().await?;
    }
    for _ in 0..MOST_ROUNDS {
        let Some(job) = by_name(store, id, proof).await? else {
            return Ok((Steered::NotFound, None));
        };
        if job.is_changed {
            return Ok((Steered::Done, Some(job)));
        }
        let Some(status) = job.status else { return Ok((Steered::NotFound, None)) };
        if !change.sources().contains(&status) {
            return Ok((Steered::WrongStatus(status), None));
        }
        if change.moves_pending() && job.is_parked {
            return Ok((Steered::WrongStatus(status), None));
        }
        if change.replaces_data() && job.has_journal {
            return Ok((Steered::HasJournal, None));
        }
        let reply = store.update_raw(change.raw_statement(&job.id, proof)?, Wait::Long).await?;
        match reply.refusals.into_iter().next().map(|refusal| refusal.cause) {
            None if reply.matched > 0 => return Ok((Steered::Done, Some(job))),
            // Another writer has changed it meanwhile.
            None => {}
            Some(RefusalCause::KeyHeld | RefusalCause::KeyKept | RefusalCause::IdExists) => {
                match holder(store, &job).await? {
                    Some(holder) => return Ok((Steered::KeyHeld(holder), None)),
                    None => last_refusal = Some(Error::foreign_index(Status::Pending.as_str())),
                }
            }
            Some(RefusalCause::Other(error)) => return Err(error),
        }
    }
    Err(last_refusal.unwrap_or_else(|| Error::timeout("a change of a job that others change all the time")))
}

/// The job that keeps this one from being pending. None if it has let its key go.
async fn holder(store: &Store, job: &FoundJob) -> Result<Option<String>> {
    let Some(dedupe) = &job.dedupe else { return Ok(None) };
    let found = store.find(keys::barring(dedupe), doc! { fields::ID: 1 }).await?;
    let ids = found.iter().filter_map(|holder| Bson::try_from(holder.get(fields::ID).ok()??).ok());
    Ok(ids.filter(|id| *id != job.id).map(|id| id_key::name_of(&id)).next())
}
