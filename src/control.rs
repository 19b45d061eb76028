//! Changes of jobs by operators.

use durabl_engine::{
    Cancelled, Change, Due, Status, Steered,
    bson::{DateTime, RawDocumentBuf},
};
use napi::{Env, Result, bindgen_prelude::Buffer};
use napi_derive::napi;

use crate::{
    claims::{NativeTerminalStatus, terminal},
    convert::invalid,
    engine::NativeEngine,
    reply::Promised,
};

/// The effect of a change.
#[napi(string_enum = "kebab-case")]
pub enum NativeSteerStatus {
    /// It was made.
    Done,
    /// Another job holds the key.
    KeyHeld,
    /// The job has a status that the change does not lead out of.
    WrongStatus,
    /// The job has a journal, and keeps its data.
    HasJournal,
    /// Its schedule would make the job again.
    HeldBySchedule,
    /// There is no such job.
    NotFound,
}

/// The status of a job.
#[napi(string_enum = "lowercase")]
pub enum NativeJobStatus {
    /// It waits.
    Pending,
    /// It is claimed.
    Active,
    /// It ended well.
    Completed,
    /// It failed for good.
    Failed,
    /// Its follower covers the work.
    Superseded,
}

impl From<Status> for NativeJobStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Active => Self::Active,
            Status::Completed => Self::Completed,
            Status::Failed => Self::Failed,
            Status::Superseded => Self::Superseded,
        }
    }
}

/// The effect of a change, with the cause if it was not made.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeSteered {
    /// The effect.
    pub status: NativeSteerStatus,
    /// The id of the job that holds the key; set exactly when `status` is `key-held`.
    pub holder: Option<String>,
    /// The status that the job has; set exactly when `status` is `wrong-status`.
    pub job_status: Option<NativeJobStatus>,
}

impl From<Steered> for NativeSteered {
    fn from(steered: Steered) -> Self {
        let plain = |status| Self { status, holder: None, job_status: None };
        match steered {
            Steered::Done => plain(NativeSteerStatus::Done),
            Steered::KeyHeld(id) => Self { holder: Some(id), ..plain(NativeSteerStatus::KeyHeld) },
            Steered::WrongStatus(status) => {
                Self { job_status: Some(status.into()), ..plain(NativeSteerStatus::WrongStatus) }
            }
            Steered::HasJournal => plain(NativeSteerStatus::HasJournal),
            Steered::HeldBySchedule => plain(NativeSteerStatus::HeldBySchedule),
            Steered::NotFound => plain(NativeSteerStatus::NotFound),
        }
    }
}

/// The terms of a retry.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeRetry {
    /// A BSON document with the one field `data`; null to keep the data.
    pub payload: Option<Buffer>,
    /// Milliseconds until the job is due.
    pub delay_ms: f64,
    /// Null to keep it.
    pub max_attempts: Option<i32>,
}

/// The new time and priority of a job. Of `delayMs` and `runAtMs` one at most is set.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeReschedule {
    /// Milliseconds until the job is due.
    pub delay_ms: Option<f64>,
    /// The moment from which the job is due, in milliseconds since the epoch.
    pub run_at_ms: Option<f64>,
    /// Null to keep it.
    pub priority: Option<f64>,
}

/// The effect of a cancellation.
#[napi(string_enum = "kebab-case")]
pub enum NativeCancelStatus {
    /// The job has ended.
    Cancelled,
    /// The job runs, and its owner learns it.
    Requested,
    /// The job had ended before.
    AlreadyTerminal,
    /// There is no such job.
    NotFound,
}

/// The effect of a cancellation, with the status that kept it from applying.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeCancelled {
    /// The effect.
    pub status: NativeCancelStatus,
    /// Set exactly when `status` is `already-terminal`.
    pub terminal_status: Option<NativeTerminalStatus>,
}

impl From<Cancelled> for NativeCancelled {
    fn from(cancelled: Cancelled) -> Self {
        let (status, terminal_status) = match cancelled {
            Cancelled::Cancelled => (NativeCancelStatus::Cancelled, None),
            Cancelled::Requested => (NativeCancelStatus::Requested, None),
            Cancelled::AlreadyTerminal(status) => (NativeCancelStatus::AlreadyTerminal, terminal(status)),
            Cancelled::NotFound => (NativeCancelStatus::NotFound, None),
        };
        Self { status, terminal_status }
    }
}

/// The effect on one job of a call that cancels many.
#[napi(string_enum = "kebab-case")]
pub enum NativeCancelledEach {
    /// The job has ended.
    Cancelled,
    /// The job runs, and its owner learns it.
    Requested,
    /// The job was left as it was.
    Skipped,
}

impl From<Option<Cancelled>> for NativeCancelledEach {
    fn from(cancelled: Option<Cancelled>) -> Self {
        match cancelled {
            Some(Cancelled::Cancelled) => Self::Cancelled,
            Some(Cancelled::Requested) => Self::Requested,
            Some(Cancelled::AlreadyTerminal(_) | Cancelled::NotFound) | None => Self::Skipped,
        }
    }
}

/// The request to cancel a running job.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeCancelRequest {
    /// The job.
    pub id: String,
    /// Null if none was given.
    pub reason: Option<String>,
}

