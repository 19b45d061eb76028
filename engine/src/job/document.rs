//! The parts of a stored job that the engine reads, and the ids and tokens that it gives to jobs.

mod new_job;

use mongodb::bson::{Bson, DateTime, Document, RawBsonRef, RawDocument, RawDocumentBuf, doc};
use uuid::Uuid;

use super::{
    cancellation::Cancellation,
    fields, id_key,
    picked::{delay, pick, small},
    retry::{BackoffKind, BackoffPolicy},
    status::DedupeScope,
    verdict::Verdict,
};
use crate::base::error::{Error, ErrorKind, Result};

pub use new_job::{DedupeKey, NewJob, Trace};

/// A new id: a UUID whose beginning is the time, so that neighbours in time are neighbours in the index.
pub(crate) fn new_id() -> String {
    Uuid::now_v7().to_string()
}

/// A new token that can't be guessed.
pub(crate) fn new_token() -> String {
    Uuid::new_v4().to_string()
}

/// A new claim token of this worker. Only the part before the dot is ever shown: the other proves the lease.
pub(crate) fn new_claim_token(worker: &str) -> String {
    format!("{worker}.{}", Uuid::new_v4().simple())
}

/// A new worker id: 64 random bits.
pub(crate) fn new_worker_id() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// The parts of a claimed job that settling needs. Read leniently: other versions and people write documents too.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    pub(crate) id: Bson,
    pub(crate) job_type: String,
    pub(crate) token: Option<String>,
    pub(crate) attempt: i32,
    pub(crate) max_attempts: i32,
    pub(crate) dedupe: Option<DedupeKey>,
    pub(crate) backoff: BackoffPolicy,
    /// The request to cancel the job, made while it ran.
    pub(crate) cancellation: Option<Cancellation>,
    /// Its first claim came too late for it to be worth starting.
    pub(crate) is_expired: bool,
}

impl Header {
    /// The header of a job of which only these two are known: enough for a completion.
    pub(crate) fn known_by(id: &str, token: Option<&str>) -> Self {
        Self {
            id: id_key::named(id),
            job_type: String::new(),
            token: token.map(str::to_owned),
            attempt: 0,
            max_attempts: fields::DEFAULT_MAX_ATTEMPTS,
            dedupe: None,
            backoff: BackoffPolicy::default(),
            cancellation: None,
            is_expired: false,
        }
    }

    /// The fields read by [`Header::read`], as a projection.
    pub(crate) fn projection() -> Document {
        doc! {
            fields::TYPE: 1, fields::CLAIM_TOKEN: 1, fields::ATTEMPT: 1, fields::MAX_ATTEMPTS: 1,
            fields::DEDUPE_KEY: 1, fields::DEDUPE_SCOPE: 1, fields::BACKOFF: 1, fields::BACKOFF_DELAY: 1,
            fields::BACKOFF_MAX_DELAY: 1, fields::STATUS: 1, fields::CLAIMED_AT: 1,
            fields::CANCEL_REQUESTED_AT: 1, fields::CANCEL_REASON: 1, fields::EXPIRES_AT: 1,
        }
    }

    pub(crate) fn read(job: &RawDocument) -> Result<Self> {
        let [
            id,
            job_type,
            token,
            attempt,
            most,
            key,
            scope,
            backoff,
            backoff_delay,
            backoff_max_delay,
            cancelled,
            why,
            claimed_at,
            expires_at,
        ] = pick(
            job,
            [
                fields::ID,
                fields::TYPE,
                fields::CLAIM_TOKEN,
                fields::ATTEMPT,
                fields::MAX_ATTEMPTS,
                fields::DEDUPE_KEY,
                fields::DEDUPE_SCOPE,
                fields::BACKOFF,
                fields::BACKOFF_DELAY,
                fields::BACKOFF_MAX_DELAY,
                fields::CANCEL_REQUESTED_AT,
                fields::CANCEL_REASON,
                fields::CLAIMED_AT,
                fields::EXPIRES_AT,
            ],
        );
        let id = id.ok_or_else(|| Error::new(ErrorKind::Internal, "a job without an _id"))?;
        let text = |value: Option<RawBsonRef<'_>>| value.and_then(RawBsonRef::as_str).map(str::to_owned);
        let dedupe = text(key).and_then(|key| {
            let scope = DedupeScope::parse(scope?.as_str()?)?;
            Some(DedupeKey { key, scope })
        });
        let default = BackoffPolicy::default();
        Ok(Self {
            id: Bson::try_from(id).map_err(Error::encoding)?,
            job_type: text(job_type).unwrap_or_default(),
            token: text(token),
            attempt: small(attempt).unwrap_or(0),
            max_attempts: small(most).unwrap_or(fields::DEFAULT_MAX_ATTEMPTS),
            dedupe,
            backoff: BackoffPolicy {
                kind: backoff.and_then(RawBsonRef::as_str).map(BackoffKind::parse).unwrap_or_default(),
                delay_ms: delay(backoff_delay).unwrap_or(default.delay_ms),
                max_delay_ms: delay(backoff_max_delay),
            },
            cancellation: Cancellation::of(cancelled, why),
            // The claim's time is the server's own.
            is_expired: match (claimed_at, expires_at) {
                (Some(RawBsonRef::DateTime(claimed)), Some(RawBsonRef::DateTime(expires))) => {
                    small(attempt) == Some(1) && expires <= claimed
                }
                _ => false,
            },
        })
    }

