//! Jobs, verdicts and results, as they cross the border.

use std::time::Duration;

use durabl_engine::{
    BackoffKind, DedupeKey, DedupeScope, Enqueued, FreedSlot, NewJob, RunVerdict, Settled, Stats, Status,
    Sweep, Verdict, bson::RawDocumentBuf,
};
use napi::{Error, Result, Status as NapiStatus, bindgen_prelude::Buffer};
use napi_derive::napi;

use crate::failure::NativeFailure;

/// `NativeJobSettings` of `lib/mongo/native/addon.ts`.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeJobSettings {
    /// Which handler it is for.
    pub r#type: String,
    /// Lower runs first.
    pub priority: f64,
    /// How long until it may be claimed.
    pub delay_ms: f64,
    /// How many starts it may have.
    pub max_attempts: i32,
    /// What its key excludes.
    pub dedupe_scope: Option<String>,
    /// Whether a pending holder of the key takes over this data.
    pub coalesce_latest: bool,
    /// How the delay of retries grows.
    pub backoff: Option<String>,
    /// The shortest delay of a retry.
    pub backoff_delay_ms: Option<f64>,
    /// The longest delay of a retry.
    pub backoff_max_delay_ms: Option<f64>,
}

impl NativeJobSettings {
    fn job(&self, dedupe_key: Option<String>, payload: &[u8]) -> Result<NewJob> {
        let dedupe = match (dedupe_key, &self.dedupe_scope) {
            (Some(key), Some(scope)) => {
                let scope = DedupeScope::parse(scope).ok_or_else(|| invalid("dedupeScope", scope))?;
                Some(DedupeKey { key, scope })
            }
            _ => None,
        };
        Ok(NewJob {
            job_type: self.r#type.clone(),
            payload: RawDocumentBuf::from_bytes(payload.to_vec())
                .map_err(|error| invalid("payload", &error.to_string()))?,
            priority: self.priority as i64,
            delay_ms: self.delay_ms as i64,
            max_attempts: self.max_attempts,
            dedupe,
            coalesce_latest: self.coalesce_latest,
            backoff: self.backoff.as_deref().map(BackoffKind::parse),
            backoff_delay_ms: self.backoff_delay_ms.map(|ms| ms as i64),
            backoff_max_delay_ms: self.backoff_max_delay_ms.map(|ms| ms as i64),
        })
    }
}

/// `NativeNewJob` of `lib/mongo/native/addon.ts`.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeNewJob {
    /// How it is to be queued.
    pub settings: NativeJobSettings,
    /// The key it holds.
    pub dedupe_key: Option<String>,
    /// A BSON document with the one field `data`.
    pub payload: Buffer,
}

impl TryFrom<NativeNewJob> for NewJob {
    type Error = Error;

    fn try_from(native: NativeNewJob) -> Result<Self> {
        native.settings.job(native.dedupe_key, &native.payload)
    }
}

/// `NativeNewJobs` of `lib/mongo/native/addon.ts`.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeNewJobs {
    /// How they are to be queued.
    pub settings: NativeJobSettings,
    /// One for each.
    pub dedupe_keys: Option<Vec<String>>,
    /// Their BSON documents, end to end.
    pub payloads: Buffer,
}

impl NativeNewJobs {
    /// Appends them, one by one.
    pub(crate) fn append_to(self, jobs: &mut Vec<NewJob>) -> Result<()> {
        let mut keys = self.dedupe_keys.map(Vec::into_iter);
        let mut rest: &[u8] = &self.payloads;
        while !rest.is_empty() {
            let (payload, behind) =
                split_document(rest).ok_or_else(|| invalid("payloads", "half a document"))?;
            let key = match &mut keys {
                Some(keys) => Some(keys.next().ok_or_else(|| invalid("dedupeKeys", "too few"))?),
                None => None,
            };
            jobs.push(self.settings.job(key, payload)?);
            rest = behind;
        }
        Ok(())
    }
}

/// The first of BSON documents that lie end to end, and the rest.
fn split_document(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = i32::from_le_bytes(*bytes.first_chunk()?);
    bytes.split_at_checked(usize::try_from(length).ok().filter(|length| *length > 0)?)
}

/// `NativeEnqueued` of `lib/mongo/native/addon.ts`.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeEnqueued {
    /// The id of each job that was created, in the order of the jobs.
    pub ids: Vec<Option<String>>,
    /// What went wrong, with single jobs.
    pub failures: Vec<NativeEnqueueFailure>,
}

/// `NativeEnqueueFailure` of `lib/mongo/native/addon.ts`.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeEnqueueFailure {
    /// Which job, counted from 0.
    pub index: u32,
    /// What went wrong with it.
    pub failure: NativeFailure,
}

