//! Writes in transactions of the app: planned here, run by the app's own driver.

use durabl_engine::PlannedJob;
use napi::{Env, Result, bindgen_prelude::Buffer};
use napi_derive::napi;

use crate::{
    claims::{NativeSettled, kept},
    convert::millis,
    engine::NativeEngine,
    produce::{NativeNewJobs, new_jobs},
    reply::{Promised, Reply},
};

/// The writes that create one job in a transaction of the app.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativePlannedJob {
    /// The new job's id.
    pub id: String,
    /// BSON documents to run in order: `{ insert }`, a document, or `{ q, u, upsert }`, a statement of an `update` command.
    /// The job was made if the last one inserted a document. If that matched one instead, its key is held.
    pub writes: Vec<Buffer>,
}

impl From<PlannedJob> for NativePlannedJob {
    fn from(planned: PlannedJob) -> Self {
        let writes = planned.writes.into_iter().map(|write| write.into_bytes().into()).collect();
        Self { id: planned.id, writes }
    }
}

#[napi]
impl NativeEngine {
    /// Shapes the writes that create these jobs. Planned jobs come in the order of the jobs.
    #[napi]
    pub fn plan_enqueue<'env>(
        &self,
        env: &'env Env,
        groups: Vec<NativeNewJobs>,
    ) -> Result<Promised<'env, Vec<NativePlannedJob>>> {
        let jobs = new_jobs(groups)?;
        self.call(env, |engine| async move {
            let planned = engine.plan_enqueue(jobs).await?;
            Ok(planned.into_iter().map(NativePlannedJob::from).collect::<Vec<_>>())
        })
    }

    /// Shapes the write that completes a claim, `{ q, u }` as BSON: done if it matches. No round trip. The result, which the job keeps,
    /// is a BSON document with the one field `result`.
    #[napi]
    pub fn plan_completion(
        &self,
        job_id: String,
        claim_token: Option<String>,
        result: Option<Buffer>,
    ) -> Reply<Buffer> {
        let result = result.and_then(|result| kept(&result));
        let planned = self.engine.plan_completion(&job_id, claim_token.as_deref(), result);
        planned.map(|statement| Buffer::from(statement.into_bytes())).into()
    }

    /// The fate of a claim that a transaction may have completed. If it has, the next job of its key is woken.
    #[napi]
    pub fn read_back<'env>(
        &self,
        env: &'env Env,
        job_id: String,
        claim_token: Option<String>,
    ) -> Result<Promised<'env, NativeSettled>> {
        self.call(env, |engine| async move {
            engine.read_back(&job_id, claim_token.as_deref()).await.map(NativeSettled::from)
        })
    }

    /// A job of this type may be there, due after this time: the transaction that created it is over.
    #[napi]
    pub fn wake(&self, job_type: String, delay_ms: f64) {
        self.engine.wake(&job_type, millis(delay_ms));
    }

    /// Readies a run for a transaction that completes its job: the lease gets this length, from now on, and is not
    /// renewed until `resume`. False if it is lost; then the run has only to free its slot.
    #[napi]
    pub fn suspend<'env>(&self, env: &'env Env, run_id: u32, lease_ms: f64) -> Result<Promised<'env, bool>> {
        self.call(env, |engine| async move { engine.suspend(run_id, millis(lease_ms)).await })
    }

    /// The transaction of a run is over, and not known to have committed. Null: it has not, and the lease is renewed again.
    /// Otherwise the run is over.
    #[napi]
    pub fn resume<'env>(
        &self,
        env: &'env Env,
        run_id: u32,
        job_id: String,
        claim_token: String,
    ) -> Result<Promised<'env, Option<NativeSettled>>> {
        self.call(env, |engine| async move {
            let settled = engine.resume(run_id, &job_id, &claim_token).await?;
            Ok(settled.map(NativeSettled::from))
        })
    }

    /// The transaction of a run has committed: the run is over, but for its slot.
    #[napi]
    pub fn completed(&self, run_id: u32) {
        self.engine.completed(run_id);
    }
}
