//! The engine of durabl: a durable job queue on MongoDB.
//!
//! It owns everything that must be right: claiming, leases and their renewal, dedupe, settlement, retries, recovery,
//! wake-ups and the loops that hand jobs to handlers. It knows nothing of JavaScript: [`Engine`] takes plain values
//! and BSON bytes, and sends events to a [`Sink`].
//!
//! The rooms, from the top. A room uses those below it and none above or beside it; the gate's step `rooms-rust` checks that.
//!
//! ```text
//! engine                 the face: one collection, all operations
//! worker                 all that keeps going: hub, dispatch, runs, renewer, canceller, verdict_writer, reaper, upkeep, retention
//! verbs                  one operation each: enqueue, claim, settle, cancel, renew, recover, steer, log, plan, list, look_up, stats, pause, counts, history, actions,
//!                           register, retain
//! wake                   when to look for work: hints, timers, stream
//! store      report      round trips to MongoDB  |  all that people hear, and all tasks: event, outage, tally, unwritable, tasks
//! job        connection  rules without I/O       |  the engine's own client
//! base                   errors, patience, locks
//! ```
//!
//! A job's way begins with [`Engine::enqueue`]: `verbs/enqueue` writes it. Then `wake/hints` wakes `worker/dispatch`,
//! `verbs/claim` takes the job, and `worker/runs` hands it to the [`Sink`]. While its handler runs, `worker/renewer` keeps its
//! lease. At [`Engine::finish`], `worker/verdict_writer` has `verbs/settle` end it. If its process dies, `worker/reaper` returns it.
//! `job/transition` is its life as a table. Begin there, then read `verbs/claim`.

pub mod connection;

mod base;
mod engine;
mod job;
#[cfg(test)]
mod model;
mod report;
mod store;
mod verbs;
mod wake;
mod worker;

#[cfg(feature = "hot-paths")]
pub use engine::hot_paths;
pub use {
    base::error::{Error, ErrorKind, Result},
    engine::{Engine, EngineOptions},
    job::{
        document::{ClaimedJob, DedupeKey, NewJob, Trace},
        ending::Ending,
        journal::{NewStep, StoredStep},
        listing::{JobFilter, Page},
        log::{LogBounds, LogLine},
        retention::RetentionRule,
        retry::{BackoffKind, BackoffPolicy, delay as retry_delay},
        status::{DedupeScope, Status},
        transition::Transition,
        verdict::{Details, Settled, Verdict},
    },
    mongodb::bson,
    report::{
        event::{Event, LogLevel, RunResult, Sink, StreamState},
        sweep::{RecoveredJob, Sweep},
    },
    store::indexes::index_definitions,
    verbs::{
        actions::Action,
        cancel::Cancelled,
        enqueue::{
            hand_off::HandedOff,
            request::{Enqueued, NewJobFate},
        },
        journal::drafted::{Append, Appended},
        plan::PlannedJob,
        schedules::{
            fire::Firing,
            keep::{ScheduleChange, Seen},
            trigger::Triggered,
        },
        stats::Stats,
        steer::{
            change::{Change, Due},
            one::Steered,
        },
    },
    worker::{
        dispatch::slots::ProcessorConfig,
        runs::{FreedSlot, RunVerdict},
        upkeep::About,
    },
};