#[napi]
impl NativeEngine {
    /// Has a job that has ended begin again.
    #[napi]
    pub fn retry<'env>(
        &self,
        env: &'env Env,
        job_id: String,
        terms: NativeRetry,
    ) -> Result<Promised<'env, NativeSteered>> {
        let payload = terms.payload.map(|payload| RawDocumentBuf::from_bytes(payload.to_vec())).transpose();
        let change = Change::Retry {
            payload: payload.map_err(|error| invalid("payload", &error.to_string()))?,
            delay_ms: terms.delay_ms as i64,
            max_attempts: terms.max_attempts,
        };
        self.steer(env, job_id, change)
    }

    /// Makes a pending job due.
    #[napi]
    pub fn promote<'env>(&self, env: &'env Env, job_id: String) -> Result<Promised<'env, NativeSteered>> {
        self.steer(env, job_id, Change::Promote)
    }

    /// Gives a pending job another time, another priority, or both.
    #[napi]
    pub fn reschedule<'env>(
        &self,
        env: &'env Env,
        job_id: String,
        terms: NativeReschedule,
    ) -> Result<Promised<'env, NativeSteered>> {
        let delay = terms.delay_ms.map(|ms| Due::After(ms as i64));
        let moment = terms.run_at_ms.map(|ms| Due::At(DateTime::from_millis(ms as i64)));
        let priority = terms.priority.map(|priority| priority as i64);
        self.steer(env, job_id, Change::Reschedule { due: delay.or(moment), priority })
    }

    /// Has those of these jobs begin again that have ended, and that are still in this status unless it is null: the number of them.
    #[napi]
    pub fn retry_each<'env>(
        &self,
        env: &'env Env,
        job_ids: Vec<String>,
        from: Option<String>,
    ) -> Result<Promised<'env, f64>> {
        let change = Change::Retry { payload: None, delay_ms: 0, max_attempts: None };
        self.steer_each(env, job_ids, change, status_of(from)?)
    }

    /// Makes those of these jobs due that are pending: the number of them.
    #[napi]
    pub fn promote_each<'env>(&self, env: &'env Env, job_ids: Vec<String>) -> Result<Promised<'env, f64>> {
        self.steer_each(env, job_ids, Change::Promote, None)
    }

    /// Removes those of these jobs that are not running, and that are still in this status unless it is null: the number of them.
    #[napi]
    pub fn remove_each<'env>(
        &self,
        env: &'env Env,
        job_ids: Vec<String>,
        from: Option<String>,
    ) -> Result<Promised<'env, f64>> {
        let from = status_of(from)?;
        self.call(env, move |engine| async move {
            engine.remove_each(&job_ids, from).await.map(|removed| removed as f64)
        })
    }

    /// Removes a job that is not running.
    #[napi]
    pub fn remove<'env>(&self, env: &'env Env, job_id: String) -> Result<Promised<'env, NativeSteered>> {
        self.call(env, |engine| async move { engine.remove(&job_id).await.map(NativeSteered::from) })
    }

    /// Cancels jobs, and reports the fate of each, in order.
    #[napi]
    pub fn cancel<'env>(
        &self,
        env: &'env Env,
        job_ids: Vec<String>,
        reason: Option<String>,
    ) -> Result<Promised<'env, Vec<NativeCancelled>>> {
        self.call(env, |engine| async move {
            let cancelled = engine.cancel(&job_ids, reason.as_deref()).await?;
            Ok(cancelled.into_iter().map(NativeCancelled::from).collect())
        })
    }

    /// Cancels those of these jobs that have not ended, and that are still in this status unless it is null. Returns
    /// the effect on each, in order.
    #[napi]
    pub fn cancel_each<'env>(
        &self,
        env: &'env Env,
        job_ids: Vec<String>,
        from: Option<String>,
    ) -> Result<Promised<'env, Vec<NativeCancelledEach>>> {
        let from = status_of(from)?;
        self.call(env, move |engine| async move {
            let cancelled = engine.cancel_each(&job_ids, from).await?;
            Ok(cancelled.into_iter().map(NativeCancelledEach::from).collect())
        })
    }

    /// Those of these jobs that run and were asked to be cancelled.
    #[napi]
    pub fn cancel_requests<'env>(
        &self,
        env: &'env Env,
        job_ids: Vec<String>,
    ) -> Result<Promised<'env, Vec<NativeCancelRequest>>> {
        self.call(env, |engine| async move {
            let requests = engine.cancel_requests(&job_ids).await?;
            Ok(requests.into_iter().map(|(id, reason)| NativeCancelRequest { id, reason }).collect())
        })
    }
}

fn status_of(name: Option<String>) -> Result<Option<Status>> {
    name.map(|name| Status::parse(&name).ok_or_else(|| invalid("status", &name))).transpose()
}

impl NativeEngine {
    fn steer_each<'env>(
        &self,
        env: &'env Env,
        job_ids: Vec<String>,
        change: Change,
        from: Option<Status>,
    ) -> Result<Promised<'env, f64>> {
        self.call(env, move |engine| async move {
            engine.steer_each(&job_ids, &change, from).await.map(|changed| changed as f64)
        })
    }

    fn steer<'env>(
        &self,
        env: &'env Env,
        job_id: String,
        change: Change,
    ) -> Result<Promised<'env, NativeSteered>> {
        self.call(env, |engine| async move { engine.steer(&job_id, &change).await.map(NativeSteered::from) })
    }
}
