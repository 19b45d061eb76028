//! A job on its way into the database, and what the engine reads of one that comes out.

use mongodb::bson::{
    Bson, DateTime, Document, RawBsonRef, RawDocument, RawDocumentBuf, doc,
    raw::{CStr, cstr},
};
use uuid::Uuid;

use super::{
    cancellation::Cancellation,
    fields,
    picked::{delay, pick, small},
    retry::{BackoffKind, BackoffPolicy},
    server_time::ServerTime,
    status::{DedupeScope, Status},
    verdict::Verdict,
};
use crate::base::error::{Error, ErrorKind, Result};

/// A dedupe key and what it excludes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DedupeKey {
    /// Unique across all types of the collection.
    pub key: String,
    /// What it excludes while it is held.
    pub scope: DedupeScope,
}

/// A job to be created.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Which handler it is for.
    pub job_type: String,
    /// A document with the one field `data`, which is never decoded here.
    pub payload: RawDocumentBuf,
    /// The id that its caller wants for it; none for a new one.
    pub id: Option<String>,
    /// Lower runs first.
    pub priority: i64,
    /// How long until it may be claimed, in milliseconds.
    pub delay_ms: i64,
    /// When it may be claimed, in milliseconds since the epoch, instead of after a delay. A moment that has passed means now.
    pub run_at_ms: Option<i64>,
    /// How many starts it may have.
    pub max_attempts: i32,
    /// The key it holds, if any.
    pub dedupe: Option<DedupeKey>,
    /// Whether a pending holder of the key takes over this data.
    pub coalesce_latest: bool,
    /// How long the key stays held for others that pass this too, in milliseconds, also when the job has ended.
    pub dedupe_for_ms: Option<i64>,
    /// Whether its caller asks who is in its way.
    pub is_detailed: bool,
    /// How long its handler may take, in milliseconds; none for as long as the processor says.
    pub timeout_ms: Option<i64>,
    /// How long after it is first due it is still worth starting, in milliseconds; none for ever.
    pub expires_in_ms: Option<i64>,
    /// How the delay of retries grows; none for the default.
    pub backoff: Option<BackoffKind>,
    /// The shortest delay of a retry, in milliseconds; none for the default.
    pub backoff_delay_ms: Option<i64>,
    /// The longest delay of a retry, in milliseconds; none for the default.
    pub backoff_max_delay_ms: Option<i64>,
}

impl NewJob {
    /// The `data` value, still encoded.
    pub(crate) fn data(&self) -> Result<RawBsonRef<'_>> {
        self.payload
            .get(fields::DATA)
            .map_err(Error::encoding)?
            .ok_or_else(|| Error::new(ErrorKind::Internal, "the payload has no data"))
    }

    /// When it may be claimed; none if it may be now.
    pub(crate) fn due_at(&self, now: ServerTime) -> Option<DateTime> {
        match self.run_at_ms {
            Some(at) => Some(DateTime::from_millis(at)).filter(|at| *at > now.earliest()),
            None => (self.delay_ms > 0).then(|| now.after(self.delay_ms)),
        }
    }

    /// The key that stays held after the job, if it holds one for so long.
    pub(crate) fn lasting_key(&self) -> Option<&str> {
        self.dedupe_for_ms.and(self.dedupe.as_ref()).map(|dedupe| dedupe.key.as_str())
    }

    /// The document of a job that waits to be claimed.
    pub(crate) fn pending(&self, id: &str, now: ServerTime) -> Result<RawDocumentBuf> {
        let run_at = self.due_at(now).unwrap_or(now.earliest());
        let mut job = self.beginning(id, Status::Pending, 0, run_at, now)?;
        self.append_end(&mut job, now);
        Ok(job)
    }

    /// The document of a job that is born claimed: attempt 1.
    pub(crate) fn active(&self, id: &str, token: &str, now: ServerTime) -> Result<RawDocumentBuf> {
        let mut job = self.beginning(id, Status::Active, 1, now.earliest(), now)?;
        job.append(cstr!("claimedAt"), now.earliest());
        job.append(cstr!("claimToken"), token);
        self.append_end(&mut job, now);
        Ok(job)
    }

    fn beginning(
        &self,
        id: &str,
        status: Status,
        attempt: i32,
        run_at: DateTime,
        now: ServerTime,
    ) -> Result<RawDocumentBuf> {
        let mut job = RawDocumentBuf::new();
        job.append(cstr!("_id"), id);
        job.append(cstr!("type"), self.job_type.as_str());
        job.append(cstr!("data"), self.data()?);
        job.append(cstr!("status"), status.as_str());
        append_number(&mut job, cstr!("priority"), self.priority);
        job.append(cstr!("attempt"), attempt);
        job.append(cstr!("maxAttempts"), self.max_attempts);
        job.append(cstr!("runAt"), run_at);
        job.append(cstr!("createdAt"), now.earliest());
        if let Some(ms) = self.expires_in_ms {
            let at = run_at.timestamp_millis().saturating_add(ms);
            job.append(cstr!("expiresAt"), DateTime::from_millis(at));
        }
        Ok(job)
    }

    fn append_end(&self, job: &mut RawDocumentBuf, now: ServerTime) {
        if let Some(dedupe) = &self.dedupe {
            job.append(cstr!("dedupeKey"), dedupe.key.as_str());
            job.append(cstr!("dedupeScope"), dedupe.scope.as_str());
            if let Some(lasting) = self.dedupe_for_ms {
                job.append(cstr!("dedupeUntil"), now.after(lasting));
            }
        }
        if let Some(backoff) = self.backoff {
            job.append(cstr!("backoff"), backoff.as_str());
        }
        if let Some(delay) = self.backoff_delay_ms {
            append_number(job, cstr!("backoffDelay"), delay);
        }
        if let Some(delay) = self.backoff_max_delay_ms {
            append_number(job, cstr!("backoffMaxDelay"), delay);
        }
        if let Some(timeout) = self.timeout_ms {
            append_number(job, cstr!("timeoutMs"), timeout);
        }
        job.append(cstr!("logs"), mongodb::bson::RawArrayBuf::new());
    }
}

