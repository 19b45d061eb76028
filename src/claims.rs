//! Claims made by hand: taken, renewed and settled by their owner.

use durabl_engine::{
    ClaimedJob, Details, LogLine, NewJob, Settled, Status, Verdict,
    bson::{Bson, DateTime, RawDocumentBuf},
};
use napi::{
    Env, Result,
    bindgen_prelude::{Buffer, Float64ArraySlice, Null},
};
use napi_derive::napi;

use crate::{
    convert::{invalid, millis},
    engine::NativeEngine,
    produce::NativeNewJob,
    reply::Promised,
};

/// The verdict on a claim.
#[napi(string_enum = "camelCase")]
pub enum NativeVerdictKind {
    /// The work is done.
    Complete,
    /// This attempt failed.
    Fail,
    /// The job failed for good.
    FailFatal,
    /// The claim is given back, with its attempt.
    Release,
}

impl From<NativeVerdictKind> for Verdict {
    fn from(native: NativeVerdictKind) -> Self {
        match native {
            NativeVerdictKind::Complete => Self::Complete,
            NativeVerdictKind::Fail => Self::Fail,
            NativeVerdictKind::FailFatal => Self::FailFatal,
            NativeVerdictKind::Release => Self::Release,
        }
    }
}

/// Details beside a verdict, if there are any.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeDetails {
    /// The stack of a failure; null if there is none.
    pub stack: Option<String>,
    /// Milliseconds until a job that is to wait again is due again; null for the usual time.
    pub delay_ms: Option<f64>,
    /// The moment until which the job parks, in milliseconds since the epoch, if its handler sleeps; null for none.
    pub parked_until_ms: Option<f64>,
    /// The handler's result, to be kept: a BSON document with the one field `result`; null for nothing.
    pub result: Option<Buffer>,
    /// True if the owner settles in the midst of its work: then a job that was asked to be cancelled is not cancelled.
    pub by_hand: bool,
}

impl From<NativeDetails> for Details {
    fn from(native: NativeDetails) -> Self {
        let result = native.result.and_then(|result| kept(&result));
        let delay = native.delay_ms.map(millis);
        let parked_until = native.parked_until_ms.map(|ms| DateTime::from_millis(ms as i64));
        Self { stack: native.stack, delay, parked_until, result, is_by_hand: native.by_hand }
    }
}

/// The value in a document with the one field `result`.
pub(crate) fn kept(document: &[u8]) -> Option<Bson> {
    let document = RawDocumentBuf::from_bytes(document.to_vec()).ok()?;
    Bson::try_from(document.get("result").ok()??).ok()
}

/// The effect of a verdict.
#[napi(string_enum = "kebab-case")]
pub enum NativeSettleStatus {
    /// The job is completed.
    Completed,
    /// The job is pending again, after a back-off.
    RetryScheduled,
    /// The job failed for good.
    FailedTerminal,
    /// A follower covers the work.
    Superseded,
    /// The job is pending again, its attempt given back.
    Released,
    /// The job was asked to be cancelled, and has failed.
    Cancelled,
    /// The job had ended before.
    AlreadyTerminal,
    /// The lease is another's.
    LeaseLost,
    /// There is no such job.
    NotFound,
}

/// A status that nothing leads out of.
#[napi(string_enum = "lowercase")]
pub enum NativeTerminalStatus {
    /// It ended well.
    Completed,
    /// It failed for good.
    Failed,
    /// Its follower covers the work.
    Superseded,
}

/// The effect of a verdict, with the status that kept it from applying.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeSettled {
    /// The effect.
    pub status: NativeSettleStatus,
    /// Set exactly when `status` is `already-terminal`.
    pub terminal_status: Option<NativeTerminalStatus>,
}

impl From<Settled> for NativeSettled {
    fn from(settled: Settled) -> Self {
        let status = match settled {
            Settled::Completed => NativeSettleStatus::Completed,
            Settled::RetryScheduled(_) => NativeSettleStatus::RetryScheduled,
            // No handler gets a job that has expired.
            Settled::FailedTerminal | Settled::Expired => NativeSettleStatus::FailedTerminal,
            Settled::Superseded => NativeSettleStatus::Superseded,
            Settled::Released | Settled::Deferred(_) => NativeSettleStatus::Released,
            Settled::Cancelled => NativeSettleStatus::Cancelled,
            Settled::AlreadyTerminal(_) => NativeSettleStatus::AlreadyTerminal,
            Settled::LeaseLost => NativeSettleStatus::LeaseLost,
            Settled::NotFound => NativeSettleStatus::NotFound,
        };
        let terminal_status = match settled {
            Settled::AlreadyTerminal(status) => terminal(status),
            _ => None,
        };
        Self { status, terminal_status }
    }
}

