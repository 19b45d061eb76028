//! A job on its way into the database: its caller's wishes, and the document that it becomes.

use mongodb::bson::{
    DateTime, RawBsonRef, RawDocumentBuf,
    raw::{CStr, cstr},
};

use crate::{
    base::error::{Error, ErrorKind, Result},
    job::{
        fields,
        retry::BackoffKind,
        server_time::ServerTime,
        status::{DedupeScope, Status},
    },
};

/// A dedupe key and its scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DedupeKey {
    /// Unique across all types of the collection.
    pub key: String,
    /// The jobs that it excludes while it is held.
    pub scope: DedupeScope,
}

/// The trace that a job belongs to, as the headers of the W3C carry it. The engine stores it, and reads nothing of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Version, ids of the trace and the span, and flags.
    pub parent: String,
    /// The state that vendors add, if they do.
    pub state: Option<String>,
}

/// A job to be created.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// The type, which decides the handler.
    pub job_type: String,
    /// A document with the one field `data`, which is never decoded here.
    pub payload: RawDocumentBuf,
    /// The id that its caller wants for it; none for a new one.
    pub id: Option<String>,
    /// Lower runs first.
    pub priority: i64,
    /// Delay until it may be claimed, in milliseconds.
    pub delay_ms: i64,
    /// Moment from which it may be claimed, in milliseconds since the epoch, instead of a delay. A moment
    /// that has passed means now.
    pub run_at_ms: Option<i64>,
    /// The most starts that it may have.
    pub max_attempts: i32,
    /// The key it holds, if any.
    pub dedupe: Option<DedupeKey>,
    /// True if a pending holder of the key takes over this data.
    pub coalesce_latest: bool,
    /// Time that the key stays held for others that pass this too, in milliseconds, even if the job has ended.
    pub dedupe_for_ms: Option<i64>,
    /// True if its caller asks for the job in its way.
    pub is_detailed: bool,
    /// Time limit of its handler, in milliseconds; none for the processor's limit.
    pub timeout_ms: Option<i64>,
    /// Time after it is first due during which it is worth starting, in milliseconds; none for ever.
    pub expires_in_ms: Option<i64>,
    /// The growth of the delay of retries; none for the default.
    pub backoff: Option<BackoffKind>,
    /// The shortest delay of a retry, in milliseconds; none for the default.
    pub backoff_delay_ms: Option<i64>,
    /// The longest delay of a retry, in milliseconds; none for the default.
    pub backoff_max_delay_ms: Option<i64>,
    /// The trace in which it is made, if there is one.
    pub trace: Option<Trace>,
}

#[cfg(test)]
impl NewJob {
    /// A job with the public defaults, for unit tests.
    pub(crate) fn sample() -> Self {
        let payload = mongodb::bson::doc! { fields::DATA: 1 };
        Self {
            job_type: "t".to_owned(),
            payload: RawDocumentBuf::try_from(&payload).expect("it can be encoded"),
            id: None,
            priority: 0,
            delay_ms: 0,
            run_at_ms: None,
            max_attempts: 3,
            dedupe: None,
            coalesce_latest: false,
            dedupe_for_ms: None,
            is_detailed: false,
            timeout_ms: None,
            expires_in_ms: None,
            backoff: None,
            backoff_delay_ms: None,
            backoff_max_delay_ms: None,
            trace: None,
        }
    }
}

impl NewJob {
    /// The `data` value, still encoded.
    pub(crate) fn data(&self) -> Result<RawBsonRef<'_>> {
        self.payload
            .get(fields::DATA)
            .map_err(Error::encoding)?
            .ok_or_else(|| Error::new(ErrorKind::Internal, "the payload has no data"))
    }

    /// The moment from which it may be claimed; none if it may be claimed now.
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

    /// The document of a job that is born as a managed run of this process: as a claim would leave it.
    pub(crate) fn handed_off(
        &self,
        id: &str,
        token: &str,
        lease_ms: i64,
        now: ServerTime,
    ) -> Result<RawDocumentBuf> {
        let mut job = self.active(id, token, now)?;
        let mut lease = RawDocumentBuf::new();
        lease.append(cstr!("token"), token);
        lease.append(cstr!("attempt"), 1);
        lease.append(cstr!("ms"), lease_ms);
        job.append(cstr!("lease"), lease);
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
        if let Some(Trace { parent, state }) = &self.trace {
            let mut trace = RawDocumentBuf::new();
            trace.append(cstr!("traceparent"), parent.as_str());
            if let Some(state) = state {
                trace.append(cstr!("tracestate"), state.as_str());
            }
            job.append(cstr!("trace"), trace);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_without_a_delay_or_with_a_moment_that_has_passed_is_due_now() {
        let now = ServerTime::between(500, 510);
        for (delay_ms, run_at_ms, expected) in [
            (0, None, None),
            (-1, None, None),
            // Never sooner than so long after the server's present.
            (3, None, Some(513)),
            (0, Some(400), None),
            (0, Some(500), None),
            (0, Some(501), Some(501)),
        ] {
            let job = NewJob { delay_ms, run_at_ms, ..NewJob::sample() };
            assert_eq!(job.due_at(now), expected.map(DateTime::from_millis), "{delay_ms} {run_at_ms:?}");
        }
    }

    #[test]
    fn wishes_of_the_caller_are_in_the_document_and_no_others() {
        let now = ServerTime::exactly(500);
        let job = NewJob {
            backoff: Some(BackoffKind::Fixed),
            backoff_delay_ms: Some(250),
            backoff_max_delay_ms: Some(3_000_000_000),
            timeout_ms: Some(1_000),
            ..NewJob::sample()
        };
        let document = job.pending("a", now).expect("it can be encoded");
        let number = |field: &str| {
            document.get(field).ok().flatten().and_then(|value| match value {
                RawBsonRef::Int32(number) => Some(i64::from(number)),
                RawBsonRef::Int64(number) => Some(number),
                _ => None,
            })
        };
        assert_eq!(
            ["backoffDelay", "backoffMaxDelay", "timeoutMs"].map(number),
            [Some(250), Some(3_000_000_000), Some(1_000)]
        );
        let plain = NewJob::sample().pending("a", now).expect("it can be encoded");
        for field in [
            "backoff",
            "backoffDelay",
            "backoffMaxDelay",
            "timeoutMs",
            "expiresAt",
            "dedupeKey",
            "claimToken",
        ] {
            assert!(matches!(plain.get(field), Ok(None)), "{field}");
        }
    }
}
