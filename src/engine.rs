//! One open engine. Its operations stand in files by capability, such as `produce`, `work`, `claims` and `query`.

use std::{collections::HashMap, sync::Arc, time::Duration};

use durabl_engine::{About, Engine, EngineOptions, LogBounds, RetentionRule};
use napi::{
    Env, Result,
    bindgen_prelude::{Function, ToNapiValue},
};
use napi_derive::napi;

use crate::{
    connection::NativeConnection,
    convert::millis,
    event::NativeEvent,
    reply::{Promised, Reply, promise},
    runtime::runtime,
    sink::JavaScriptSink,
};

/// Options of an engine beside its connection.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeEngineOptions {
    /// The database's name.
    pub database: String,
    /// The collection's name.
    pub collection: String,
    /// True if `startup` opens a change stream.
    pub use_change_streams: bool,
    /// True if jobs are made as claimed when a processor of this engine is idle.
    pub hand_off: bool,
    /// Log entries that a job keeps.
    pub max_log_entries: u32,
    /// The longest log message, in bytes.
    pub max_log_message_bytes: u32,
    /// A process whose JavaScript thread has been stuck for longer than this stops renewing its leases.
    pub max_block_ms: f64,
    /// The machine's name.
    pub host: String,
    /// Versions, by the names of their parts.
    pub versions: HashMap<String, String>,
    /// Periods for which ended jobs are kept.
    pub retention: Vec<NativeRetention>,
}

/// Periods for which ended jobs are kept, in milliseconds; null for good.
#[napi(object, object_to_js = false, use_nullable = true)]
pub struct NativeRetention {
    /// One type; null for all that are not named.
    pub r#type: Option<String>,
    /// After completion.
    pub completed_ms: Option<f64>,
    /// After a job has failed for good.
    pub failed_ms: Option<f64>,
    /// After a follower took over.
    pub superseded_ms: Option<f64>,
}

impl From<NativeRetention> for RetentionRule {
    fn from(rule: NativeRetention) -> Self {
        let ms = |ms: Option<f64>| ms.map(|ms| ms as i64);
        Self {
            job_type: rule.r#type,
            completed_ms: ms(rule.completed_ms),
            failed_ms: ms(rule.failed_ms),
            superseded_ms: ms(rule.superseded_ms),
        }
    }
}

/// One collection on one connection. Every promise settles within its own bound, even while the server is away.
#[napi]
pub struct NativeEngine {
    pub(crate) engine: Arc<Engine>,
    pub(crate) sink: Arc<JavaScriptSink>,
}

/// Time for an engine whose JavaScript is gone to give its jobs back.
const FAREWELL: Duration = Duration::from_secs(5);

impl Drop for NativeEngine {
    /// A worker thread that ends, or an engine without any reference to it, must not go on claiming.
    fn drop(&mut self) {
        let engine = self.engine.clone();
        if let Ok(runtime) = runtime() {
            runtime.spawn(async move { engine.shutdown(FAREWELL).await });
        }
    }
}

impl NativeEngine {
    /// A call as a promise, which holds the process: so none outlasts the engine.
    pub(crate) fn call<'env, T, F>(
        &self,
        env: &'env Env,
        call: impl FnOnce(Arc<Engine>) -> F,
    ) -> Result<Promised<'env, T>>
    where
        T: ToNapiValue + Send + 'static,
        F: Future<Output = durabl_engine::Result<T>> + Send + 'static,
    {
        let engine = self.engine.clone();
        let call = call(engine.clone());
        promise(env, async move { engine.while_alive(call).await })
    }
}

/// Opens an engine, without any round trip. Options that the engine's driver can't honour come back as a failure. `onEvent`
/// is held weakly: it keeps no process alive.
///
/// # Errors
/// The engine's threads can't be started.
#[napi]
pub fn open_engine(
    connection: NativeConnection,
    options: NativeEngineOptions,
    on_event: Function<'_, NativeEvent, ()>,
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
        hand_off: options.hand_off,
        about: About { host: options.host, versions: options.versions.into_iter().collect() },
        retention: options.retention.into_iter().map(RetentionRule::from).collect(),
    };
    let opened = Engine::open(connection.into(), options, sink.clone());
    Ok(opened.map(|engine| NativeEngine { engine: Arc::new(engine), sink }).into())
}
