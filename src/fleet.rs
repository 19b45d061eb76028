//! The workers of a collection as one.

use napi::{Env, Result};
use napi_derive::napi;

use crate::{engine::NativeEngine, reply::Promised};

#[napi]
impl NativeEngine {
    /// Pauses a type in all processes: whether it was running.
    #[napi]
    pub fn pause_type<'env>(
        &self,
        env: &'env Env,
        job_type: String,
        reason: Option<String>,
    ) -> Result<Promised<'env, bool>> {
        self.call(env, |engine| async move { engine.pause_type(&job_type, reason.as_deref()).await })
    }

    /// Resumes a type: whether it was paused.
    #[napi]
    pub fn resume_type<'env>(&self, env: &'env Env, job_type: String) -> Result<Promised<'env, bool>> {
        self.call(env, |engine| async move { engine.resume_type(&job_type).await })
    }
}