impl From<Vec<Enqueued>> for NativeEnqueued {
    fn from(outcomes: Vec<Enqueued>) -> Self {
        let (mut ids, mut failures) = (Vec::with_capacity(outcomes.len()), Vec::new());
        for (index, outcome) in outcomes.into_iter().enumerate() {
            ids.push(outcome.unwrap_or_else(|error| {
                failures.push(NativeEnqueueFailure { index: index as u32, failure: error.into() });
                None
            }));
        }
        Self { ids, failures }
    }
}

/// `NativeRunVerdict` of `lib/mongo/native/addon.ts`.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeRunVerdict {
    /// Which run.
    pub run_id: u32,
    /// How it ended.
    pub kind: String,
    /// Why.
    pub reason: Option<String>,
    /// Whether its slot is free.
    pub frees_slot: bool,
    /// How long the handler ran.
    pub elapsed_ms: Option<f64>,
}

impl TryFrom<NativeRunVerdict> for RunVerdict {
    type Error = Error;

    fn try_from(native: NativeRunVerdict) -> Result<Self> {
        Ok(Self {
            run_id: native.run_id,
            verdict: verdict(&native.kind)?,
            reason: native.reason,
            frees_slot: native.frees_slot,
            elapsed: native.elapsed_ms.map(millis),
        })
    }
}

/// `NativeFreedSlot` of `lib/mongo/native/addon.ts`.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeFreedSlot {
    /// Whose slot it was.
    pub run_id: u32,
    /// How long the handler ran.
    pub elapsed_ms: Option<f64>,
}

impl From<NativeFreedSlot> for FreedSlot {
    fn from(native: NativeFreedSlot) -> Self {
        Self { run_id: native.run_id, elapsed: native.elapsed_ms.map(millis) }
    }
}

/// The verdict a word of JavaScript stands for.
pub(crate) fn verdict(kind: &str) -> Result<Verdict> {
    match kind {
        "complete" => Ok(Verdict::Complete),
        "fail" => Ok(Verdict::Fail),
        "failFatal" => Ok(Verdict::FailFatal),
        "release" => Ok(Verdict::Release),
        other => Err(invalid("kind", other)),
    }
}

/// Milliseconds of JavaScript, fractions kept; what is negative or not a number is none.
pub(crate) fn millis(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1_000.0).unwrap_or(if ms > 0.0 { Duration::MAX } else { Duration::ZERO })
}

fn invalid(what: &str, came: &str) -> Error {
    Error::new(NapiStatus::InvalidArg, format!("{what}: {came}"))
}

/// `NativeSettled` of `lib/mongo/native/addon.ts`.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeSettled {
    /// What became of the verdict.
    pub status: &'static str,
    /// How it had ended before.
    pub terminal_status: Option<&'static str>,
}

impl From<Settled> for NativeSettled {
    fn from(settled: Settled) -> Self {
        let status = match settled {
            Settled::Completed => "completed",
            Settled::RetryScheduled(_) => "retry-scheduled",
            Settled::FailedTerminal => "failed-terminal",
            Settled::Superseded => "superseded",
            Settled::Released => "released",
            Settled::AlreadyTerminal(_) => "already-terminal",
            Settled::LeaseLost => "lease-lost",
            Settled::NotFound => "not-found",
        };
        let terminal_status = match settled {
            Settled::AlreadyTerminal(status) => Some(Status::as_str(status)),
            _ => None,
        };
        Self { status, terminal_status }
    }
}

/// `NativeStats` of `lib/mongo/native/addon.ts`.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeStats {
    /// Jobs that wait.
    pub pending: f64,
    /// Claimed jobs.
    pub active: f64,
    /// Jobs that ended well.
    pub completed: f64,
    /// Jobs that failed for good.
    pub failed: f64,
    /// Jobs whose follower took over.
    pub superseded: f64,
    /// When the oldest due job was due.
    pub oldest_pending_run_at_ms: Option<f64>,
    /// How long ago that was.
    pub oldest_pending_lag_ms: f64,
}

impl From<Stats> for NativeStats {
    fn from(stats: Stats) -> Self {
        Self {
            pending: stats.pending as f64,
            active: stats.active as f64,
            completed: stats.completed as f64,
            failed: stats.failed as f64,
            superseded: stats.superseded as f64,
            oldest_pending_run_at_ms: stats.oldest_pending_run_at_ms.map(|ms| ms as f64),
            oldest_pending_lag_ms: stats.oldest_pending_lag_ms as f64,
        }
    }
}

/// What a sweep did.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeSweep {
    /// Jobs taken from holders that were gone.
    pub handled: f64,
    /// Whether there may be more.
    pub saturated: bool,
}

impl From<Sweep> for NativeSweep {
    fn from(sweep: Sweep) -> Self {
        Self { handled: sweep.handled as f64, saturated: sweep.saturated }
    }
}
