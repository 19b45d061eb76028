//! The engine of durabl: a durable job queue on MongoDB.
//!
//! It owns everything that must be right: claiming, leases and their renewal, dedupe, settlement, retries, recovery,
//! wake-ups and the loop that hands jobs to whoever runs them. It knows nothing of JavaScript: [`Engine`] takes plain
//! values and BSON bytes, and tells a [`Sink`] what happens.
//!
//! One file, one duty. A job's way through them: [`enqueue`](Engine::enqueue) → `claim` → `dispatch` → `runs` →
//! `settle`; beside it `renewal` keeps leases alive, `reaper` takes dead ones away, `watch` and `wake` say when to look.

pub mod connection;

mod claim;
mod claim_or_enqueue;
mod clock;
#[cfg(test)]
mod damaged;
mod dedupe;
mod dispatch;
mod engine;
mod enqueue;
mod error;
mod event;
mod fence;
mod fields;
mod grouping;
#[cfg(feature = "hot-paths")]
pub mod hot_paths;
mod hub;
mod id_key;
mod indexes;
mod job;
mod job_log;
mod kept;
mod known_jobs;
mod lease;
#[cfg(test)]
mod model;
mod odd_jobs;
mod outage;
mod patience;
mod plan;
mod prefetch;
mod primary;
mod reaper;
mod recovery;
mod renewal;
mod retention;
mod retry;
mod runs;
mod server_check;
mod settle;
mod settler;
mod soonest;
mod stagger;
mod stats;
mod status;
mod store;
mod transition;
mod wake;
mod watch;

pub use dispatch::ProcessorConfig;
pub use engine::{Engine, EngineOptions};
pub use enqueue::Enqueued;
pub use error::{Error, ErrorKind, Result};
pub use event::{Event, LogLevel, RunResult, Sink, StreamState};
pub use job::{ClaimedJob, DedupeKey, NewJob};
pub use job_log::LogBounds;
pub use mongodb::bson;
pub use plan::PlannedJob;
pub use reaper::Sweep;
pub use retry::{BackoffKind, BackoffPolicy, delay as retry_delay};
pub use runs::{FreedSlot, RunVerdict};
pub use settle::Settled;
pub use stats::Stats;
pub use status::{DedupeScope, Status};
pub use transition::{Transition, Verdict};
