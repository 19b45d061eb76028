//! The journals of orchestrations.

use durabl_engine::{Append, Appended, NewStep, StoredStep, bson::RawDocumentBuf};
use napi::{Env, Result, bindgen_prelude::Buffer};
use napi_derive::napi;

use crate::{convert::invalid, engine::NativeEngine, failure::NativeFailure, reply::Promised};

/// A step, as it is recorded.
#[napi(object, use_nullable = true)]
pub struct NativeStep {
    /// The branch that it stands in; null for none.
    pub path: Option<String>,
    /// Its place there.
    pub seq: i32,
    /// Its name.
    pub name: String,
    /// Its kind; null for a plain step.
    pub kind: Option<String>,
    /// A BSON document with the one field `result`, or `error`.
    pub value: Buffer,
    /// The moment of its record, in milliseconds since the epoch; not heeded if a step is recorded.
    pub ts_ms: f64,
}

impl From<StoredStep> for NativeStep {
    fn from(StoredStep { step, ts, .. }: StoredStep) -> Self {
        Self {
            path: step.path,
            seq: step.seq,
            name: step.name,
            kind: step.kind,
            value: step.value.into_bytes().into(),
            ts_ms: ts.timestamp_millis() as f64,
        }
    }
}

impl TryFrom<NativeStep> for NewStep {
    type Error = napi::Error;

    fn try_from(native: NativeStep) -> Result<Self> {
        let value = RawDocumentBuf::from_bytes(native.value.into())
            .map_err(|error| invalid("value", &error.to_string()))?;
        Ok(Self { path: native.path, seq: native.seq, name: native.name, kind: native.kind, value })
    }
}

/// The effect of an append.
#[napi(string_enum = "kebab-case")]
pub enum NativeAppendStatus {
    /// It is in the journal, and the lease is renewed.
    Appended,
    /// There is one at that place, perhaps of another name.
    AlreadyRecorded,
    /// The job is not active under this token.
    LeaseLost,
    /// The journal would be too large.
    TooLarge,
}

/// The effect of an append, and more about it.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeAppended {
    /// The effect.
    pub status: NativeAppendStatus,
    /// Set exactly when `status` is `already-recorded`: the record that is there.
    pub existing: Option<NativeStep>,
    /// Set exactly when `status` is `too-large`: the size of the journal with the record.
    pub bytes: Option<f64>,
}

impl From<Appended> for NativeAppended {
    fn from(appended: Appended) -> Self {
        let of = |status| Self { status, existing: None, bytes: None };
        match appended {
            Appended::Appended => of(NativeAppendStatus::Appended),
            Appended::LeaseLost => of(NativeAppendStatus::LeaseLost),
            Appended::Recorded(stored) => {
                Self { existing: Some(stored.into()), ..of(NativeAppendStatus::AlreadyRecorded) }
            }
            Appended::TooLarge(bytes) => {
                Self { bytes: Some(bytes as f64), ..of(NativeAppendStatus::TooLarge) }
            }
        }
    }
}

/// A step to be recorded under a claim.
#[napi(object, object_to_js = false)]
pub struct NativeAppend {
    /// The job.
    pub job_id: String,
    /// The claim.
    pub claim_token: String,
    /// The step.
    pub step: NativeStep,
    /// The most bytes that the journal may take on the job.
    pub limit: f64,
    /// A large value may go into a collection of its own.
    pub may_spill: bool,
}

impl TryFrom<NativeAppend> for Append {
    type Error = napi::Error;

    fn try_from(native: NativeAppend) -> Result<Self> {
        let NativeAppend { job_id: id, claim_token: token, step, limit, may_spill } = native;
        Ok(Self { id, token, step: step.try_into()?, limit: limit as i64, may_spill })
    }
}

/// The outcomes of appends.
#[napi(object, object_from_js = false)]
pub struct NativeAppends {
    /// Those of the appends that did not just succeed.
    pub others: Vec<NativeOtherAppend>,
}

/// The outcome of one append of a call.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeOtherAppend {
    /// Its place in the call, counted from 0.
    pub index: u32,
    /// Null exactly when `failure` is not.
    pub appended: Option<NativeAppended>,
    /// Its failure.
    pub failure: Option<NativeFailure>,
}

impl NativeAppends {
    fn of(outcomes: Vec<durabl_engine::Result<Appended>>) -> Self {
        let mut others = Vec::new();
        for (index, outcome) in (0..).zip(outcomes) {
            match outcome {
                Ok(Appended::Appended) => {}
                Ok(other) => {
                    others.push(NativeOtherAppend { index, appended: Some(other.into()), failure: None });
                }
                Err(error) => {
                    others.push(NativeOtherAppend { index, appended: None, failure: Some(error.into()) });
                }
            }
        }
        Self { others }
    }
}

#[napi]
impl NativeEngine {
    /// Records steps, each under its claim. Resolves when each has an outcome.
    #[napi]
    pub fn append_steps<'env>(
        &self,
        env: &'env Env,
        appends: Vec<NativeAppend>,
    ) -> Result<Promised<'env, NativeAppends>> {
        let appends = appends.into_iter().map(Append::try_from).collect::<Result<Vec<_>>>()?;
        self.call(env, |engine| async move { engine.append_steps(appends).await.map(NativeAppends::of) })
    }

    /// The write that records a step under a claim in a transaction of the app, `{ q, u }` as BSON: done if it matches.
    #[napi]
    pub fn plan_append<'env>(
        &self,
        env: &'env Env,
        job_id: String,
        claim_token: String,
        step: NativeStep,
        limit: f64,
        may_spill: bool,
    ) -> Result<Promised<'env, Buffer>> {
        let (id, token, limit) = (job_id, claim_token, limit as i64);
        let append = Append { id, token, step: step.try_into()?, limit, may_spill };
        self.call(env, |engine| async move {
            engine.plan_append(append).await.map(|statement| Buffer::from(statement.into_bytes()))
        })
    }

    /// The effect that an append of this step would have, but for its size; null if its place is free.
    #[napi]
    pub fn look_at_step<'env>(
        &self,
        env: &'env Env,
        job_id: String,
        claim_token: String,
        step: NativeStep,
    ) -> Result<Promised<'env, Option<NativeAppended>>> {
        let step = NewStep::try_from(step)?;
        self.call(env, |engine| async move {
            let found = engine.look_at_step(&job_id, &claim_token, &step).await?;
            Ok(found.map(NativeAppended::from))
        })
    }

    /// The journal of a job, in the order of its appends.
    #[napi]
    pub fn read_steps<'env>(
        &self,
        env: &'env Env,
        job_id: String,
    ) -> Result<Promised<'env, Vec<NativeStep>>> {
        self.call(env, |engine| async move {
            let steps = engine.read_steps(&job_id).await?;
            Ok(steps.into_iter().map(NativeStep::from).collect::<Vec<_>>())
        })
    }

    /// Completes the job of an orchestration that has returned; false if it is not this claim's.
    #[napi]
    pub fn complete_claimed<'env>(
        &self,
        env: &'env Env,
        job_id: String,
        claim_token: String,
    ) -> Result<Promised<'env, bool>> {
        self.call(env, |engine| async move { engine.complete_claimed(&job_id, &claim_token).await })
    }

    /// The server's present, in milliseconds since the epoch.
    #[napi]
    pub fn server_time<'env>(&self, env: &'env Env) -> Result<Promised<'env, f64>> {
        self.call(env, |engine| async move { engine.server_time_ms().await.map(|ms| ms as f64) })
    }
}
