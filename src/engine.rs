//! `NativeEngine` and `openEngine` of `lib/mongo/native/addon.ts`.

use std::{sync::Arc, time::Duration};

use durabl_engine::{
    ClaimedJob, Engine, EngineOptions, FreedSlot, LogBounds, NewJob, ProcessorConfig, RunVerdict, Verdict,
    bson::{Document, RawDocumentBuf},
};
use napi::{
    Env, Result,
    bindgen_prelude::{Buffer, Float64ArraySlice, Function, Null, Object, ToNapiValue, Uint32ArraySlice},
};
use napi_derive::napi;

use crate::{
    connection::NativeConnection,
    event::Message,
    job::{
        NativeEnqueued, NativeFreedSlot, NativeNewJob, NativeNewJobs, NativeRunVerdict, NativeSettled,
        NativeStats, NativeSweep, millis, verdict,
    },
    reply::{Reply, promise},
    runtime::runtime,
    sink::JavaScriptSink,
};

/// `NativeEngineOptions`.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeEngineOptions {
    /// The database's name.
    pub database: String,
    /// The collection's name.
    pub collection: String,
    /// Whether `startup` opens a change stream.
    pub use_change_streams: bool,
    /// Log entries a job keeps.
    pub max_log_entries: u32,
    /// Bytes of a log message.
    pub max_log_message_bytes: u32,
    /// How long the JavaScript thread may be stuck before leases are let go.
    pub max_block_ms: f64,
}

/// `NativeProcessor`.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeProcessor {
    /// The type it handles.
    pub r#type: String,
    /// Handlers at once.
    pub concurrency: u32,
    /// The longest silence between two looks.
    pub poll_interval_ms: Option<f64>,
    /// How often leases are renewed.
    pub heartbeat_interval_ms: Option<f64>,
    /// The longest a lease may be.
    pub visibility_timeout_ms: f64,
    /// Jobs held beyond the slots.
    pub prefetch: Option<u32>,
}

/// One collection on one connection.
#[napi]
pub struct NativeEngine {
    pub(crate) engine: Arc<Engine>,
    sink: Arc<JavaScriptSink>,
}

/// Time for an engine whose JavaScript is gone to give its jobs back.
const FAREWELL: Duration = Duration::from_secs(5);

impl Drop for NativeEngine {
    /// A worker thread that ends, or an engine that nobody refers to any more, must not go on claiming.
    fn drop(&mut self) {
        let engine = self.engine.clone();
        if let Ok(runtime) = runtime() {
            runtime.spawn(async move { engine.shutdown(FAREWELL).await });
        }
    }
}

/// Opens an engine; `onEvent` is held weakly.
///
/// # Errors
/// The engine's threads can't be started.
#[napi(ts_return_type = "Reply<NativeEngine | null>")]
pub fn open_engine(
    connection: NativeConnection,
    options: NativeEngineOptions,
    on_event: Function<'_, Message, ()>,
) -> Result<Reply<NativeEngine>> {
    let _guard = runtime()?.enter();
    let sink = Arc::new(JavaScriptSink::new(&on_event, millis(options.max_block_ms))?);
    let options = EngineOptions {
        database: options.database,
        collection: options.collection,
        use_change_streams: options.use_change_streams,
        log_bounds: LogBounds {
            entries: options.max_log_entries,
            message_bytes: options.max_log_message_bytes as usize,
        },
    };
    let opened = Engine::open(connection.into(), options, sink.clone());
    Ok(opened.map(|engine| NativeEngine { engine: Arc::new(engine), sink }).into())
}

fn document(job: Option<ClaimedJob>) -> Option<Buffer> {
    job.map(|job| job.into_document().into_bytes().into())
}

impl NativeEngine {
    /// A call as a promise, which holds the process: so none outlasts the engine.
    pub(crate) fn call<'env, T, F>(
        &self,
        env: &'env Env,
        call: impl FnOnce(Arc<Engine>) -> F,
    ) -> Result<Object<'env>>
    where
        T: ToNapiValue + Send + 'static,
        F: Future<Output = durabl_engine::Result<T>> + Send + 'static,
    {
        let engine = self.engine.clone();
        let call = call(engine.clone());
        promise(env, async move { engine.while_alive(call).await })
    }
}

