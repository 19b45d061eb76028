//! Taking due jobs, in order of priority, then of time due.
//!
//! One job: one `findAndModify`. Many: candidates in claim order, a multi-update that gives them a token shared by the
//! batch, and a look at what was really taken. Jobs of scope `pending` can meet a held key when they become active, and
//! a multi-update stops at the first such refusal; they go as statements of their own beside it, one per key, so a held
//! key costs its own job and no other.

use std::{collections::HashSet, time::Duration};

use mongodb::{
    bson::{Bson, Document, RawBsonRef, RawDocument, RawDocumentBuf, doc},
    options::ReturnDocument,
};

use crate::{
    dedupe,
    error::{Error, Result},
    fields,
    job::{ClaimedJob, new_token},
    patience::Patience,
    status::{DedupeScope, Status},
    store::{RefusalCause, Statement, Store, bounded},
};

/// Candidates looked at in one go, at most.
const WIDEST_WINDOW: usize = 2_000;
/// Rounds in which others take every candidate before us, until the claim gives up for now.
const MOST_ROUNDS: usize = 8;

/// How long a lease a claim asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeaseKind {
    /// Renewed by this process: marked with its length, so that the reapers know.
    Managed(Duration),
    /// Settled by hand: as long as the reapers' visibility timeout.
    Manual,
}

/// What a claim of several jobs brought.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) jobs: Vec<ClaimedJob>,
    /// Whether nothing more of the type can be claimed right now.
    pub(crate) drained: bool,
}

/// Due by the server's clock.
fn due(job_type: &str) -> Document {
    doc! {
        fields::TYPE: job_type,
        fields::STATUS: Status::Pending.as_str(),
        "$expr": { "$lte": [fields::value_of(fields::RUN_AT), fields::NOW] },
    }
}

fn claim_order() -> Document {
    doc! { fields::PRIORITY: 1, fields::RUN_AT: 1 }
}

/// The update that makes a pending job ours.
fn taking(token: &str, lease: LeaseKind) -> Vec<Document> {
    let attempt = doc! { "$add": [{ "$ifNull": [fields::value_of(fields::ATTEMPT), 0] }, 1] };
    let mut set = doc! {
        fields::STATUS: Status::Active.as_str(),
        fields::CLAIM_TOKEN: token,
        fields::CLAIMED_AT: fields::NOW,
        fields::ATTEMPT: attempt.clone(),
    };
    let mut update = Vec::with_capacity(2);
    match lease {
        LeaseKind::Managed(length) => {
            let mark = doc! {
                fields::LEASE_TOKEN: token,
                fields::LEASE_ATTEMPT: attempt,
                fields::LEASE_MS: length.as_millis() as i64,
            };
            set.insert(fields::LEASE, mark);
        }
        LeaseKind::Manual => update.push(doc! { "$unset": fields::LEASE }),
    }
    update.push(doc! { "$set": set });
    update
}