pub(crate) fn terminal(status: Status) -> Option<NativeTerminalStatus> {
    match status {
        Status::Completed => Some(NativeTerminalStatus::Completed),
        Status::Failed => Some(NativeTerminalStatus::Failed),
        Status::Superseded => Some(NativeTerminalStatus::Superseded),
        Status::Pending | Status::Active => None,
    }
}

/// The effect of a renewal.
#[napi(string_enum = "kebab-case")]
pub enum NativeHeartbeat {
    /// The lease is renewed.
    Applied,
    /// The lease is another's.
    LeaseLost,
}

fn document(job: Option<ClaimedJob>) -> Option<Buffer> {
    job.map(|job| job.into_document().into_bytes().into())
}

#[napi]
impl NativeEngine {
    /// Creates a job and claims it: the claimed job as BSON, or null if its key is held.
    #[napi]
    pub fn claim_or_enqueue<'env>(
        &self,
        env: &'env Env,
        job: NativeNewJob,
    ) -> Result<Promised<'env, Option<Buffer>>> {
        let job = NewJob::try_from(job)?;
        self.call(env, |engine| async move { engine.claim_or_enqueue(job).await.map(document) })
    }

    /// Claims the next due job of a type: the claimed job as BSON, or null if there is none.
    #[napi]
    pub fn claim_next<'env>(
        &self,
        env: &'env Env,
        job_type: String,
    ) -> Result<Promised<'env, Option<Buffer>>> {
        self.call(env, |engine| async move { engine.claim_next(&job_type).await.map(document) })
    }

    /// Claims the due job of a type and key: the claimed job as BSON, or null if there is none.
    #[napi]
    pub fn claim_next_by_key<'env>(
        &self,
        env: &'env Env,
        job_type: String,
        key: String,
    ) -> Result<Promised<'env, Option<Buffer>>> {
        self.call(env, |engine| async move { engine.claim_next_by_key(&job_type, &key).await.map(document) })
    }

    /// Settles a claim.
    #[napi]
    pub fn settle<'env>(
        &self,
        env: &'env Env,
        job_id: String,
        claim_token: Option<String>,
        kind: NativeVerdictKind,
        reason: Option<String>,
        details: NativeDetails,
    ) -> Result<Promised<'env, NativeSettled>> {
        let (verdict, details) = (Verdict::from(kind), Details::from(details));
        self.call(env, |engine| async move {
            let token = claim_token.as_deref();
            let settled = engine.settle_with(&job_id, token, verdict, reason, details).await;
            settled.map(NativeSettled::from)
        })
    }

    /// Renews a lease.
    #[napi]
    pub fn heartbeat<'env>(
        &self,
        env: &'env Env,
        job_id: String,
        claim_token: Option<String>,
    ) -> Result<Promised<'env, NativeHeartbeat>> {
        self.call(env, |engine| async move {
            let applied = engine.heartbeat(&job_id, claim_token.as_deref()).await?;
            Ok(if applied { NativeHeartbeat::Applied } else { NativeHeartbeat::LeaseLost })
        })
    }

    /// Renews the leases of several jobs: the number of those that are active.
    #[napi]
    pub fn batch_heartbeat<'env>(&self, env: &'env Env, job_ids: Vec<String>) -> Result<Promised<'env, f64>> {
        self.call(env, |engine| async move {
            engine.batch_heartbeat(&job_ids).await.map(|renewed| renewed as f64)
        })
    }

    /// Notes the progress of a handler: a BSON document with the one field `progress`.
    #[napi]
    pub fn progress<'env>(
        &self,
        env: &'env Env,
        job_id: String,
        claim_token: Option<String>,
        progress: Buffer,
    ) -> Result<Promised<'env, Null>> {
        let document = RawDocumentBuf::from_bytes(progress.to_vec());
        let progress =
            document.ok().and_then(|document| Bson::try_from(document.get("progress").ok()??).ok());
        let progress =
            progress.ok_or_else(|| invalid("progress", "no document with the field `progress`"))?;
        self.call(env, |engine| async move {
            engine.progress(&job_id, claim_token.as_deref(), &progress).await.map(|()| Null)
        })
    }

    /// Adds lines to a job's log, oldest first, with the milliseconds since each was added.
    #[napi]
    pub fn log<'env>(
        &self,
        env: &'env Env,
        job_id: String,
        claim_token: Option<String>,
        messages: Vec<String>,
        ages_ms: Float64ArraySlice<'_>,
    ) -> Result<Promised<'env, Null>> {
        let lines: Vec<LogLine> = messages
            .into_iter()
            .zip(ages_ms.as_ref())
            .map(|(message, age)| LogLine { message, age: millis(*age) })
            .collect();
        self.call(env, |engine| async move {
            engine.log(&job_id, claim_token.as_deref(), &lines).await.map(|()| Null)
        })
    }
}
