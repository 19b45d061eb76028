//! Processors, and the runs of their jobs.

use durabl_engine::{Details, FreedSlot, ProcessorConfig, RunVerdict, StreamState, Verdict};
use napi::{
    Env, Result,
    bindgen_prelude::{Float64ArraySlice, Null, Uint32ArraySlice},
};
use napi_derive::napi;

use crate::{
    claims::{NativeDetails, NativeVerdictKind},
    convert::{invalid, millis},
    engine::NativeEngine,
    reply::Promised,
    runtime::runtime,
};

/// A processor.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeProcessor {
    /// The type it handles.
    pub r#type: String,
    /// Handlers at once.
    pub concurrency: u32,
    /// The longest silence between two looks; null for the default, which depends on push.
    pub poll_interval_ms: Option<f64>,
    /// The time between two renewals; null for the default: a quarter of the lease.
    pub heartbeat_interval_ms: Option<f64>,
    /// The longest that a lease may be.
    pub visibility_timeout_ms: f64,
    /// Jobs held beyond the free slots; null to size them by measurement, 0 for none.
    pub prefetch: Option<u32>,
}

impl From<NativeProcessor> for ProcessorConfig {
    fn from(native: NativeProcessor) -> Self {
        Self {
            job_type: native.r#type,
            concurrency: native.concurrency as usize,
            poll_interval: native.poll_interval_ms.map(millis),
            heartbeat_interval: native.heartbeat_interval_ms.map(millis),
            visibility_timeout: millis(native.visibility_timeout_ms),
            prefetch: native.prefetch.map(|jobs| jobs as usize),
        }
    }
}

/// The end of a run that did not complete, or whose handler has not ended.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeRunVerdict {
    /// The run.
    pub run_id: u32,
    /// Its verdict.
    pub kind: NativeVerdictKind,
    /// The reason of a failure.
    pub reason: Option<String>,
    /// Further details.
    pub details: NativeDetails,
    /// False while the handler works on; then a `NativeFreedSlot` follows.
    pub frees_slot: bool,
    /// Time that the handler ran; null if it never started. The engine sizes its prefetch by it, if the slot is free.
    pub elapsed_ms: Option<f64>,
}

impl From<NativeRunVerdict> for RunVerdict {
    fn from(native: NativeRunVerdict) -> Self {
        Self {
            run_id: native.run_id,
            verdict: native.kind.into(),
            reason: native.reason,
            details: native.details.into(),
            frees_slot: native.frees_slot,
            elapsed: native.elapsed_ms.map(millis),
        }
    }
}

/// The end of a handler whose run had ended before: settled by it, completed in a transaction, or lost.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeFreedSlot {
    /// The run. No verdict of it comes any more.
    pub run_id: u32,
    /// Time that the handler ran; null if it never started.
    pub elapsed_ms: Option<f64>,
}

impl From<NativeFreedSlot> for FreedSlot {
    fn from(native: NativeFreedSlot) -> Self {
        Self { run_id: native.run_id, elapsed: native.elapsed_ms.map(millis) }
    }
}

/// The state of the change stream.
#[napi(string_enum = "lowercase")]
pub enum NativeStreamState {
    /// Not asked for, or ended.
    Off,
    /// It is being opened for the first time.
    Connecting,
    /// Open: wake-ups arrive.
    Streaming,
    /// Lost, and being reopened.
    Reconnecting,
}

impl From<StreamState> for NativeStreamState {
    fn from(state: StreamState) -> Self {
        match state {
            StreamState::Off => Self::Off,
            StreamState::Connecting => Self::Connecting,
            StreamState::Streaming => Self::Streaming,
            StreamState::Reconnecting => Self::Reconnecting,
        }
    }
}

#[napi]
impl NativeEngine {
    /// Starts to claim jobs of a type. They arrive as `jobs` events with the processor's id, which is returned.
    ///
    /// # Errors
    /// The engine's threads can't be started.
    #[napi]
    pub fn process(&self, processor: NativeProcessor) -> Result<u32> {
        let _guard = runtime()?.enter();
        Ok(self.engine.process(processor.into()))
    }

    /// Ends runs: those that completed, with the times that their handlers ran, and the others. Results arrive as
    /// `settled` events. A run whose `lease-lost` was sent is ignored. A run whose verdict could not be written, and
    /// which holds its slot, goes on as before, or its `lease-lost` follows. Then frees slots of runs that had ended
    /// before. Every run ends in a verdict that frees its slot, or by its slot's being freed: until then nothing is
    /// claimed for it.
    ///
    /// Returns false if the engine has been shut down: then no result arrives.
    ///
    /// # Errors
    /// There are not as many durations as completed runs.
    #[napi]
    pub fn finish(
        &self,
        completed: Uint32ArraySlice<'_>,
        elapsed_ms: Float64ArraySlice<'_>,
        others: Vec<NativeRunVerdict>,
        freed: Vec<NativeFreedSlot>,
    ) -> Result<bool> {
        if completed.len() != elapsed_ms.len() {
            return Err(invalid("elapsedMs", "as many durations are needed as runs"));
        }
        let completed = completed.iter().zip(elapsed_ms.iter()).map(|(run_id, elapsed)| RunVerdict {
            run_id: *run_id,
            verdict: Verdict::Complete,
            reason: None,
            details: Details::default(),
            frees_slot: true,
            elapsed: Some(millis(*elapsed)),
        });
        let is_open = self.engine.finish(completed.chain(others.into_iter().map(RunVerdict::from)));
        self.engine.free(freed.into_iter().map(FreedSlot::from));
        Ok(is_open)
    }

    /// Those of these runs that no handler may be started for any more: their leases are lost or over, or the jobs
    /// were given back. An event tells the fate of each. It may still be on its way, and after a pause of the whole
    /// process nothing has noticed yet.
    #[napi]
    pub fn gone_among(&self, run_ids: Uint32ArraySlice<'_>) -> Vec<u32> {
        self.engine.gone_among(&run_ids)
    }

    /// Turns a claim made by hand into a managed run: renewed from now on, until `finish`. Its run id, or null if the lease
    /// is lost.
    #[napi]
    pub fn adopt<'env>(
        &self,
        env: &'env Env,
        job_id: String,
        claim_token: String,
        visibility_timeout_ms: f64,
    ) -> Result<Promised<'env, Option<u32>>> {
        self.call(env, |engine| async move {
            engine.adopt(&job_id, &claim_token, millis(visibility_timeout_ms)).await
        })
    }

    /// Sets the number of handlers of this processor that run at once from now on; 0 for none.
    #[napi]
    pub fn set_concurrency(&self, processor_id: u32, concurrency: u32) {
        self.engine.set_concurrency(processor_id, concurrency as usize);
    }

    /// Stops the claims of this processor for good, and waits for the one on its way. Idempotent.
    #[napi]
    pub fn stop_processor<'env>(&self, env: &'env Env, processor_id: u32) -> Result<Promised<'env, Null>> {
        self.call(env, |engine| async move {
            engine.stop_processor(processor_id).await;
            Ok(Null)
        })
    }

    /// Stops the claims of these processors for good; their running jobs go on. Idempotent.
    #[napi]
    pub fn quiesce(&self, processor_ids: Vec<u32>) {
        self.engine.quiesce(&processor_ids);
    }

    /// Sends `wake` events, or stops to.
    #[napi]
    pub fn watch(&self, enabled: bool) {
        self.engine.watch(enabled);
    }

    /// The state of the change stream.
    #[napi]
    pub fn stream_state(&self) -> NativeStreamState {
        self.engine.stream_state().into()
    }
}