/// Claims the next due job of a type, if there is one.
pub(crate) async fn claim_one(
    store: &Store,
    job_type: &str,
    lease: LeaseKind,
    patience: Duration,
) -> Result<Option<ClaimedJob>> {
    let token = new_token();
    match find_and_take(store, due(job_type), &token, lease, patience).await? {
        Taken::Job(job) => Ok(Some(*job)),
        Taken::Nothing => Ok(None),
        // The best candidate waits behind an active job of its key: look past it.
        Taken::KeyHeld => Ok(claim_batch(store, job_type, 1, lease).await?.jobs.pop()),
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
    for scope in [DedupeScope::Pending, DedupeScope::PendingAndActive] {
        let mut filter = due(job_type);
        filter.insert(fields::DEDUPE_KEY, key);
        filter.insert(fields::DEDUPE_SCOPE, scope.as_str());
        if let Taken::Job(job) = find_and_take(store, filter, &new_token(), lease, patience).await? {
            return Ok(Some(*job));
        }
    }
    Ok(None)
}

enum Taken {
    Job(Box<ClaimedJob>),
    Nothing,
    KeyHeld,
}

async fn find_and_take(
    store: &Store,
    filter: Document,
    token: &str,
    lease: LeaseKind,
    patience: Duration,
) -> Result<Taken> {
    let mut patience = Patience::new(patience);
    loop {
        let tried = bounded("a claim", async {
            store
                .jobs()
                .find_one_and_update(filter.clone(), taking(token, lease))
                .sort(claim_order())
                .projection(fields::without_logs())
                .return_document(ReturnDocument::After)
                .await
                .map_err(FindAndTakeError::from)
                .map_or_else(FindAndTakeError::into_result, |found| Ok(Some(found)))
        });
        let error = match tried.await {
            Ok(Some(Some(job))) => return Ok(Taken::Job(Box::new(ClaimedJob::read(job)?))),
            Ok(Some(None)) => return Ok(Taken::Nothing),
            Ok(None) => return Ok(Taken::KeyHeld),
            Err(error) => error,
        };
        patience.pause_after(error).await?;
        // The reply may have been lost, and not the claim: the token tells.
        if let Some(job) = claimed_under(store, token).await? {
            return Ok(Taken::Job(Box::new(job)));
        }
    }
}

/// A held key is no failure of a claim.
enum FindAndTakeError {
    KeyHeld,
    Other(Error),
}

impl FindAndTakeError {
    fn into_result<T>(self) -> Result<Option<T>> {
        match self {
            Self::KeyHeld => Ok(None),
            Self::Other(error) => Err(error),
        }
    }
}

impl From<mongodb::error::Error> for FindAndTakeError {
    fn from(error: mongodb::error::Error) -> Self {
        let pattern = error.server_response().and_then(|reply| reply.get_document("keyPattern").ok());
        match pattern {
            Some(pattern) if matches!(pattern.get(fields::DEDUPE_KEY), Ok(Some(_))) => Self::KeyHeld,
            _ => Self::Other(error.into()),
        }
    }
}

async fn claimed_under(store: &Store, token: &str) -> Result<Option<ClaimedJob>> {
    let filter = doc! { fields::STATUS: Status::Active.as_str(), fields::CLAIM_TOKEN: token };
    let found = store.find(filter, fields::without_logs()).await?;
    found.into_iter().next().map(ClaimedJob::read).transpose()
}

/// Claims up to `wanted` due jobs of a type, all under one token. No patience here: the dispatcher has its own.
pub(crate) async fn claim_batch(
    store: &Store,
    job_type: &str,
    wanted: usize,
    lease: LeaseKind,
) -> Result<Batch> {
    let mut blocked = HashSet::new();
    let mut wider = 0;
    for _ in 0..MOST_ROUNDS {
        let window = (wanted + blocked.len()).max(wider).min(WIDEST_WINDOW);
        let candidates = candidates(store, job_type, window).await?;
        let was_full = candidates.len() == window;
        let chosen = choose(store, candidates, wanted, &mut blocked).await?;
        if chosen.is_empty() {
            if was_full && window < WIDEST_WINDOW {
                // By factors: one more with each held key would run out of rounds at the eighth.
                wider = window * 4;
                continue;
            }
            return Ok(Batch { jobs: Vec::new(), drained: true });
        }
        let jobs = take(store, &chosen, lease, &mut blocked).await?;
        if !jobs.is_empty() {
            return Ok(Batch { drained: !was_full, jobs });
        }
        // Others were quicker with every one of them. A small random wait parts us from them.
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..5))).await;
    }
    Ok(Batch::default())
}

struct Candidate {
    id: Bson,
    single_flight_key: Option<String>,
}

async fn candidates(store: &Store, job_type: &str, window: usize) -> Result<Vec<Candidate>> {
    let projection = doc! { fields::DEDUPE_KEY: 1, fields::DEDUPE_SCOPE: 1 };
    bounded("looking for due jobs", async {
        let mut cursor = store
            .jobs()
            .find(due(job_type))
            .sort(claim_order())
            .limit(window as i64)
            .batch_size(window as u32)
            .projection(projection)
            .await?;
        let mut found = Vec::with_capacity(window);
        while cursor.advance().await? {
            found.push(read_candidate(cursor.current())?);
        }
        Ok(found)
    })
    .await
}

fn read_candidate(job: &RawDocument) -> Result<Candidate> {
    let id = job.get(fields::ID).map_err(Error::encoding)?.unwrap_or(RawBsonRef::Null);
    Ok(Candidate {
        id: Bson::try_from(id).map_err(Error::encoding)?,
        single_flight_key: dedupe::single_flight_key(job).map(str::to_owned),
    })
}

