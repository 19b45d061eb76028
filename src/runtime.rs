//! The threads that the engine runs on: one runtime for the process, never ended.
//!
//! It is not the runtime that napi-rs offers: that one ends with the environment. A worker thread that ends would take
//! the connections of the whole process with it. The engine's threads keep no process alive.

use std::sync::OnceLock;

use napi::{Error, Result};
use napi_derive::napi;
use tokio::runtime::{Builder, Runtime};

/// Two, so that renewals go on while a large batch is being encoded.
const THREADS: usize = 2;

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// The engine's runtime, started at the first call.
pub(crate) fn runtime() -> Result<&'static Runtime> {
    if let Some(running) = RUNTIME.get() {
        return Ok(running);
    }
    let started = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("durabl")
        .enable_all()
        .build()
        .map_err(|error| Error::from_reason(format!("the engine's threads could not be started: {error}")))?;
    Ok(RUNTIME.get_or_init(|| started))
}

/// The number of tasks that are alive on the engine's threads. A leak of those shows here, and nowhere else from outside.
///
/// # Errors
/// The engine's threads can't be started.
#[napi]
pub fn alive_tasks() -> Result<u32> {
    let tasks = runtime()?.metrics().num_alive_tasks();
    Ok(u32::try_from(tasks).unwrap_or(u32::MAX))
}
