//! Creating a job and claiming it in one step, so that a burst under one key runs once now and at most once more.

use std::time::Duration;

use crate::{
    dedupe::{self, Holders},
    enqueue::Enqueuer,
    error::Result,
    fence, fields,
    job::{ClaimedJob, DedupeKey, NewJob, new_id, new_token},
    patience::{Patience, retrying},
    status::DedupeScope,
    store::{RefusalCause, Store, Wait},
};

/// Rounds in which others take and free the key between our look and our write.
const MOST_ROUNDS: usize = 20;

/// The new job, already ours, or none if its key is held. Under a key of scope `pending` none also means that a
/// pending job is there that will run after this moment.
pub(crate) async fn claim_or_enqueue(
    store: &Store,
    enqueuer: &Enqueuer,
    job: NewJob,
    patience: Duration,
) -> Result<Option<ClaimedJob>> {
    let single_flight = job.dedupe.as_ref().filter(|dedupe| dedupe.scope == DedupeScope::Pending).cloned();
    match single_flight {
        None => create_claimed(store, &job, patience).await,
        Some(dedupe) => claim_or_follow(store, enqueuer, job, &dedupe, patience).await,
    }
}

async fn claim_or_follow(
    store: &Store,
    enqueuer: &Enqueuer,
    job: NewJob,
    dedupe: &DedupeKey,
    total: Duration,
) -> Result<Option<ClaimedJob>> {
    for _ in 0..MOST_ROUNDS {
        let holders = retrying(total, || dedupe::single_flight_holders(store, &dedupe.key)).await?;
        if holders != Holders::default() {
            break;
        }
        if let Some(claimed) = create_claimed(store, &job, total).await? {
            return Ok(Some(claimed));
        }
    }
    // Somebody is running, or waits already: one follower is pending after this, whoever makes it. Only a write may say so:
    // what a primary shows that has lost its majority is about to be taken back.
    enqueuer.enqueue_one(job).await?;
    Ok(None)
}

async fn create_claimed(store: &Store, job: &NewJob, patience: Duration) -> Result<Option<ClaimedJob>> {
    let (id, token) = (new_id(), new_token());
    let mut patience = Patience::new(patience);
    loop {
        match try_create_claimed(store, job, &id, &token, patience.has_failed()).await {
            Ok(claimed) => return Ok(claimed),
            Err(error) => patience.pause_after(error).await?,
        }
    }
}

async fn try_create_claimed(
    store: &Store,
    job: &NewJob,
    id: &str,
    token: &str,
    was_ambiguous: bool,
) -> Result<Option<ClaimedJob>> {
    let document = job.active(id, token, store.server_time().await?)?;
    let reply = store.insert([&document], Wait::Long).await?;
    match reply.refusals.into_iter().next().map(|refusal| refusal.cause) {
        None => ClaimedJob::read(document).map(Some),
        Some(RefusalCause::IdExists) => own(store, id, token).await,
        // The holder may be ourselves, by an earlier try whose reply was lost.
        Some(RefusalCause::KeyHeld) if was_ambiguous => own(store, id, token).await,
        Some(RefusalCause::KeyHeld) => Ok(None),
        Some(RefusalCause::Other(error)) => Err(error),
    }
}

/// Our own job, if its claim is still ours.
async fn own(store: &Store, id: &str, token: &str) -> Result<Option<ClaimedJob>> {
    let found = store.find(fence::held(&id.into(), token), fields::of_a_run()).await?;
    found.into_iter().next().map(ClaimedJob::read).transpose()
}