#[napi]
impl NativeEngine {
    /// Checks the server, creates the indexes, opens the change stream if it was asked for.
    #[napi(ts_return_type = "Promise<Reply<null>>")]
    pub fn startup<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        self.call(env, |engine| async move { engine.startup().await.map(|()| Null) })
    }

    /// Creates jobs.
    #[napi(ts_return_type = "Promise<Reply<NativeEnqueued>>")]
    pub fn enqueue_many<'env>(&self, env: &'env Env, jobs: Vec<NativeNewJobs>) -> Result<Object<'env>> {
        let mut new_jobs = Vec::new();
        for alike in jobs {
            alike.append_to(&mut new_jobs)?;
        }
        self.call(env, |engine| async move { engine.enqueue_many(new_jobs).await.map(NativeEnqueued::from) })
    }

    /// Creates a job and claims it.
    #[napi(ts_return_type = "Promise<Reply<Buffer | null>>")]
    pub fn claim_or_enqueue<'env>(&self, env: &'env Env, job: NativeNewJob) -> Result<Object<'env>> {
        let job = NewJob::try_from(job)?;
        self.call(env, |engine| async move { engine.claim_or_enqueue(job).await.map(document) })
    }

    /// Claims the next due job of a type.
    #[napi(ts_return_type = "Promise<Reply<Buffer | null>>")]
    pub fn claim_next<'env>(&self, env: &'env Env, job_type: String) -> Result<Object<'env>> {
        self.call(env, |engine| async move { engine.claim_next(&job_type).await.map(document) })
    }

    /// Claims the due job of a type and key.
    #[napi(ts_return_type = "Promise<Reply<Buffer | null>>")]
    pub fn claim_next_by_key<'env>(
        &self,
        env: &'env Env,
        job_type: String,
        key: String,
    ) -> Result<Object<'env>> {
        self.call(env, |engine| async move { engine.claim_next_by_key(&job_type, &key).await.map(document) })
    }

    /// Settles a claim.
    #[napi(ts_return_type = "Promise<Reply<NativeSettled>>")]
    pub fn settle<'env>(
        &self,
        env: &'env Env,
        job_id: String,
        claim_token: Option<String>,
        kind: String,
        reason: Option<String>,
    ) -> Result<Object<'env>> {
        let verdict = verdict(&kind)?;
        self.call(env, |engine| async move {
            let settled = engine.settle(&job_id, claim_token.as_deref(), verdict, reason).await;
            settled.map(NativeSettled::from)
        })
    }

    /// Renews a lease.
    #[napi(ts_return_type = "Promise<Reply<'applied' | 'lease-lost'>>")]
    pub fn heartbeat<'env>(
        &self,
        env: &'env Env,
        job_id: String,
        claim_token: Option<String>,
    ) -> Result<Object<'env>> {
        self.call(env, |engine| async move {
            let applied = engine.heartbeat(&job_id, claim_token.as_deref()).await?;
            Ok(if applied { "applied" } else { "lease-lost" })
        })
    }

    /// Renews active jobs.
    #[napi(ts_return_type = "Promise<Reply<number>>")]
    pub fn batch_heartbeat<'env>(&self, env: &'env Env, job_ids: Vec<String>) -> Result<Object<'env>> {
        self.call(
            env,
            |engine| async move { engine.batch_heartbeat(job_ids).await.map(|renewed| renewed as f64) },
        )
    }

    /// Adds a message to a job's log.
    #[napi(ts_return_type = "Promise<Reply<null>>")]
    pub fn log<'env>(
        &self,
        env: &'env Env,
        job_id: String,
        claim_token: Option<String>,
        message: String,
    ) -> Result<Object<'env>> {
        self.call(env, |engine| async move {
            engine.log(&job_id, claim_token.as_deref(), &message).await.map(|()| Null)
        })
    }

    /// Whether a job of this type and key is pending or active.
    #[napi(ts_return_type = "Promise<Reply<boolean>>")]
    pub fn has_outstanding<'env>(
        &self,
        env: &'env Env,
        job_type: String,
        key: String,
    ) -> Result<Object<'env>> {
        self.call(env, |engine| async move { engine.has_outstanding(&job_type, &key).await })
    }

    /// The first job that matches.
    #[napi(ts_return_type = "Promise<Reply<Buffer | null>>")]
    pub fn find_one<'env>(&self, env: &'env Env, filter: Buffer) -> Result<Object<'env>> {
        let filter =
            RawDocumentBuf::from_bytes(filter.into()).and_then(|filter| Document::try_from(filter.as_ref()));
        let filter = filter.map_err(|error| napi::Error::from_reason(error.to_string()))?;
        self.call(env, |engine| async move {
            let found = engine.find_one(filter).await?;
            Ok(found.map(|job| Buffer::from(job.into_bytes())))
        })
    }

    /// Counts of one type, or of all.
    #[napi(ts_return_type = "Promise<Reply<NativeStats>>")]
    pub fn get_stats<'env>(&self, env: &'env Env, job_type: Option<String>) -> Result<Object<'env>> {
        self.call(env, |engine| async move { engine.stats(job_type.as_deref()).await.map(NativeStats::from) })
    }

    /// Takes expired leases away.
    #[napi(ts_return_type = "Promise<Reply<{ handled: number; saturated: boolean }>>")]
    pub fn recover_stuck_jobs<'env>(
        &self,
        env: &'env Env,
        visibility_timeout_ms: f64,
        max_per_sweep: u32,
    ) -> Result<Object<'env>> {
        self.call(env, |engine| async move {
            let timeout = millis(visibility_timeout_ms);
            engine.recover_stuck_jobs(timeout, max_per_sweep as usize).await.map(NativeSweep::from)
        })
    }

    /// Removes jobs that ended long ago.
    #[napi(ts_return_type = "Promise<Reply<number>>")]
    pub fn cleanup_old_jobs<'env>(&self, env: &'env Env, max_age_ms: f64) -> Result<Object<'env>> {
        self.call(env, |engine| async move {
            engine.clean_up(millis(max_age_ms)).await.map(|removed| removed as f64)
        })
    }

    /// Removes every job.
    #[napi(ts_return_type = "Promise<Reply<null>>")]
    pub fn reset_storage<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        self.call(env, |engine| async move { engine.reset_storage().await.map(|()| Null) })
    }

    /// Starts to claim jobs of a type.
    ///
    /// # Errors
    /// The engine's threads can't be started.
    #[napi]
    pub fn process(&self, processor: NativeProcessor) -> Result<u32> {
        let _guard = runtime()?.enter();
        Ok(self.engine.process(ProcessorConfig {
            job_type: processor.r#type,
            concurrency: processor.concurrency as usize,
            poll_interval: processor.poll_interval_ms.map(millis),
            heartbeat_interval: processor.heartbeat_interval_ms.map(millis),
            visibility_timeout: millis(processor.visibility_timeout_ms),
            prefetch: processor.prefetch.map(|jobs| jobs as usize),
        }))
    }

    /// Ends runs: those that completed, with how long their handlers ran, and the others; then frees slots of runs that had
    /// ended before. False if the engine has been shut down.
    ///
    /// # Errors
    /// A verdict that is none.
    #[napi]
    pub fn finish(
        &self,
        completed: Uint32ArraySlice<'_>,
        elapsed_ms: Float64ArraySlice<'_>,
        others: Vec<NativeRunVerdict>,
        freed: Vec<NativeFreedSlot>,
    ) -> Result<bool> {
        if completed.len() != elapsed_ms.len() {
            return Err(napi::Error::from_reason("as many durations are needed as runs"));
        }
        let others: Vec<RunVerdict> = others.into_iter().map(RunVerdict::try_from).collect::<Result<_>>()?;
        let completed = completed.iter().zip(elapsed_ms.iter()).map(|(run_id, elapsed)| RunVerdict {
            run_id: *run_id,
            verdict: Verdict::Complete,
            reason: None,
            frees_slot: true,
            elapsed: Some(millis(*elapsed)),
        });
        let is_open = self.engine.finish(completed.chain(others));
        self.engine.free(freed.into_iter().map(FreedSlot::from));
        Ok(is_open)
    }

    /// Those of these runs that no handler may be started for any more; an event tells why.
    #[napi]
    pub fn gone_among(&self, run_ids: Uint32ArraySlice<'_>) -> Vec<u32> {
        self.engine.gone_among(&run_ids)
    }

    /// Turns a claim made by hand into a managed run.
    #[napi(ts_return_type = "Promise<Reply<number | null>>")]
    pub fn adopt<'env>(
        &self,
        env: &'env Env,
        job_id: String,
        claim_token: String,
        visibility_timeout_ms: f64,
    ) -> Result<Object<'env>> {
        self.call(env, |engine| async move {
            engine.adopt(&job_id, &claim_token, millis(visibility_timeout_ms)).await
        })
    }

    /// Stops the claims of these processors for good.
    #[napi]
    pub fn quiesce(&self, processor_ids: Vec<u32>) {
        self.engine.quiesce(&processor_ids);
    }

    /// Starts the sweeps.
    ///
    /// # Errors
    /// The engine's threads can't be started.
    #[napi]
    pub fn start_recovery(&self, visibility_timeout_ms: f64) -> Result<()> {
        let _guard = runtime()?.enter();
        self.engine.start_recovery(millis(visibility_timeout_ms));
        Ok(())
    }

    /// Sends wake-ups, or stops to.
    #[napi]
    pub fn watch(&self, enabled: bool) {
        self.engine.watch(enabled);
    }

    /// How the change stream is doing.
    #[napi(ts_return_type = "StreamState")]
    pub fn stream_state(&self) -> &'static str {
        self.engine.stream_state().as_str()
    }

    /// Ends everything within `timeoutMs`.
    #[napi(ts_return_type = "Promise<Reply<null>>")]
    pub fn shutdown<'env>(&self, env: &'env Env, timeout_ms: f64) -> Result<Object<'env>> {
        let (engine, sink) = (self.engine.clone(), self.sink.clone());
        promise(env, async move {
            engine.shutdown(millis(timeout_ms)).await;
            sink.close();
            Ok(Null)
        })
    }
}