    /// The verdict on a job that was claimed just now and must not be started; none if it is to be started.
    pub(crate) fn end_unstarted(&self) -> Option<Verdict> {
        match self.cancellation {
            Some(_) => Some(Verdict::Cancel),
            None => self.is_expired.then_some(Verdict::Expire),
        }
    }

    /// True if a follower may wait behind this job.
    pub(crate) fn may_have_follower(&self) -> bool {
        self.dedupe.as_ref().is_some_and(|dedupe| dedupe.scope == DedupeScope::Pending)
    }
}

/// A job whose lease this process holds.
#[derive(Debug, Clone)]
pub struct ClaimedJob {
    pub(crate) header: Header,
    pub(crate) document: RawDocumentBuf,
}

impl ClaimedJob {
    pub(crate) fn read(document: RawDocumentBuf) -> Result<Self> {
        Ok(Self { header: Header::read(&document)?, document })
    }

    /// The job's id as a string; that of a foreign document may be of another type, and is then printed.
    #[must_use]
    pub fn id(&self) -> String {
        match &self.header.id {
            Bson::String(id) => id.clone(),
            other => other.to_string(),
        }
    }

    /// The proof of the lease.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.header.token.as_deref()
    }

    /// The number of this start, from 1.
    #[must_use]
    pub fn attempt(&self) -> i32 {
        self.header.attempt
    }

    /// The document, as far as a run needs it: the fields of its job, without the log.
    #[must_use]
    pub fn document(&self) -> &RawDocument {
        &self.document
    }

    /// The document, as far as a run needs it: the fields of its job, without the log.
    #[must_use]
    pub fn into_document(self) -> RawDocumentBuf {
        self.document
    }
}

/// A string field; null and other types count as absent.
pub(crate) fn text<'a>(job: &'a RawDocument, field: &str) -> Option<&'a str> {
    job.get_str(field).ok()
}

/// A date field; null and other types count as absent.
pub(crate) fn date(job: &RawDocument, field: &str) -> Option<DateTime> {
    job.get_datetime(field).ok()
}

/// Time that a claimed job had been due when it was claimed.
pub(crate) fn waited(job: &RawDocument) -> Option<std::time::Duration> {
    let [run_at, claimed_at] = pick(job, [fields::RUN_AT, fields::CLAIMED_AT]);
    let ms = |value: Option<RawBsonRef<'_>>| value?.as_datetime().map(DateTime::timestamp_millis);
    let waited = ms(claimed_at)?.saturating_sub(ms(run_at)?);
    Some(std::time::Duration::from_millis(u64::try_from(waited).unwrap_or(0)))
}

/// The attempts that a job has had, and the most that it may have.
pub(crate) fn attempts(job: &RawDocument) -> (i32, i32) {
    let [attempt, most] = pick(job, [fields::ATTEMPT, fields::MAX_ATTEMPTS]);
    (small(attempt).unwrap_or(0), small(most).unwrap_or(fields::DEFAULT_MAX_ATTEMPTS))
}

#[cfg(test)]
mod tests {
    use mongodb::bson::rawdoc;

    use super::*;

    #[test]
    fn nulls_and_wrong_types_count_as_absent() {
        let job = rawdoc! {
            "_id": "a", "type": null, "attempt": null, "maxAttempts": "3", "dedupeKey": "k", "dedupeScope": null,
            "claimToken": 7, "backoffDelay": 250.0,
        };
        let header = Header::read(&job).expect("an id is enough");
        assert_eq!(header.job_type, "");
        assert_eq!((header.attempt, header.max_attempts), (0, 3));
        assert_eq!(header.dedupe, None);
        assert_eq!(header.token, None);
        assert_eq!(header.backoff.delay_ms, 250);
    }

    #[test]
    fn a_job_without_an_id_is_an_error() {
        assert!(Header::read(&rawdoc! { "type": "t" }).is_err());
    }

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let ids: Vec<String> = (0..100).map(|_| new_id()).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn a_job_whose_first_claim_comes_after_its_time_has_expired() {
        let at = DateTime::from_millis;
        for (attempt, claimed, expires, expected) in [
            (1, 100, 99, true),
            (1, 100, 100, true),
            (1, 100, 101, false),
            (2, 100, 99, false),
            (2, 100, 101, false),
        ] {
            let job = rawdoc! { "_id": "a", "attempt": attempt, "claimedAt": at(claimed), "expiresAt": at(expires) };
            let header = Header::read(&job).expect("an id is enough");
            assert_eq!(header.is_expired, expected, "{attempt} {claimed} {expires}");
        }
        let without = rawdoc! { "_id": "a", "attempt": 1, "claimedAt": at(100) };
        assert!(!Header::read(&without).expect("an id is enough").is_expired);
    }

    #[test]
    fn a_job_has_waited_from_its_time_to_its_claim() {
        let waited_for = |due: i64, claimed: i64| {
            waited(
                &rawdoc! { "runAt": DateTime::from_millis(due), "claimedAt": DateTime::from_millis(claimed) },
            )
        };
        assert_eq!(waited_for(100, 350), Some(std::time::Duration::from_millis(250)));
        assert_eq!(waited_for(350, 100), Some(std::time::Duration::ZERO));
        assert_eq!(waited(&rawdoc! { "runAt": DateTime::from_millis(100) }), None);
    }

    #[test]
    fn a_job_without_numbers_has_had_no_attempt_and_may_have_the_default() {
        assert_eq!(attempts(&rawdoc! { "attempt": 2, "maxAttempts": 5_i64 }), (2, 5));
        assert_eq!(attempts(&rawdoc! {}), (0, fields::DEFAULT_MAX_ATTEMPTS));
    }
}
