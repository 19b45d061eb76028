//! Many jobs at once, in steps: each job by a fenced statement of its own, so that changes by others meanwhile are
//! left alone.

use std::{collections::BTreeSet, slice, time::Duration};

use mongodb::bson::{Bson, Document};

use super::{
    change::Change,
    found::{FoundJob, by_names},
    remove,
    waking::wake,
};
use crate::{
    base::{
        error::{Error, Result},
        patience::Patience,
    },
    job::{document::new_token, fields, status::Status},
    store::{
        collection::Store,
        side::Side,
        spill,
        write::{RefusalCause, Statement, Update, Wait, WriteReply},
    },
    verbs::cancel::{self, Request, Told},
    wake::hints::WakeHub,
};

/// Jobs changed by one command.
const STEP: usize = 500;

/// Changes those of these jobs that allow the change, or of these only those that are in one status. Returns their
/// number.
pub(crate) async fn steer_each(
    store: &Store,
    wakes: &WakeHub,
    ids: &[String],
    (change, from): (&Change, Option<Status>),
    patience: Duration,
) -> Result<u64> {
    let mut changed = 0;
    for ids in ids.chunks(STEP) {
        changed += Step { store, wakes, ids, change, from, proof: new_token() }.take(patience).await?;
    }
    Ok(changed)
}

/// Removes those of these jobs that are not running, and that no schedule would make again. With a status, it removes
/// only those in it. Returns their number.
pub(crate) async fn remove_each(
    store: &Store,
    side: &Side,
    ids: &[String],
    from: Option<Status>,
    patience: Duration,
) -> Result<u64> {
    let mut removed = 0;
    for ids in ids.chunks(STEP) {
        let (mut patience, mut tried) = (Patience::new(patience), Tried::default());
        removed += loop {
            match remove_step(store, side, ids, from, &mut tried).await {
                Ok(removed) => break removed,
                Err(error) => patience.pause_after(error).await?,
            }
        };
    }
    Ok(removed)
}

/// Cancels those of these jobs that have not ended, or of these only those that are in one status. Returns the fate of
/// each, in order.
pub(crate) async fn cancel_each(
    store: &Store,
    ids: &[String],
    request: &Request<'_>,
    patience: Duration,
) -> Result<Vec<Told>> {
    let mut told = Vec::with_capacity(ids.len());
    for ids in ids.chunks(STEP) {
        let mut patience = Patience::new(patience);
        if let Some(all) = cancel_unheld(store, ids, request, &mut patience).await? {
            told.extend(all);
            continue;
        }
        // A transaction of the app holds one of them up. Each now goes by itself, and one that is still
        // held up is left as it is.
        patience.note_failure();
        for id in ids {
            let one = cancel_unheld(store, slice::from_ref(id), request, &mut patience).await?;
            told.extend(one.unwrap_or_else(|| vec![Told::nothing()]));
        }
    }
    Ok(told)
}

/// None if a transaction holds one of them up.
async fn cancel_unheld(
    store: &Store,
    ids: &[String],
    request: &Request<'_>,
    patience: &mut Patience,
) -> Result<Option<Vec<Told>>> {
    loop {
        match cancel::cancel(store, ids, request).await {
            Ok(told) => return Ok(Some(told)),
            Err(error) if error.is_time_limit() => return Ok(None),
            Err(error) => patience.pause_after(error).await?,
        }
    }
}

/// Tries to remove jobs whose replies were lost.
#[derive(Default)]
struct Tried {
    /// The number of jobs that were to go. Those that are gone by now have been removed.
    going: Option<u64>,
    /// Those that have values of steps in a collection of their own.
    spilled: Vec<Bson>,
}

