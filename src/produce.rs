//! Jobs to be created.

use durabl_engine::{
    BackoffKind, DedupeKey, DedupeScope, Enqueued, HandedOff, NewJob, NewJobFate, Trace, bson::RawDocumentBuf,
};
use napi::{Env, Error, Result, bindgen_prelude::Buffer};
use napi_derive::napi;

use crate::{convert::invalid, engine::NativeEngine, failure::NativeFailure, reply::Promised};

/// The range of a dedupe key.
#[derive(Clone, Copy)]
#[napi(string_enum)]
pub enum NativeDedupeScope {
    /// One pending job beside the active one.
    #[napi(value = "pending")]
    Pending,
    /// No second job at all.
    #[napi(value = "pending+active")]
    PendingAndActive,
}

impl From<NativeDedupeScope> for DedupeScope {
    fn from(native: NativeDedupeScope) -> Self {
        match native {
            NativeDedupeScope::Pending => Self::Pending,
            NativeDedupeScope::PendingAndActive => Self::PendingAndActive,
        }
    }
}

/// The growth of the wait before a retry.
#[derive(Clone, Copy)]
#[napi(string_enum = "lowercase")]
pub enum NativeBackoff {
    /// It doubles with each attempt.
    Exponential,
    /// It stays the same.
    Fixed,
}

impl From<NativeBackoff> for BackoffKind {
    fn from(native: NativeBackoff) -> Self {
        match native {
            NativeBackoff::Exponential => Self::Exponential,
            NativeBackoff::Fixed => Self::Fixed,
        }
    }
}

/// Options of new jobs. `lib/` has checked every value and filled in every default.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeJobSettings {
    /// The kind of work.
    pub r#type: String,
    /// Lower runs first.
    pub priority: f64,
    /// Milliseconds before the job may be claimed.
    pub delay_ms: f64,
    /// The moment from which on it may be claimed, in milliseconds since the epoch, instead of a delay; null for none.
    pub run_at_ms: Option<f64>,
    /// After this many attempts a failure is final.
    pub max_attempts: i32,
    /// Null exactly when there is no dedupe key.
    pub dedupe_scope: Option<NativeDedupeScope>,
    /// `coalesce: 'latest'`: the data of a pending holder of the key is replaced.
    pub coalesce_latest: bool,
    /// Milliseconds for which the key stays held, even after the job's end; null for none.
    pub dedupe_for_ms: Option<f64>,
    /// True if the caller asks for the id of a job in the way.
    pub detailed: bool,
    /// The longest that its handler may take, in milliseconds; null for its processor's limit.
    pub timeout_ms: Option<f64>,
    /// Milliseconds after which it is not worth starting any more; null for none.
    pub expires_in_ms: Option<f64>,
    /// Null for the default.
    pub backoff: Option<NativeBackoff>,
    /// The shortest wait before a retry; null for the default.
    pub backoff_delay_ms: Option<f64>,
    /// The longest wait before a retry; null for the default.
    pub backoff_max_delay_ms: Option<f64>,
}

impl NativeJobSettings {
    fn job(
        &self,
        id: Option<String>,
        dedupe_key: Option<String>,
        trace: Option<String>,
        payload: Vec<u8>,
    ) -> Result<NewJob> {
        let dedupe =
            dedupe_key.zip(self.dedupe_scope).map(|(key, scope)| DedupeKey { key, scope: scope.into() });
        Ok(NewJob {
            job_type: self.r#type.clone(),
            payload: RawDocumentBuf::from_bytes(payload)
                .map_err(|error| invalid("payload", &error.to_string()))?,
            id,
            priority: self.priority as i64,
            delay_ms: self.delay_ms as i64,
            run_at_ms: self.run_at_ms.map(|ms| ms as i64),
            max_attempts: self.max_attempts,
            dedupe,
            coalesce_latest: self.coalesce_latest,
            dedupe_for_ms: self.dedupe_for_ms.map(|ms| ms as i64),
            is_detailed: self.detailed,
            timeout_ms: self.timeout_ms.map(|ms| ms as i64),
            expires_in_ms: self.expires_in_ms.map(|ms| ms as i64),
            backoff: self.backoff.map(Into::into),
            backoff_delay_ms: self.backoff_delay_ms.map(|ms| ms as i64),
            backoff_max_delay_ms: self.backoff_max_delay_ms.map(|ms| ms as i64),
            trace: trace.map(trace_of),
        })
    }
}

/// A job to be created.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeNewJob {
    /// Its options.
    pub settings: NativeJobSettings,
    /// Its id, or null for a new one.
    pub id: Option<String>,
    /// The key it holds.
    pub dedupe_key: Option<String>,
    /// The `traceparent` of the trace that it is made in, and behind a line break its `tracestate` if there is one; null for none.
    pub trace: Option<String>,
    /// A BSON document with the one field `data`.
    pub payload: Buffer,
}

impl TryFrom<NativeNewJob> for NewJob {
    type Error = Error;

    fn try_from(native: NativeNewJob) -> Result<Self> {
        native.settings.job(native.id, native.dedupe_key, native.trace, native.payload.to_vec())
    }
}

/// Jobs to be created that share their options.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeNewJobs {
    /// The options of all of them.
    pub settings: NativeJobSettings,
    /// The id of each, or null for new ones.
    pub ids: Option<Vec<String>>,
    /// The key of each, or null.
    pub dedupe_keys: Option<Vec<String>>,
    /// The trace of each, as that of a single job, or null.
    pub traces: Option<Vec<String>>,
    /// A BSON document for each with the one field `data`, end to end.
    pub payloads: Buffer,
}

