//! Looks at jobs that change nothing.

use durabl_engine::{
    Stats,
    bson::{Document, RawDocumentBuf},
};
use napi::{Env, Result, bindgen_prelude::Buffer};
use napi_derive::napi;

use crate::{convert::invalid, engine::NativeEngine, reply::Promised};

/// Counts by status, and the lag of the queue.
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
    /// Jobs whose follower covers the work.
    pub superseded: f64,
    /// The `runAt` of the oldest job that is due, in milliseconds since the epoch; null if none is.
    pub oldest_pending_run_at_ms: Option<f64>,
    /// How long that job has been due; 0 if none is.
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

#[napi]
impl NativeEngine {
    /// Whether a job of this type and key is pending or active.
    #[napi]
    pub fn has_outstanding<'env>(
        &self,
        env: &'env Env,
        job_type: String,
        key: String,
    ) -> Result<Promised<'env, bool>> {
        self.call(env, |engine| async move { engine.has_outstanding(&job_type, &key).await })
    }

    /// The first job that matches a filter, which is a BSON document: the job as BSON, with its logs; null if there is none.
    #[napi]
    pub fn find_one<'env>(&self, env: &'env Env, filter: Buffer) -> Result<Promised<'env, Option<Buffer>>> {
        let filter =
            RawDocumentBuf::from_bytes(filter.into()).and_then(|filter| Document::try_from(filter.as_ref()));
        let filter = filter.map_err(|error| invalid("filter", &error.to_string()))?;
        self.call(env, |engine| async move {
            let found = engine.find_one(filter).await?;
            Ok(found.map(|job| Buffer::from(job.into_bytes())))
        })
    }

    /// Counts of one type, or of all.
    #[napi]
    pub fn get_stats<'env>(
        &self,
        env: &'env Env,
        job_type: Option<String>,
    ) -> Result<Promised<'env, NativeStats>> {
        self.call(env, |engine| async move { engine.stats(job_type.as_deref()).await.map(NativeStats::from) })
    }
}
