//! Cancelling jobs: one that waits ends at once, and one that runs is marked, to end when its owner is done with it.
//!
//! The lease of a running job is left alone: without it the job's key would be free while the handler still works.

use std::collections::HashMap;

use mongodb::bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};

use super::settle::{
    proofs,
    writing::{Change, writing},
};
use crate::{
    base::error::{Error, Result},
    connection::lanes::Lane,
    job::{
        cancellation::Cancellation,
        document::{Header, text},
        fence, fields, id_key,
        log::LogBounds,
        status::Status,
        transition::Transition,
    },
    store::{
        collection::{Store, all},
        write::{RefusalCause, Statement, Update, Wait},
    },
};

/// Rounds in which a job moves between the look at it and the write.
const MOST_ROUNDS: usize = 20;

/// The fate of a job that was to be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It has ended.
    Cancelled,
    /// It runs, and ends when its owner is done with it, unless that settles it by hand.
    Requested,
    /// It had ended before, so.
    AlreadyTerminal(Status),
    /// There is no such job, or none in the status that was asked for, or it moves too fast from one state to the next.
    NotFound,
}

impl Cancelled {
    /// True if a write has made it so.
    fn is_write(self) -> bool {
        matches!(self, Self::Cancelled | Self::Requested)
    }
}

/// One call's wish to cancel.
pub(crate) struct Request<'a> {
    /// For people.
    pub(crate) reason: Option<&'a str>,
    /// Made for this call: it shows the write of an earlier try whose reply was lost.
    pub(crate) proof: &'a str,
    /// None if nothing is left in the job's log.
    pub(crate) log: Option<LogBounds>,
    /// The status that a job must have; none for any that fits. A job in another status is left alone.
    pub(crate) from: Option<Status>,
    pub(crate) wait: Wait,
}

/// A job and its fate.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) cancelled: Cancelled,
    /// True if this call has made it so. Another one may have marked the job before.
    pub(crate) is_own: bool,
    /// As it is stored; null if there is none.
    pub(crate) id: Bson,
    pub(crate) job_type: String,
}

impl Told {
    /// Nothing was done.
    pub(crate) fn nothing() -> Self {
        Self { cancelled: Cancelled::NotFound, is_own: false, id: Bson::Null, job_type: String::new() }
    }
}

/// Cancels these jobs, each known by the text of its id. Returns the fate of each, in order.
pub(crate) async fn cancel(store: &Store, ids: &[String], request: &Request<'_>) -> Result<Vec<Told>> {
    let mut outcomes: Vec<Option<Told>> = vec![None; ids.len()];
    // A primary that has lost its majority shows marks that it will have to take back.
    let mut is_confirmed = false;
    for _ in 0..MOST_ROUNDS {
        let open: Vec<usize> = (0..ids.len()).filter(|index| outcomes[*index].is_none()).collect();
        if open.is_empty() {
            break;
        }
        let names: Vec<String> = open.iter().map(|index| ids[*index].clone()).collect();
        let found = look(store, &names).await?;
        let found = by_name(&found)?;
        let (mut statements, mut written) = (Vec::new(), Vec::new());
        for index in open {
            let job = found.get(ids[index].as_str()).copied();
            let Step { outcome, is_own, write } = step(job, request)?;
            let outcome = told(job, outcome, is_own)?;
            match write {
                None if outcome.cancelled.is_write() && !is_confirmed => {}
                None => outcomes[index] = Some(outcome),
                Some(statement) => {
                    statements.push(statement);
                    written.push((index, outcome));
                }
            }
        }
        if statements.is_empty() {
            if outcomes.iter().any(Option::is_none) {
                store.confirm().await?;
                is_confirmed = true;
            }
            continue;
        }
        let count = statements.len() as u64;
        let reply = store.update(Update { wait: request.wait, ..statements.into() }).await?;
        for refusal in reply.refusals {
            if let RefusalCause::Other(error) = refusal.cause {
                return Err(error);
            }
        }
        // As good as a confirmation of the earlier state.
        is_confirmed = true;
        if reply.matched == count {
            for (index, outcome) in written {
                outcomes[index] = Some(outcome);
            }
        }
        // Otherwise some have moved on: the next look tells which, and the proof shows the writes.
    }
    Ok(outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(Told::nothing)).collect())
}

async fn look(store: &Store, ids: &[String]) -> Result<Vec<RawDocumentBuf>> {
    let mut projection = Header::projection();
    projection.insert(fields::SETTLED_TOKENS, 1);
    store.find(doc! { fields::ID: id_key::any_named(ids) }, projection).await
}

/// If a string and an `ObjectId` have one text, the string is durabl's own.
fn by_name(jobs: &[RawDocumentBuf]) -> Result<HashMap<String, &RawDocument>> {
    let mut found = HashMap::new();
    for job in jobs {
        let id = id_of(job)?;
        if matches!(id, Bson::String(_)) {
            found.insert(id_key::name_of(&id), job.as_ref());
        } else {
            found.entry(id_key::name_of(&id)).or_insert_with(|| job.as_ref());
        }
    }
    Ok(found)
}

fn id_of(job: &RawDocument) -> Result<Bson> {
    match job.get(fields::ID).map_err(Error::encoding)? {
        Some(id) => Bson::try_from(id).map_err(Error::encoding),
        None => Ok(Bson::Null),
    }
}

fn told(job: Option<&RawDocument>, cancelled: Cancelled, is_own: bool) -> Result<Told> {
    let id = job.map_or(Ok(Bson::Null), id_of)?;
    let job_type = job.and_then(|job| text(job, fields::TYPE)).unwrap_or_default().to_owned();
    Ok(Told { cancelled, is_own, id, job_type })
}

