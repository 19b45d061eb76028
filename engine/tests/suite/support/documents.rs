//! Jobs as tests make them: through the engine, or written straight into the collection.

use std::time::Duration;

use durabl_engine::{BackoffKind, DedupeKey, DedupeScope, LogLine, NewJob};
use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf, doc};

/// A line for the log of a job.
pub(crate) fn line(message: &str) -> [LogLine; 1] {
    [LogLine { message: message.to_owned(), age: Duration::ZERO }]
}

/// A job to be enqueued, with the public defaults.
#[derive(Debug, Clone)]
pub(crate) struct Job(NewJob);

impl Job {
    pub(crate) fn of(job_type: &str) -> Self {
        Self(NewJob {
            job_type: job_type.to_owned(),
            payload: payload(&Bson::Null),
            priority: 0,
            id: None,
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
        })
    }

    pub(crate) fn data(mut self, data: impl Into<Bson>) -> Self {
        self.0.payload = payload(&data.into());
        self
    }

    pub(crate) fn payload(mut self, payload: RawDocumentBuf) -> Self {
        self.0.payload = payload;
        self
    }

    /// With an id of its caller's.
    pub(crate) fn id(mut self, id: &str) -> Self {
        self.0.id = Some(id.to_owned());
        self
    }

    /// Its key stays held for so long.
    pub(crate) fn dedupe_for_ms(mut self, lasting: i64) -> Self {
        self.0.dedupe_for_ms = Some(lasting);
        self
    }

    /// Its caller asks who is in the way.
    pub(crate) fn detailed(mut self) -> Self {
        self.0.is_detailed = true;
        self
    }

    pub(crate) fn delay_ms(mut self, delay: i64) -> Self {
        self.0.delay_ms = delay;
        self
    }

    pub(crate) fn max_attempts(mut self, attempts: i32) -> Self {
        self.0.max_attempts = attempts;
        self
    }

    /// A key that has room for one active job and one pending one.
    pub(crate) fn single_flight(self, key: &str) -> Self {
        self.key(key, DedupeScope::Pending)
    }

    /// A key that has room for one job.
    pub(crate) fn exclusive(self, key: &str) -> Self {
        self.key(key, DedupeScope::PendingAndActive)
    }

    pub(crate) fn key(mut self, key: &str, scope: DedupeScope) -> Self {
        self.0.dedupe = Some(DedupeKey { key: key.to_owned(), scope });
        self
    }

    pub(crate) fn coalesce(mut self) -> Self {
        self.0.coalesce_latest = true;
        self
    }

    pub(crate) fn fixed_backoff_ms(mut self, delay: i64) -> Self {
        self.0.backoff = Some(BackoffKind::Fixed);
        self.0.backoff_delay_ms = Some(delay);
        self
    }
}

impl From<Job> for NewJob {
    fn from(job: Job) -> Self {
        job.0
    }
}

fn payload(data: &Bson) -> RawDocumentBuf {
    RawDocumentBuf::try_from(&doc! { "data": data }).expect("it can be encoded")
}

/// So many milliseconds from now by this machine's clock, which the server shares.
pub(crate) fn moment(ms: i64) -> DateTime {
    DateTime::from_millis(DateTime::now().timestamp_millis() + ms)
}

/// The document of a pending job that has been due for a minute.
pub(crate) fn pending(id: &str, job_type: &str) -> Document {
    doc! {
        "_id": id,
        "type": job_type,
        "data": null,
        "status": "pending",
        "priority": 0,
        "attempt": 0,
        "maxAttempts": 3,
        "runAt": moment(-60_000),
        "createdAt": moment(-60_000),
        "logs": [],
    }
}

/// The document of a job that was claimed by hand just now.
pub(crate) fn active(id: &str, job_type: &str, token: &str) -> Document {
    let mut job = pending(id, job_type);
    job.extend(doc! { "status": "active", "attempt": 1, "claimedAt": moment(0), "claimToken": token });
    job
}