/// The first `wanted` candidates that nothing blocks: known to be blocked, behind another of the same key, or behind
/// an active job of the same key.
async fn choose(
    store: &Store,
    candidates: Vec<Candidate>,
    wanted: usize,
    blocked: &mut HashSet<String>,
) -> Result<Vec<Candidate>> {
    let keys: Vec<&str> =
        candidates.iter().filter_map(|candidate| candidate.single_flight_key.as_deref()).collect();
    let busy = if keys.is_empty() { HashSet::new() } else { dedupe::busy_keys(store, keys).await? };
    blocked.extend(busy);
    let mut keys_chosen = HashSet::new();
    let is_free = |candidate: &Candidate| match &candidate.single_flight_key {
        None => true,
        Some(key) => !blocked.contains(key) && keys_chosen.insert(key.clone()),
    };
    Ok(candidates.into_iter().filter(is_free).take(wanted).collect())
}

/// Takes the chosen jobs. Those that are ours now come back, in claim order.
async fn take(
    store: &Store,
    chosen: &[Candidate],
    lease: LeaseKind,
    blocked: &mut HashSet<String>,
) -> Result<Vec<ClaimedJob>> {
    let token = new_token();
    let pending = Status::Pending.as_str();
    let (single_flight, free): (Vec<_>, Vec<_>) =
        chosen.iter().partition(|candidate| candidate.single_flight_key.is_some());
    let mut statements = Vec::with_capacity(single_flight.len() + 1);
    if !free.is_empty() {
        let ids: Vec<&Bson> = free.iter().map(|candidate| &candidate.id).collect();
        let filter = doc! { fields::ID: { "$in": ids }, fields::STATUS: pending };
        statements.push(Statement::many(filter, taking(&token, lease)));
    }
    let offset = statements.len();
    for candidate in &single_flight {
        let filter = doc! { fields::ID: &candidate.id, fields::STATUS: pending };
        statements.push(Statement::one(filter, taking(&token, lease)));
    }
    let failure = match store.update(statements).await {
        Ok(reply) => {
            for refusal in
                reply.refusals.iter().filter(|refusal| matches!(refusal.cause, RefusalCause::KeyHeld))
            {
                let key = refusal.index.checked_sub(offset).and_then(|index| single_flight.get(index));
                blocked.extend(key.and_then(|candidate| candidate.single_flight_key.clone()));
            }
            if reply.matched == 0 && reply.unexpected().is_none() {
                return Ok(Vec::new());
            }
            reply.unexpected().cloned()
        }
        Err(error) => Some(error),
    };
    // Whatever failed, or got lost on the way after it was applied: what is ours now is found by its token.
    let taken = read_back(store, chosen, &token).await?;
    match failure {
        Some(error) if taken.is_empty() => Err(error),
        _ => Ok(taken),
    }
}

async fn read_back(store: &Store, chosen: &[Candidate], token: &str) -> Result<Vec<ClaimedJob>> {
    let ids: Vec<&Bson> = chosen.iter().map(|candidate| &candidate.id).collect();
    let filter = doc! { fields::ID: { "$in": ids }, fields::CLAIM_TOKEN: token };
    let mut patience = Patience::new(READ_BACK_PATIENCE);
    let found = loop {
        match store.find(filter.clone(), fields::without_logs()).await {
            Ok(found) => break found,
            Err(error) => patience.pause_after(error).await?,
        }
    };
    in_claim_order(chosen, found)
}

/// A claim that was made and can't be read would sit there until its lease ends: worth some tries.
const READ_BACK_PATIENCE: Duration = Duration::from_secs(10);

fn in_claim_order(chosen: &[Candidate], found: Vec<RawDocumentBuf>) -> Result<Vec<ClaimedJob>> {
    let mut jobs: Vec<ClaimedJob> = found.into_iter().map(ClaimedJob::read).collect::<Result<_>>()?;
    let mut order = std::collections::HashMap::with_capacity(chosen.len());
    for (place, candidate) in chosen.iter().enumerate() {
        order.insert(sort_key(&candidate.id), place);
    }
    jobs.sort_by_key(|job| order.get(&sort_key(&job.header.id)).copied());
    Ok(jobs)
}

fn sort_key(id: &Bson) -> std::borrow::Cow<'_, str> {
    match id {
        Bson::String(id) => id.as_str().into(),
        other => other.to_string().into(),
    }
}
