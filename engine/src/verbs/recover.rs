//! Recovering jobs whose holder is gone: fenced, and re-checked by the server at the moment of the write.

use mongodb::bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};

use super::settle::writing::{Change, writing};
use crate::{
    base::error::{Error, Result},
    job::{
        document::Header, ending::Ending, fence, fields, id_key, log::LogBounds, status::Status,
        transition::Transition,
    },
    report::{
        sweep::{RecoveredJob, Sweep},
        tally::Tallies,
        unwritable::Unwritable,
    },
    store::{
        collection::{Store, all},
        holders,
        write::{RefusalCause, Statement, WriteRefusal},
    },
    wake::hints::{Audience, Wake, WakeHub},
};

/// Jobs written in one command.
const CHUNK: usize = 500;

/// Receivers of a sweep's findings.
#[derive(Clone, Copy)]
pub(crate) struct Reports<'a> {
    /// Jobs that can't be written.
    pub(crate) unwritable: &'a Unwritable,
    /// Jobs that were written.
    pub(crate) tallies: &'a Tallies,
}

/// The jobs that a sweep looks for, and the most that it takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Search {
    /// The length of leases that are not marked with their own.
    pub(crate) visibility_timeout_ms: i64,
    /// Jobs taken at most.
    pub(crate) most: usize,
    /// Bounds of the jobs' logs.
    pub(crate) log: LogBounds,
}

/// A job whose lease was found to be over, and its transition.
pub(crate) struct Expired {
    header: Header,
    token: Bson,
    claimed_at: Bson,
    /// The mark of a cancellation, which may come between the look and the write.
    cancel_requested_at: Bson,
    pub(crate) transition: Transition,
    /// The server has refused the write.
    is_refused: bool,
}

/// Takes up to `most` expired leases away and writes the transitions of their jobs.
pub(crate) async fn recover(
    store: &Store,
    wakes: &WakeHub,
    Reports { unwritable, tallies }: Reports<'_>,
    Search { visibility_timeout_ms, most, log }: Search,
) -> Result<Sweep> {
    if most == 0 {
        return Ok(Sweep::default());
    }
    let found = find_expired(store, visibility_timeout_ms, most).await?;
    let saturated = found.len() == most;
    let mut expired = Vec::with_capacity(found.len());
    for job in &found {
        expired.push(read_expired(store, job).await?);
    }
    let (mut handled, mut jobs, mut failure) = (0, Vec::new(), None);
    for chunk in expired.chunks_mut(CHUNK) {
        let taken = take_back(store, unwritable, chunk, visibility_timeout_ms, log).await?;
        let written: Vec<&Expired> = chunk.iter().filter(|job| !job.is_refused).collect();
        let counted = written.iter().map(|job| (job.header.job_type.as_str(), job.transition));
        tallies.count_written(counted, taken.handled);
        if taken.handled == written.len() as u64 {
            jobs.extend(written.into_iter().map(Expired::recovered));
        }
        handled += taken.handled;
        failure = failure.or(taken.failure);
    }
    if handled > 0 {
        wakes.wake(&Wake::Any, Audience::Here);
    }
    match failure {
        // A failure must not hide the jobs that were handled.
        Some(error) if handled == 0 => Err(error),
        _ => Ok(Sweep { handled, saturated, jobs }),
    }
}

/// The filter of the jobs that a sweep looks for.
pub(crate) fn is_expired(visibility_timeout_ms: i64) -> Document {
    doc! {
        fields::STATUS: Status::Active.as_str(),
        "$expr": fence::lease_is_over(visibility_timeout_ms),
    }
}

async fn find_expired(store: &Store, visibility_timeout_ms: i64, most: usize) -> Result<Vec<RawDocumentBuf>> {
    let filter = is_expired(visibility_timeout_ms);
    store
        .bounded("looking for expired leases", async {
            let oldest = store.jobs().find(filter).sort(doc! { fields::CLAIMED_AT: 1 }).limit(most as i64);
            all(oldest.projection(Header::projection()).await?).await
        })
        .await
}

async fn read_expired(store: &Store, job: &RawDocument) -> Result<Expired> {
    let header = Header::read(job)?;
    let has_follower = match &header.dedupe {
        // With attempts left the write finds out: there is no room for two pending jobs.
        Some(dedupe) if header.may_have_follower() && header.attempt >= header.max_attempts => {
            holders::single_flight_holders(store, &dedupe.key).await?.pending
        }
        _ => false,
    };
    Expired::new(job, header, has_follower)
}

