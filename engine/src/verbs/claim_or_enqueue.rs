//! Creating a job and claiming it in one step, so that a burst under one key runs once now and at most once more.

use std::time::Duration;

use mongodb::bson::{RawDocumentBuf, doc};

use super::enqueue::enqueuer::Enqueuer;
use crate::{
    base::{
        error::Result,
        patience::{Patience, retrying},
    },
    job::{
        document::{ClaimedJob, DedupeKey, NewJob, new_claim_token, new_id, text},
        fields,
        status::{DedupeScope, Status},
    },
    store::{
        collection::Store,
        holders::{self, Holders},
        write::{RefusalCause, Wait},
    },
};

/// Rounds in which others take and free the key between the look and the write.
const MOST_ROUNDS: usize = 20;

/// The new job, already claimed here, or none if its key is held. Under a key of scope `pending` none also means that
/// a pending job is there that will run after this moment.
pub(crate) async fn claim_or_enqueue(
    store: &Store,
    enqueuer: &Enqueuer,
    job: NewJob,
    patience: Duration,
) -> Result<Option<ClaimedJob>> {
    let single_flight = job.dedupe.as_ref().filter(|dedupe| dedupe.scope == DedupeScope::Pending).cloned();
    match single_flight {
        None => match create_claimed(store, &job, patience).await? {
            Created::Claimed(claimed) => Ok(Some(*claimed)),
            Created::Lost | Created::KeyHeld => Ok(None),
        },
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
        let holders = retrying(total, || holders::single_flight_holders(store, &dedupe.key)).await?;
        if holders != Holders::default() {
            break;
        }
        match create_claimed(store, &job, total).await? {
            Created::Claimed(claimed) => return Ok(Some(*claimed)),
            Created::Lost => return Ok(None),
            Created::KeyHeld => {}
        }
    }
    // Another job runs or waits already: one follower is pending after this, made here or elsewhere. Only a
    // write may say so: a primary that has lost its majority may show state that is about to be taken back.
    enqueuer.enqueue_one(job).await?;
    Ok(None)
}

/// The fate of a job that was to be created as claimed here.
enum Created {
    Claimed(Box<ClaimedJob>),
    /// It was created, and before its reply came another worker had it: to make another one would have the
    /// work done twice.
    Lost,
    KeyHeld,
}

async fn create_claimed(store: &Store, job: &NewJob, patience: Duration) -> Result<Created> {
    let id = job.id.clone().unwrap_or_else(new_id);
    let token = new_claim_token(store.worker());
    let mut patience = Patience::new(patience);
    loop {
        match try_create_claimed(store, job, &id, &token, patience.has_failed()).await {
            Ok(created) => return Ok(created),
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
) -> Result<Created> {
    store.check_write_concern().await?;
    let document = job.active(id, token, store.server_time().await?)?;
    for _ in 0..MOST_ROUNDS {
        let reply = match store.insert([&document], Wait::Brief).await {
            // Its key is in a transaction of the app.
            Err(error) if error.is_time_limit() => store.insert([&document], Wait::HeldUp).await?,
            written => written?,
        };
        let Some(refusal) = reply.refusals.into_iter().next() else { return claimed(document) };
        match refusal.cause {
            // The job is this call's own: by an earlier try, or by this one, whose time was up as it was done. Or its
            // caller's id is taken.
            RefusalCause::IdExists => return own(store, id, token).await,
            // The holder may be this call's own job, by an earlier try whose reply was lost.
            RefusalCause::KeyHeld if was_ambiguous => return own(store, id, token).await,
            RefusalCause::KeyHeld => return Ok(Created::KeyHeld),
            RefusalCause::KeyKept => {
                let own = if was_ambiguous { own(store, id, token).await? } else { Created::KeyHeld };
                let key = job.lasting_key().unwrap_or_default();
                if !matches!(own, Created::KeyHeld) || !holders::let_go(store, key, Wait::HeldUp).await? {
                    return Ok(own);
                }
            }
            RefusalCause::Other(error) => return Err(error),
        }
    }
    Ok(Created::KeyHeld)
}

fn claimed(document: RawDocumentBuf) -> Result<Created> {
    Ok(Created::Claimed(Box::new(ClaimedJob::read(document)?)))
}

/// The call's own job, if an earlier try has created it, and if its claim still holds.
async fn own(store: &Store, id: &str, token: &str) -> Result<Created> {
    let Some(job) = store.find(doc! { fields::ID: id }, fields::of_a_run()).await?.pop() else {
        return Ok(Created::KeyHeld);
    };
    let is_held = text(&job, fields::STATUS) == Some(Status::Active.as_str())
        && text(&job, fields::CLAIM_TOKEN) == Some(token);
    if is_held { claimed(job) } else { Ok(Created::Lost) }
}
