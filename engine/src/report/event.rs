//! Events from the engine to the part that runs the handlers.
use super::sweep::Sweep;
use crate::{base::error::Error, job::verdict::Settled};

/// The state of the change stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StreamState {
    /// Not asked for, or ended.
    #[default]
    Off,
    /// Being opened for the first time.
    Connecting,
    /// Open: wake-ups arrive.
    Streaming,
    /// Lost, and being reopened; polling covers meanwhile.
    Reconnecting,
}

impl StreamState {
    /// The word for it in the public API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Connecting => "connecting",
            Self::Streaming => "streaming",
            Self::Reconnecting => "reconnecting",
        }
    }
}

/// The level of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// For people who look into the engine.
    Debug,
    /// Worth knowing.
    Info,
    /// Something failed and will be tried again.
    Warn,
    /// Something keeps failing.
    Error,
}

impl LogLevel {
    /// The logger's method of this level.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// The end of one managed run.
#[derive(Debug, Clone)]
pub struct RunResult {
    /// The run.
    pub run_id: u32,
    /// The result of its verdict.
    pub outcome: Result<Settled, Error>,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// Claimed jobs, to be run: as many BSON documents, end to end, as there are run ids.
    Jobs {
        /// The processor that they belong to.
        processor_id: u32,
        /// One for each document, in claim order.
        run_ids: Vec<u32>,
        /// The documents.
        documents: Vec<u8>,
    },
    /// Verdicts that were written, or couldn't be.
    Settled(Vec<RunResult>),
    /// Runs whose lease is gone; nothing is expected of them any more but that their slots are freed.
    LeaseLost(Vec<u32>),
    /// A job was asked to be cancelled; the verdict of its run is awaited as before.
    CancelRequested {
        /// The run.
        run_id: u32,
        /// The reason, if one was given.
        reason: Option<String>,
    },
    /// Runs whose jobs are given back by the engine itself, since it is shut down; nothing is expected of them any more.
    TakenBack(Vec<u32>),
    /// A type has been paused: runs that are handed over and have not started are to be given back.
    Paused(String),
    /// Schedules that are due: the answer is [`Engine::schedules_answered`](crate::Engine::schedules_answered).
    SchedulesDue {
        /// The number to give back with the answer.
        batch: u32,
        /// The server's clock, in milliseconds since the epoch.
        now_ms: i64,
        /// Their BSON documents, end to end: `_id`, `spec`, `nextRunAt` and `skipped`.
        documents: Vec<u8>,
    },
    /// Something may be claimable: a type, or none for any.
    Wake(Option<String>),
    /// The change stream's state has changed.
    Stream(StreamState),
    /// A sweep has recovered jobs.
    Recovered(Sweep),
    /// A sweep has failed.
    RecoveryFailed {
        /// True if it was the first one.
        is_first: bool,
        /// The reason.
        message: String,
    },
    /// Something to log.
    Log {
        /// The level.
        level: LogLevel,
        /// The text, for people.
        message: String,
        /// The fields, for machines.
        fields: Vec<(&'static str, String)>,
    },
}

/// The receiver of events.
pub trait Sink: Send + Sync + 'static {
    /// Takes an event. Must return at once, on any thread.
    fn event(&self, event: Event);

    /// False once the thread of the handlers has been stuck for so long that its leases should end.
    fn is_responsive(&self) -> bool {
        true
    }

    /// As the answer of [`Self::is_responsive`], without asking anew: true if it is to get no more work.
    fn is_stuck(&self) -> bool {
        false
    }
}

/// Keeps the messages of the log, for unit tests.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct Heard(pub(crate) std::sync::Mutex<Vec<String>>);

#[cfg(test)]
impl Sink for Heard {
    fn event(&self, event: Event) {
        if let Event::Log { message, .. } = event {
            crate::base::sync::lock(&self.0).push(message);
        }
    }
}