/// The next step of cancelling a job.
pub(crate) struct Step {
    outcome: Cancelled,
    is_own: bool,
    /// The write that makes it so; none if it is so already.
    pub(crate) write: Option<Statement>,
}

impl Step {
    fn known(outcome: Cancelled) -> Self {
        Self { outcome, is_own: false, write: None }
    }

    /// An earlier try of this call, or an earlier round, has made it so.
    fn own(outcome: Cancelled) -> Self {
        Self { outcome, is_own: true, write: None }
    }

    fn by(write: Statement, outcome: Cancelled) -> Self {
        Self { outcome, is_own: true, write: Some(write) }
    }
}

pub(crate) fn step(job: Option<&RawDocument>, request: &Request<'_>) -> Result<Step> {
    let Some(job) = job else { return Ok(Step::known(Cancelled::NotFound)) };
    // The proof counts even if the job has changed since.
    if proofs::include(job, request.proof) {
        return Ok(Step::own(Cancelled::Cancelled));
    }
    if proofs::include(job, &proof_of_mark(request.proof)) {
        return Ok(Step::own(Cancelled::Requested));
    }
    // A job of an unknown status is no job.
    let status = text(job, fields::STATUS).and_then(Status::parse);
    if request.from.is_some() && status != request.from {
        return Ok(Step::known(Cancelled::NotFound));
    }
    Ok(match status {
        None => Step::known(Cancelled::NotFound),
        Some(Status::Pending) => {
            let mut header = Header::read(job)?;
            // A waiting job has no holder, even if a token was left on it.
            header.token = None;
            Step::by(ending(&header, request), Cancelled::Cancelled)
        }
        Some(Status::Active) if Cancellation::of_job(job).is_some() => Step::known(Cancelled::Requested),
        Some(Status::Active) => {
            let header = Header::read(job)?;
            Step::by(marking(&header.id, token_of(job)?, request), Cancelled::Requested)
        }
        Some(status) => Step::known(Cancelled::AlreadyTerminal(status)),
    })
}

fn ending(header: &Header, request: &Request<'_>) -> Statement {
    let change = Change {
        reason: request.reason,
        proof: Some(request.proof),
        notes: request.log,
        ..Change::of(Transition::Cancel, header)
    };
    let mut filter = fence::in_status(&header.id, Status::Pending);
    // A try that arrives late must not end a job that was retried since.
    filter.insert(fields::SETTLED_TOKENS, doc! { "$ne": request.proof });
    Statement::one(filter, writing(change))
}

/// The token as it was found, of any type; null stands for a field that is not there.
fn token_of(job: &RawDocument) -> Result<Bson> {
    match job.get(fields::CLAIM_TOKEN).map_err(Error::encoding)? {
        Some(token) => Bson::try_from(token).map_err(Error::encoding),
        None => Ok(Bson::Null),
    }
}

/// Another than that of an end: a marked job may still end otherwise.
fn proof_of_mark(proof: &str) -> String {
    format!("{proof}:mark")
}

/// Marks a claim. The first mark stays: a second one would only hold up a transaction that completes the job.
fn marking(id: &Bson, token: Bson, request: &Request<'_>) -> Statement {
    let mut filter = fence::uncancelled(fence::in_status(id, Status::Active));
    filter.insert(fields::CLAIM_TOKEN, doc! { "$eq": token });
    let reason = match request.reason {
        Some(reason) => Bson::from(doc! { "$literal": reason }),
        None => "$$REMOVE".into(),
    };
    let mark = doc! {
        fields::CANCEL_REQUESTED_AT: fields::NOW,
        fields::CANCEL_REASON: reason,
        fields::SETTLED_TOKENS: proofs::with(&proof_of_mark(request.proof)),
    };
    Statement::one(filter, vec![doc! { "$set": mark }])
}

/// The running jobs that are to be cancelled.
pub(crate) fn requested() -> Document {
    doc! {
        fields::STATUS: Status::Active.as_str(),
        fields::CANCEL_REQUESTED_AT: { "$exists": true },
    }
}

/// Those of these jobs that run and are to be cancelled, and why.
pub(crate) async fn requests_among(store: &Store, ids: &[String]) -> Result<Vec<(String, Option<String>)>> {
    let mut filter = requested();
    filter.insert(fields::ID, id_key::any_named(ids));
    let projection = doc! { fields::CANCEL_REQUESTED_AT: 1, fields::CANCEL_REASON: 1 };
    let found = store.find(filter, projection).await?;
    let request = |job: &RawDocumentBuf| {
        let reason = Cancellation::of_job(job)?.reason;
        Some((id_key::name_of(&id_of(job).ok()?), reason))
    };
    Ok(found.iter().filter_map(request).collect())
}

/// The marks of all running jobs that are to be cancelled, with the claims that they are on.
pub(crate) async fn marks(store: &Store) -> Result<Vec<RawDocumentBuf>> {
    let projection =
        doc! { fields::CLAIM_TOKEN: 1, fields::CANCEL_REQUESTED_AT: 1, fields::CANCEL_REASON: 1 };
    // Not among the usual ones: a handler that is to end may keep those busy.
    store
        .bounded_in(Lane::Renewal, "looking for cancelled jobs", async {
            // The order is that of the index, which tells the server to take no other.
            let order = doc! { fields::CANCEL_REQUESTED_AT: 1 };
            all(store.jobs().find(requested()).sort(order).projection(projection).await?).await
        })
        .await
}
