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
        match look(store, &dedupe.key, total).await? {
            Holders { pending: true, .. } => {
                if !job.coalesce_latest {
                    return Ok(None);
                }
                let replaced =
                    retrying(total, || dedupe::replace_pending_data(store, &job, &dedupe.key, Wait::Long));
                if replaced.await? {
                    return Ok(None);
                }
                // Either it was claimed since, and we look again, or it is of another type and keeps its data.
                if look(store, &dedupe.key, total).await?.pending {
                    return Ok(None);
                }
            }
            Holders { active: true, .. } => {
                // Held or created: either way one follower is pending now.
                enqueuer.enqueue_one(job).await?;
                return Ok(None);
            }
            Holders { .. } => {
                if let Some(claimed) = create_claimed(store, &job, total).await? {
                    return Ok(Some(claimed));
                }
            }
        }
    }
    // The key changes hands faster than we can look: somebody is running, so a follower it is.
    enqueuer.enqueue_one(job).await?;
    Ok(None)
}

async fn look(store: &Store, key: &str, patience: Duration) -> Result<Holders> {
    retrying(patience, || dedupe::single_flight_holders(store, key)).await
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
