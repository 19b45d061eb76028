//! What `NativeEngine` of `lib/mongo/native/addon.ts` offers for transactions of the app's.

use durabl_engine::PlannedJob;
use napi::{
    Env, Result,
    bindgen_prelude::{Buffer, Object},
};
use napi_derive::napi;

use crate::{
    engine::NativeEngine,
    job::{NativeNewJobs, NativeSettled, millis},
    reply::Reply,
};

/// `NativePlannedJob`.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativePlannedJob {
    /// The new job's id.
    pub id: String,
    /// What to run, in order.
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
    /// Shapes the writes that create jobs.
    #[napi(ts_return_type = "Promise<Reply<NativePlannedJob[]>>")]
    pub fn plan_enqueue<'env>(&self, env: &'env Env, groups: Vec<NativeNewJobs>) -> Result<Object<'env>> {
        let mut jobs = Vec::new();
        for group in groups {
            group.append_to(&mut jobs)?;
        }
        self.call(env, |engine| async move {
            let planned = engine.plan_enqueue(jobs).await?;
            Ok(planned.into_iter().map(NativePlannedJob::from).collect::<Vec<_>>())
        })
    }

    /// Shapes the write that completes a claim.
    #[napi(ts_return_type = "Reply<Buffer>")]
    pub fn plan_completion(&self, job_id: String, claim_token: Option<String>) -> Reply<Buffer> {
        let planned = self.engine.plan_completion(&job_id, claim_token.as_deref());
        planned.map(|statement| Buffer::from(statement.into_bytes())).into()
    }

    /// What became of a claim that a transaction may have completed.
    #[napi(ts_return_type = "Promise<Reply<NativeSettled>>")]
    pub fn read_back<'env>(
        &self,
        env: &'env Env,
        job_id: String,
        claim_token: Option<String>,
    ) -> Result<Object<'env>> {
        self.call(env, |engine| async move {
            engine.read_back(&job_id, claim_token.as_deref()).await.map(NativeSettled::from)
        })
    }

    /// A job of this type may be there.
    #[napi]
    pub fn wake(&self, job_type: String, delay_ms: f64) {
        self.engine.wake(&job_type, millis(delay_ms));
    }

    /// Readies a run for a transaction.
    #[napi(ts_return_type = "Promise<Reply<boolean>>")]
    pub fn suspend<'env>(&self, env: &'env Env, run_id: u32, lease_ms: f64) -> Result<Object<'env>> {
        self.call(env, |engine| async move { engine.suspend(run_id, millis(lease_ms)).await })
    }

    /// Goes on with a run whose transaction is not known to have committed.
    #[napi(ts_return_type = "Promise<Reply<NativeSettled | null>>")]
    pub fn resume<'env>(
        &self,
        env: &'env Env,
        run_id: u32,
        job_id: String,
        claim_token: String,
    ) -> Result<Object<'env>> {
        self.call(env, |engine| async move {
            let settled = engine.resume(run_id, &job_id, &claim_token).await?;
            Ok(settled.map(NativeSettled::from))
        })
    }

    /// A run's transaction has committed.
    #[napi]
    pub fn completed(&self, run_id: u32) {
        self.engine.completed(run_id);
    }
}