struct TakenBack {
    handled: u64,
    /// A failure of the server's, which may be over when the next sweep comes.
    failure: Option<Error>,
}

async fn take_back(
    store: &Store,
    unwritable: &Unwritable,
    expired: &mut [Expired],
    visibility_timeout_ms: i64,
    log: LogBounds,
) -> Result<TakenBack> {
    let statement = |job: &Expired| job.statement(visibility_timeout_ms, Some(log));
    let statements: Vec<_> = expired.iter().map(statement).collect();
    let reply = store.update(statements).await?;
    let mut failure = None;
    let mut behind_follower = Vec::new();
    for WriteRefusal { index, cause } in reply.refusals {
        let job = &mut expired[index];
        match cause {
            RefusalCause::KeyHeld => {
                job.transition = job.transition.behind_follower();
                behind_follower.push(index);
            }
            cause => {
                job.is_refused = true;
                failure = failure.or(note_refusal(unwritable, job, cause));
            }
        }
    }
    let again: Vec<_> = behind_follower.iter().map(|index| statement(&expired[*index])).collect();
    let superseded = store.update(again).await?;
    for WriteRefusal { index, cause } in superseded.refusals {
        let job = &mut expired[behind_follower[index]];
        job.is_refused = true;
        failure = failure.or(note_refusal(unwritable, job, cause));
    }
    Ok(TakenBack { handled: reply.matched + superseded.matched, failure })
}

/// The failure, if it is not about the job. A job that is refused is named: otherwise it would stay active
/// for ever, unseen.
fn note_refusal(unwritable: &Unwritable, job: &Expired, cause: RefusalCause) -> Option<Error> {
    match cause {
        // Taken, let go and taken again meanwhile: the next sweep sees the new state.
        RefusalCause::KeyHeld | RefusalCause::KeyKept | RefusalCause::IdExists => None,
        RefusalCause::Other(error) if error.is_transient() => Some(error),
        RefusalCause::Other(error) => {
            unwritable.refused(&job.header.id, "be recovered", &error);
            None
        }
    }
}

impl Expired {
    pub(crate) fn new(job: &RawDocument, header: Header, has_follower: bool) -> Result<Self> {
        let transition = match header.cancellation {
            Some(_) => Transition::Cancel,
            None => Transition::of_expiry(header.attempt, header.max_attempts, has_follower),
        };
        let as_found = |field| match job.get(field).map_err(Error::encoding)? {
            Some(value) => Bson::try_from(value).map_err(Error::encoding),
            None => Ok(Bson::Null),
        };
        let (token, claimed_at) = (as_found(fields::CLAIM_TOKEN)?, as_found(fields::CLAIMED_AT)?);
        let cancel_requested_at = as_found(fields::CANCEL_REQUESTED_AT)?;
        Ok(Self { header, token, claimed_at, cancel_requested_at, transition, is_refused: false })
    }

    fn recovered(&self) -> RecoveredJob {
        let Header { id, job_type, attempt, max_attempts, .. } = &self.header;
        let ending = match self.transition {
            Transition::Supersede => Some(Status::Superseded.as_str()),
            transition => transition.ending(false).map(Ending::as_str),
        };
        RecoveredJob {
            id: id_key::name_of(id),
            job_type: job_type.clone(),
            attempt: *attempt,
            max_attempts: *max_attempts,
            ending,
        }
    }

    /// Without bounds of its log the job gets no line there, nor among its failed attempts.
    pub(crate) fn statement(&self, visibility_timeout_ms: i64, log: Option<LogBounds>) -> Statement {
        let Header { id, attempt, max_attempts, .. } = &self.header;
        let mut filter =
            fence::expired(id, self.token.clone(), self.claimed_at.clone(), visibility_timeout_ms);
        filter.insert(fields::CANCEL_REQUESTED_AT, doc! { "$eq": self.cancel_requested_at.clone() });
        let why = match self.transition {
            Transition::Supersede => {
                "the lease expired: the job stalled, and a follower covers the work".to_owned()
            }
            _ => format!(
                "the lease expired on attempt {attempt} of {max_attempts}: the job stalled, as its worker is gone"
            ),
        };
        let reason = match &self.header.cancellation {
            Some(cancellation) => cancellation.reason.as_deref(),
            None => Some(why.as_str()),
        };
        let change = Change { reason, notes: log, ..Change::of(self.transition, &self.header) };
        let update = writing(change);
        Statement::one(filter, update)
    }
}