/// As the Node driver would store it: the smallest integer that holds it.
fn append_number(job: &mut RawDocumentBuf, key: &CStr, value: i64) {
    match i32::try_from(value) {
        Ok(small) => job.append(key, small),
        Err(_) => job.append(key, value),
    }
}

/// A new id: a UUID whose beginning is the time, so that neighbours in time are neighbours in the index.
pub(crate) fn new_id() -> String {
    Uuid::now_v7().to_string()
}

/// A new token that nobody can guess.
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

/// What settling needs to know of a claimed job. Read leniently: other versions and people write documents too.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    pub(crate) id: Bson,
    pub(crate) job_type: String,
    pub(crate) token: Option<String>,
    pub(crate) attempt: i32,
    pub(crate) max_attempts: i32,
    pub(crate) dedupe: Option<DedupeKey>,
    pub(crate) backoff: BackoffPolicy,
    /// Somebody has asked for the job's end while it ran.
    pub(crate) cancellation: Option<Cancellation>,
    /// Its first claim came too late for it to be worth starting.
    pub(crate) is_expired: bool,
}

impl Header {
    /// Of a job that nothing else is known of: enough for a completion.
    pub(crate) fn known_by(id: &str, token: Option<&str>) -> Self {
        Self {
            id: id.into(),
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

    /// How a job that was claimed just now ends instead of being started; none if it is to be started.
    pub(crate) fn end_unstarted(&self) -> Option<Verdict> {
        match self.cancellation {
            Some(_) => Some(Verdict::Cancel),
            None => self.is_expired.then_some(Verdict::Expire),
        }
    }

    /// Whether a follower may wait behind this job.
    pub(crate) fn may_have_follower(&self) -> bool {
        self.dedupe.as_ref().is_some_and(|dedupe| dedupe.scope == DedupeScope::Pending)
    }
}

/// A job whose lease is ours.
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

    /// Which start this is, from 1.
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

/// How long a claimed job had been due when it was claimed.
pub(crate) fn waited(job: &RawDocument) -> Option<std::time::Duration> {
    let [run_at, claimed_at] = pick(job, [fields::RUN_AT, fields::CLAIMED_AT]);
    let ms = |value: Option<RawBsonRef<'_>>| value?.as_datetime().map(DateTime::timestamp_millis);
    let waited = ms(claimed_at)?.saturating_sub(ms(run_at)?);
    Some(std::time::Duration::from_millis(u64::try_from(waited).unwrap_or(0)))
}

/// How many attempts a job has had, and how many it may have.
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
}
