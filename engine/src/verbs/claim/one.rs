//! Claiming one job, of a type or of a key.

use std::time::Duration;

use mongodb::{
    bson::Document,
    options::{FindOneAndUpdateOptions, ReturnDocument},
};

use super::{
    batch::take_batch,
    contention::Contention,
    due::{claim_order, due},
    room::Room,
    taken::{Taken, TakenJobs},
    taking::{LeaseKind, taken_under, taking},
    tokens::ClaimTokens,
};
use crate::{
    base::{
        error::{Error, ErrorKind, Result},
        patience::Patience,
    },
    job::{document::ClaimedJob, fields, status::DedupeScope},
    report::unwritable::Unwritable,
    store::{collection::Store, write::Wait},
};

/// Claims the next due job of a type, under these tokens: one, or none.
pub(crate) async fn claim_one(
    store: &Store,
    unwritable: &Unwritable,
    job_type: &str,
    lease: LeaseKind,
    tokens: &mut ClaimTokens,
    patience: Duration,
) -> Result<Taken> {
    let mut patience = Patience::new(patience);
    match find_and_take(store, due(job_type), Some(claim_order()), lease, tokens, &mut patience).await? {
        Found::Job(job) => return Ok(Taken { jobs: TakenJobs::Read(vec![*job]), ..Taken::default() }),
        Found::Nothing => return Ok(Taken { exhausted: true, ..Taken::default() }),
        // The best candidate waits behind an active job of its key, or can't be written at all: look past it.
        Found::Refused => {}
    }
    loop {
        let contention = &mut Contention::default();
        match take_batch(store, unwritable, job_type, Room::ONE, lease, tokens.current(), contention).await {
            Ok(claimed) => return Ok(claimed),
            Err(error) => patience.pause_after(error).await?,
        }
        let jobs = look_back(store, job_type, tokens, &mut patience).await?;
        if !jobs.is_empty() {
            return Ok(Taken { jobs: TakenJobs::Read(jobs), ..Taken::default() });
        }
        tokens.renew();
    }
}

/// Claims the due job of this type and key, if there is one.
pub(crate) async fn claim_by_key(
    store: &Store,
    job_type: &str,
    key: &str,
    lease: LeaseKind,
    patience: Duration,
) -> Result<Option<ClaimedJob>> {
    let mut patience = Patience::new(patience);
    for scope in [DedupeScope::Pending, DedupeScope::PendingAndActive] {
        let mut filter = due(job_type);
        filter.insert(fields::DEDUPE_KEY, key);
        filter.insert(fields::DEDUPE_SCOPE, scope.as_str());
        // No order: at most one job matches, and an order would tempt the server into another index.
        let tokens = &mut ClaimTokens::new(store);
        if let Found::Job(job) = find_and_take(store, filter, None, lease, tokens, &mut patience).await? {
            return Ok(Some(*job));
        }
    }
    Ok(None)
}

enum Found {
    Job(Box<ClaimedJob>),
    Nothing,
    /// There is a job, and it can't be made active, or not now, as a transaction of the app has written to it.
    Refused,
}

async fn find_and_take(
    store: &Store,
    filter: Document,
    order: Option<Document>,
    lease: LeaseKind,
    tokens: &mut ClaimTokens,
    patience: &mut Patience,
) -> Result<Found> {
    loop {
        // A claim that is never confirmed would still spend an attempt.
        if let Err(error) = store.check_write_concern().await {
            patience.pause_after(error).await?;
            continue;
        }
        let tried = store.bounded("a claim", async {
            let options = FindOneAndUpdateOptions::builder()
                .sort(order.clone())
                .projection(fields::of_a_run())
                .return_document(ReturnDocument::After)
                .max_time(Wait::Brief.limit())
                .build();
            let update = taking(tokens.current(), lease);
            Ok(store.jobs().find_one_and_update(filter.clone(), update).with_options(options).await?)
        });
        let error = match tried.await {
            Ok(Some(job)) => return Ok(Found::Job(Box::new(ClaimedJob::read(job)?))),
            Ok(None) => return Ok(Found::Nothing),
            Err(error) if is_about_the_job(&error) => return Ok(Found::Refused),
            Err(error) => error,
        };
        let was_held_up = error.is_time_limit();
        if !was_held_up {
            patience.pause_after(error).await?;
        }
        let job_type = filter.get_str(fields::TYPE).unwrap_or_default();
        let ours = look_back(store, job_type, tokens, patience).await?;
        if let Some(job) = ours.into_iter().next() {
            return Ok(Found::Job(Box::new(job)));
        }
        if was_held_up {
            return Ok(Found::Refused);
        }
        tokens.renew();
    }
}

/// The reply may have been lost, and not the claim: the tokens tell.
async fn look_back(
    store: &Store,
    job_type: &str,
    tokens: &ClaimTokens,
    patience: &mut Patience,
) -> Result<Vec<ClaimedJob>> {
    loop {
        match claimed_under(store, job_type, tokens).await {
            Ok(ours) => return Ok(ours),
            Err(error) => patience.pause_after(error).await?,
        }
    }
}

/// True if the server has found a job and refuses the write: its key is held, or it would become too large.
fn is_about_the_job(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Server | ErrorKind::PayloadTooLarge) && !error.is_transient()
}

/// The job that a claim has taken whose reply was lost.
pub(crate) async fn claimed_under(
    store: &Store,
    job_type: &str,
    tokens: &ClaimTokens,
) -> Result<Vec<ClaimedJob>> {
    store.confirm().await?;
    let found = store.find(taken_under(job_type, &tokens.all()), fields::of_a_run()).await?;
    found.into_iter().map(ClaimedJob::read).collect()
}
