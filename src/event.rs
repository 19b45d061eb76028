//! Events as JavaScript sees them.

use std::collections::HashMap;

use durabl_engine::{Event, LogLevel, RecoveredJob, RunResult, Settled, Sweep};
use napi::bindgen_prelude::{Buffer, Uint32Array};
use napi_derive::napi;

use crate::{claims::NativeSettled, failure::NativeFailure, work::NativeStreamState};

/// An event of the engine, told through one callback. `kind` says which of the other fields are there.
#[napi(discriminant = "kind", discriminant_case = "kebab-case", object_from_js = false, use_nullable = true)]
pub enum NativeEvent {
    /// Claimed jobs.
    Jobs {
        /// The processor they are for.
        processor_id: u32,
        /// The run of each, in claim order.
        run_ids: Uint32Array,
        /// Their BSON documents, end to end.
        documents: Buffer,
    },
    /// Verdicts that are durable now.
    Settled {
        /// The runs whose jobs are completed.
        completed: Uint32Array,
        /// The other runs.
        others: Vec<NativeRunResult>,
    },
    /// Leases that are gone.
    LeaseLost {
        /// The runs: abort them, settle nothing. No verdict is expected, only that their slots are freed.
        run_ids: Vec<u32>,
    },
    /// A job that was asked to be cancelled.
    CancelRequested {
        /// Its run: abort it. Its verdict is expected as before.
        run_id: u32,
        /// Null if none was given.
        reason: Option<String>,
    },
    /// Jobs that the engine gives back by itself, since it is shut down.
    TakenBack {
        /// The runs: abort them, settle nothing. No verdict is expected, only that their slots are freed.
        run_ids: Vec<u32>,
    },
    /// A type that has been paused.
    Paused {
        /// The type: runs of it that have not started are to be given back.
        r#type: String,
    },
    /// A question to this thread. Its arrival is the answer.
    Ping,
    /// Schedules that are due. The answer is `schedulesAnswered`.
    SchedulesDue {
        /// The number to give back with the answer.
        batch: u32,
        /// The server's clock, in milliseconds since the epoch.
        now_ms: f64,
        /// Their BSON documents, end to end: `_id`, `spec`, `nextRunAt` and `skipped`.
        documents: Buffer,
    },
    /// A wake-up. Sent only after `watch(true)`.
    Wake {
        /// The type of which a job may be claimable; empty for any type.
        r#type: String,
    },
    /// A change of the stream's state.
    Stream {
        /// The new state.
        state: NativeStreamState,
    },
    /// A sweep that recovered jobs.
    Recovered {
        /// The number of jobs.
        handled: f64,
        /// True if there may be more.
        saturated: bool,
        /// The jobs that are known to be recovered by this sweep.
        jobs: Vec<NativeRecoveredJob>,
    },
    /// A sweep that failed.
    RecoveryFailed {
        /// The phase of the sweep.
        phase: NativeSweepPhase,
        /// The reason.
        message: String,
    },
    /// A message for the log.
    Log {
        /// The level.
        level: NativeLogLevel,
        /// The message.
        message: String,
        /// Its fields.
        fields: HashMap<String, String>,
    },
}

/// The result of one verdict that did not complete its job.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeRunResult {
    /// The run.
    pub run_id: u32,
    /// Null exactly when `failure` is not.
    pub settled: Option<NativeSettled>,
    /// The failure of the write.
    pub failure: Option<NativeFailure>,
}

/// A job that a sweep has recovered.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeRecoveredJob {
    /// Its id.
    pub job_id: String,
    /// Its type.
    pub r#type: String,
    /// The attempt that its holder left.
    pub attempt: i32,
    /// The attempts that it may have.
    pub max_attempts: i32,
    /// Its end: `exhausted`, `cancelled` or `superseded`; null if it runs again.
    pub ending: Option<&'static str>,
}

impl From<RecoveredJob> for NativeRecoveredJob {
    fn from(RecoveredJob { id, job_type, attempt, max_attempts, ending }: RecoveredJob) -> Self {
        Self { job_id: id, r#type: job_type, attempt, max_attempts, ending }
    }
}

/// The phases of sweeps.
#[napi(string_enum = "lowercase")]
pub enum NativeSweepPhase {
    /// The first one.
    Startup,
    /// A later one.
    Periodic,
}

/// The urgency of a message.
#[napi(string_enum = "lowercase")]
pub enum NativeLogLevel {
    /// For people who look into the engine.
    Debug,
    /// Worth knowing.
    Info,
    /// Something failed and will be tried again.
    Warn,
    /// Something keeps failing.
    Error,
}

impl From<LogLevel> for NativeLogLevel {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Debug => Self::Debug,
            LogLevel::Info => Self::Info,
            LogLevel::Warn => Self::Warn,
            LogLevel::Error => Self::Error,
        }
    }
}

impl From<Event> for NativeEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::Jobs { processor_id, run_ids, documents } => {
                Self::Jobs { processor_id, run_ids: run_ids.into(), documents: documents.into() }
            }
            Event::Settled(results) => settled(results),
            Event::LeaseLost(run_ids) => Self::LeaseLost { run_ids },
            Event::CancelRequested { run_id, reason } => Self::CancelRequested { run_id, reason },
            Event::TakenBack(run_ids) => Self::TakenBack { run_ids },
            Event::Paused(job_type) => Self::Paused { r#type: job_type },
            Event::SchedulesDue { batch, now_ms, documents } => {
                Self::SchedulesDue { batch, now_ms: now_ms as f64, documents: documents.into() }
            }
            Event::Wake(job_type) => Self::Wake { r#type: job_type.unwrap_or_default() },
            Event::Stream(state) => Self::Stream { state: state.into() },
            Event::Recovered(Sweep { handled, saturated, jobs }) => {
                let jobs = jobs.into_iter().map(NativeRecoveredJob::from).collect();
                Self::Recovered { handled: handled as f64, saturated, jobs }
            }
            Event::RecoveryFailed { is_first, message } => {
                let phase = if is_first { NativeSweepPhase::Startup } else { NativeSweepPhase::Periodic };
                Self::RecoveryFailed { phase, message }
            }
            Event::Log { level, message, fields } => {
                let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                Self::Log { level: level.into(), message, fields }
            }
        }
    }
}

/// Most verdicts complete their jobs: those cross as numbers alone.
fn settled(results: Vec<RunResult>) -> NativeEvent {
    let (mut completed, mut others) = (Vec::new(), Vec::new());
    for RunResult { run_id, outcome } in results {
        match outcome {
            Ok(Settled::Completed) => completed.push(run_id),
            Ok(settled) => {
                others.push(NativeRunResult { run_id, settled: Some(settled.into()), failure: None });
            }
            Err(error) => others.push(NativeRunResult { run_id, settled: None, failure: Some(error.into()) }),
        }
    }
    NativeEvent::Settled { completed: completed.into(), others }
}
