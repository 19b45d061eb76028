//! The life of the engine, and the upkeep of its collection.

use durabl_engine::Sweep;
use napi::{
    Env, Error, Result,
    bindgen_prelude::{Buffer, Null},
};
use napi_derive::napi;

use crate::{
    convert::millis,
    engine::NativeEngine,
    reply::{Promised, promise},
    runtime::runtime,
};

/// The result of a sweep.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeSweep {
    /// Jobs taken from holders that were gone.
    pub handled: f64,
    /// True if there may be more.
    pub saturated: bool,
}

impl From<Sweep> for NativeSweep {
    fn from(sweep: Sweep) -> Self {
        Self { handled: sweep.handled as f64, saturated: sweep.saturated }
    }
}

/// Definitions of the indexes that `startup` makes: a BSON document with the lists `indexes`, of the jobs, and
/// `beside`, of the side collection.
///
/// # Errors
/// They can't be encoded.
#[napi]
pub fn index_definitions() -> Result<Buffer> {
    durabl_engine::index_definitions()
        .map(Buffer::from)
        .map_err(|error| Error::from_reason(error.to_string()))
}

#[napi]
impl NativeEngine {
    /// Checks the server, creates the indexes, starts the change stream if it was asked for.
    #[napi]
    pub fn startup<'env>(&self, env: &'env Env) -> Result<Promised<'env, Null>> {
        self.call(env, |engine| async move { engine.startup().await.map(|()| Null) })
    }

    /// Ends everything: resolves within `timeoutMs`, whatever the server does. Twice is harmless.
    #[napi]
    pub fn shutdown<'env>(&self, env: &'env Env, timeout_ms: f64) -> Result<Promised<'env, Null>> {
        let (engine, sink) = (self.engine.clone(), self.sink.clone());
        promise(env, async move {
            engine.shutdown(millis(timeout_ms)).await;
            sink.close();
            Ok(Null)
        })
    }

    /// Returns the jobs of expired leases to `pending`, or ends them if their attempts are used up.
    #[napi]
    pub fn recover_stuck_jobs<'env>(
        &self,
        env: &'env Env,
        visibility_timeout_ms: f64,
        max_per_sweep: u32,
    ) -> Result<Promised<'env, NativeSweep>> {
        self.call(env, |engine| async move {
            let timeout = millis(visibility_timeout_ms);
            engine.recover_stuck_jobs(timeout, max_per_sweep as usize).await.map(NativeSweep::from)
        })
    }

    /// Starts the sweeps that recover expired leases, jittered. Idempotent: the shortest timeout asked for wins.
    ///
    /// # Errors
    /// The engine's threads can't be started.
    #[napi]
    pub fn start_recovery(&self, visibility_timeout_ms: f64) -> Result<()> {
        let _guard = runtime()?.enter();
        self.engine.start_recovery(millis(visibility_timeout_ms));
        Ok(())
    }

    /// Removes jobs that ended longer ago than this: the number of them.
    #[napi]
    pub fn cleanup_old_jobs<'env>(&self, env: &'env Env, max_age_ms: f64) -> Result<Promised<'env, f64>> {
        self.call(env, |engine| async move {
            engine.remove_old(millis(max_age_ms)).await.map(|removed| removed as f64)
        })
    }

    /// Removes every job.
    #[napi]
    pub fn reset_storage<'env>(&self, env: &'env Env) -> Result<Promised<'env, Null>> {
        self.call(env, |engine| async move { engine.reset_storage().await.map(|()| Null) })
    }
}