impl NativeNewJobs {
    /// Appends them, one by one.
    fn append_to(self, jobs: &mut Vec<NewJob>) -> Result<()> {
        let mut ids = self.ids.map(Vec::into_iter);
        let mut keys = self.dedupe_keys.map(Vec::into_iter);
        let mut traces = self.traces.map(Vec::into_iter);
        let mut rest: &[u8] = &self.payloads;
        while !rest.is_empty() {
            let (payload, behind) =
                split_document(rest).ok_or_else(|| invalid("payloads", "half a document"))?;
            let id = next_of(&mut ids, "ids")?;
            let key = next_of(&mut keys, "dedupeKeys")?;
            let trace = next_of(&mut traces, "traces")?;
            jobs.push(self.settings.job(id, key, trace, payload.to_vec())?);
            rest = behind;
        }
        Ok(())
    }
}

/// A trace that came as one string: strings cross the border more cheaply than objects.
fn trace_of(text: String) -> Trace {
    match text.split_once('\n') {
        None => Trace { parent: text, state: None },
        Some((parent, state)) => Trace { parent: parent.to_owned(), state: Some(state.to_owned()) },
    }
}

/// The value for the next job; none if there is none for any.
fn next_of(values: &mut Option<std::vec::IntoIter<String>>, what: &str) -> Result<Option<String>> {
    let Some(values) = values else { return Ok(None) };
    values.next().map(Some).ok_or_else(|| invalid(what, "too few"))
}

/// The first of BSON documents that lie end to end, and the rest.
fn split_document(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = i32::from_le_bytes(*bytes.first_chunk()?);
    bytes.split_at_checked(usize::try_from(length).ok().filter(|length| *length > 0)?)
}

/// The jobs of all groups, in their order.
pub(crate) fn new_jobs(groups: Vec<NativeNewJobs>) -> Result<Vec<NewJob>> {
    let mut jobs = Vec::new();
    for group in groups {
        group.append_to(&mut jobs)?;
    }
    Ok(jobs)
}

/// The fate of each job of one call.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeEnqueued {
    /// The id of each, in the order of the jobs. Null if its key is held or its id is taken, or if it stands in
    /// `failures`.
    pub ids: Vec<Option<String>>,
    /// The jobs in the way of some of the others.
    pub holders: Vec<NativeHolder>,
    /// The failures of single jobs.
    pub failures: Vec<NativeEnqueueFailure>,
    /// The jobs among them that are claimed already, for processors of this engine to start.
    pub handed_off: Vec<NativeHandedOff>,
}

/// The job in the way of one job of a call.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeHolder {
    /// The place of the job, counted from 0.
    pub index: u32,
    /// The id of the job in the way; null if it is gone.
    pub id: Option<String>,
    /// True if that one has the data now.
    pub is_coalesced: bool,
}

/// A claimed job, to be started once its call has its answer.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeHandedOff {
    /// The processor that it was claimed for.
    pub processor_id: u32,
    /// Its run.
    pub run_id: u32,
    /// The job as BSON.
    pub document: Buffer,
}

impl From<HandedOff> for NativeHandedOff {
    fn from(job: HandedOff) -> Self {
        let (processor_id, run_id, document) = job.into_parts();
        Self { processor_id, run_id, document: document.into_bytes().into() }
    }
}

/// The failure of one job of a call.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeEnqueueFailure {
    /// The place of the job, counted from 0.
    pub index: u32,
    /// Its failure.
    pub failure: NativeFailure,
}

impl From<(Vec<Enqueued>, Vec<HandedOff>)> for NativeEnqueued {
    fn from((outcomes, handed_off): (Vec<Enqueued>, Vec<HandedOff>)) -> Self {
        let ids = Vec::with_capacity(outcomes.len());
        let handed_off = handed_off.into_iter().map(NativeHandedOff::from).collect();
        let mut enqueued = Self { ids, holders: Vec::new(), failures: Vec::new(), handed_off };
        for (index, outcome) in outcomes.into_iter().enumerate() {
            let id = enqueued.created(index as u32, outcome);
            enqueued.ids.push(id);
        }
        enqueued
    }
}

impl NativeEnqueued {
    /// The id of the job, if it was created; else its fate stands apart.
    fn created(&mut self, index: u32, outcome: Enqueued) -> Option<String> {
        let (id, is_coalesced) = match outcome {
            Ok(NewJobFate::Created(id)) => return Some(id),
            Ok(NewJobFate::Duplicate(id)) => (id, false),
            Ok(NewJobFate::Coalesced(id)) => (id, true),
            Err(error) => {
                self.failures.push(NativeEnqueueFailure { index, failure: error.into() });
                return None;
            }
        };
        if id.is_some() || is_coalesced {
            self.holders.push(NativeHolder { index, id, is_coalesced });
        }
        None
    }
}

#[napi]
impl NativeEngine {
    /// Creates jobs, in their order.
    #[napi]
    pub fn enqueue_many<'env>(
        &self,
        env: &'env Env,
        groups: Vec<NativeNewJobs>,
    ) -> Result<Promised<'env, NativeEnqueued>> {
        let jobs = new_jobs(groups)?;
        self.call(env, |engine| async move { engine.enqueue_or_start(jobs).await.map(NativeEnqueued::from) })
    }
}