async fn remove_step(
    store: &Store,
    side: &Side,
    ids: &[String],
    from: Option<Status>,
    tried: &mut Tried,
) -> Result<u64> {
    let found = by_names(store, ids, "").await?;
    let may_go = |job: &&FoundJob| job.has_status(&remove::REMOVABLE) && is_in(job, from);
    let mut going: Vec<&FoundJob> = found.iter().filter(may_go).collect();
    let next = remove::schedules_of(side, &going).await?;
    going.retain(|job| !remove::is_held(job, &next));
    let before = *tried.going.get_or_insert(going.len() as u64);
    tried.spilled.extend(going.iter().filter(|job| job.is_spilled).map(|job| job.id.clone()));
    let removed = store.delete(going.iter().map(|job| only(remove::fence(job), from)).collect()).await?;
    spill::remove_orphans(store, &tried.spilled).await?;
    Ok(removed + before.saturating_sub(going.len() as u64))
}

/// True if a job is still in the status by which it was found.
fn is_in(job: &FoundJob, from: Option<Status>) -> bool {
    from.is_none_or(|from| job.status == Some(from))
}

/// The fence, for jobs of one status.
fn only(mut fence: Document, from: Option<Status>) -> Document {
    if let Some(from) = from {
        fence.insert(fields::STATUS, from.as_str());
    }
    fence
}

struct Step<'a> {
    store: &'a Store,
    wakes: &'a WakeHub,
    ids: &'a [String],
    change: &'a Change,
    from: Option<Status>,
    proof: String,
}

impl Step<'_> {
    async fn take(&self, patience: Duration) -> Result<u64> {
        let (mut patience, mut is_apart) = (Patience::new(patience), false);
        loop {
            match self.try_take(is_apart, patience.has_failed()).await {
                Ok(changed) => return Ok(changed),
                // A transaction of the app holds one of them up, and all behind it.
                Err(error) if error.is_time_limit() && !is_apart => {
                    is_apart = true;
                    patience.note_failure();
                }
                Err(error) => patience.pause_after(error).await?,
            }
        }
    }

    async fn try_take(&self, is_apart: bool, was_ambiguous: bool) -> Result<u64> {
        if was_ambiguous {
            self.store.confirm().await?;
        }
        let found = by_names(self.store, self.ids, &self.proof).await?;
        let own = found.iter().filter(|job| job.is_changed).count() as u64;
        let is_open = |job: &&FoundJob| {
            !job.is_changed && job.has_status(self.change.sources()) && is_in(job, self.from)
        };
        let open: Vec<&FoundJob> = found.iter().filter(is_open).collect();
        let changed = own + if is_apart { self.write_apart(&open).await? } else { self.write(&open).await? };
        if changed > 0 {
            let types: BTreeSet<&str> = found.iter().map(|job| job.job_type.as_str()).collect();
            for job_type in types {
                wake(self.wakes, self.store, self.change, job_type).await;
            }
        }
        Ok(changed)
    }

    /// All in one command.
    async fn write(&self, jobs: &[&FoundJob]) -> Result<u64> {
        let statements: Vec<Statement> = jobs
            .iter()
            .map(|job| {
                let fence = only(self.change.fence(&job.id, &self.proof), self.from);
                Statement::one(fence, self.change.update(&self.proof))
            })
            .collect();
        let reply = self.store.update(Update { wait: Wait::Brief, ..statements.into() }).await?;
        transient_refusal(&reply).map_or(Ok(reply.matched), Err)
    }

    /// Each by itself. One that is still held up is left as it is.
    async fn write_apart(&self, jobs: &[&FoundJob]) -> Result<u64> {
        let mut changed = 0;
        for job in jobs {
            match self.write(&[job]).await {
                Ok(matched) => changed += matched,
                Err(error) if error.is_time_limit() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(changed)
    }
}

/// A refusal that the next try may not meet. All other refusals by a server, such as a held key, are about one job.
fn transient_refusal(reply: &WriteReply) -> Option<Error> {
    reply.refusals.iter().find_map(|refusal| match &refusal.cause {
        RefusalCause::Other(error) if error.is_transient() => Some(error.clone()),
        _ => None,
    })
}
