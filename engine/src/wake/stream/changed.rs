//! The part that an update event doesn't tell: the jobs that may be claimed now that these have changed.

use std::{sync::Arc, time::Duration};

use mongodb::bson::{Bson, DateTime, RawDocument, RawDocumentBuf, doc};
use tokio::sync::mpsc;

use crate::{
    base::error::Result,
    job::{
        document::{date, text},
        fields, keys,
        status::Status,
    },
    store::{collection::Store, holders},
    wake::hints::{Audience, Wake, WakeHub},
};

/// Jobs looked up at once.
pub(super) const MOST_LOOKED_UP: usize = 500;

/// Wakes a type when its job is due.
pub(super) async fn wake_at(wakes: &WakeHub, store: &Store, job_type: String, run_at: DateTime) {
    // Without the server's time the wake-up comes early, which is harmless.
    let wait = store.server_time().await.map_or(Duration::ZERO, |now| now.until(run_at));
    if wait.is_zero() {
        wakes.wake(&Wake::Type(job_type), Audience::Everyone);
    } else {
        wakes.wake_after(&job_type, wait);
    }
}

/// Looks changed jobs up, those that arrived meanwhile together.
pub(super) async fn look_up(mut inbox: mpsc::Receiver<Bson>, store: Arc<Store>, wakes: Arc<WakeHub>) {
    let mut ids = Vec::with_capacity(MOST_LOOKED_UP);
    while inbox.recv_many(&mut ids, MOST_LOOKED_UP).await > 0 {
        let Ok(jobs) = claimable(&store, std::mem::take(&mut ids)).await else {
            wakes.wake(&Wake::Any, Audience::Everyone);
            continue;
        };
        for job in &jobs {
            let Some(job_type) = text(job, fields::TYPE) else { continue };
            match date(job, fields::RUN_AT) {
                Some(run_at) => wake_at(&wakes, &store, job_type.to_owned(), run_at).await,
                None => wakes.wake(&Wake::Type(job_type.to_owned()), Audience::Everyone),
            }
        }
    }
}

/// The changed jobs that wait, and the followers of the others, which may be of other types.
async fn claimable(store: &Store, ids: Vec<Bson>) -> Result<Vec<RawDocumentBuf>> {
    let projection = doc! {
        fields::TYPE: 1, fields::STATUS: 1, fields::RUN_AT: 1, fields::DEDUPE_KEY: 1, fields::DEDUPE_SCOPE: 1,
    };
    let changed = store.find(doc! { fields::ID: { "$in": ids } }, projection).await?;
    let (mut waiting, ended): (Vec<_>, Vec<_>) = changed.into_iter().partition(|job| is_pending(job));
    let freed: Vec<&str> = ended.iter().filter_map(|job| keys::single_flight_key(job)).collect();
    if !freed.is_empty() {
        waiting.extend(holders::followers(store, freed).await?);
    }
    Ok(waiting)
}

fn is_pending(job: &RawDocument) -> bool {
    text(job, fields::STATUS) == Some(Status::Pending.as_str())
}
