//! One story per outage: a warning when it begins, one error when it lasts, and a word when it is over.

use crate::{
    error::Error,
    event::{Event, LogLevel, Sink},
    patience::Backoff,
};

/// The failure in a row that is reported as an error.
const ERROR_AT: u32 = 5;

/// The failures in a row of one activity.
#[derive(Debug)]
pub(crate) struct Outage {
    activity: String,
    backoff: Backoff,
}

impl Outage {
    pub(crate) fn new(activity: impl Into<String>) -> Self {
        Self { activity: activity.into(), backoff: Backoff::default() }
    }

    /// Counts a failure; how long to wait before the next try.
    pub(crate) fn failed(&mut self, error: &Error, sink: &dyn Sink) -> std::time::Duration {
        let pause = self.backoff.next_pause();
        let level = match self.backoff.failures() {
            1 => LogLevel::Warn,
            ERROR_AT => LogLevel::Error,
            _ => return pause,
        };
        let message = match level {
            LogLevel::Error => format!("{} keeps failing: {error}", self.activity),
            _ => format!("{} failed and will be tried again: {error}", self.activity),
        };
        sink.event(Event::Log { level, message, fields: vec![("activity", self.activity.clone())] });
        pause
    }

    pub(crate) fn succeeded(&mut self, sink: &dyn Sink) {
        if self.backoff.failures() >= ERROR_AT {
            let message = format!("{} works again", self.activity);
            sink.event(Event::Log { level: LogLevel::Info, message, fields: Vec::new() });
        }
        self.backoff.reset();
    }
}
