//! One story per outage: a warning when it begins, one error when it lasts, and a line when it is over.
//!
//! Many do the same thing: each processor claims for itself. When the server goes, all of them fail, each in its own
//! time, and the first one speaks for all.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use super::event::{Event, LogLevel, Sink};
use crate::base::{error::Error, patience::Pauses, sync::lock};

/// The failure in a row that is reported as an error.
const ERROR_AT: u32 = 5;

/// The reports about the failures of one activity, in any number of workers.
#[derive(Debug)]
pub(crate) struct OutageLog {
    activity: String,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    /// Moment of the warning about the outage that is under way.
    warned: Option<Instant>,
    is_error: bool,
    /// Moment of the last one's end.
    over: Option<Instant>,
}

impl OutageLog {
    pub(crate) fn new(activity: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { activity: activity.into(), told: Mutex::default() })
    }

    fn failed(&self, failures: u32, began: Instant, error: &Error, sink: &dyn Sink) {
        let mut told = lock(&self.told);
        if told.over.is_some_and(|over| began < over) {
            // The failure belongs to an outage whose end others have seen.
            return;
        }
        let (level, what) = match failures {
            1 if told.warned.is_none() => (LogLevel::Warn, "failed and will be tried again"),
            ERROR_AT if !told.is_error => (LogLevel::Error, "keeps failing"),
            _ => return,
        };
        told.warned.get_or_insert_with(Instant::now);
        told.is_error = level == LogLevel::Error;
        drop(told);
        let message = format!("{} {what}: {error}", self.activity);
        sink.event(Event::Log { level, message, fields: vec![("activity", self.activity.clone())] });
    }

    fn succeeded(&self, began: Instant, sink: &dyn Sink) {
        let mut told = lock(&self.told);
        if told.warned.is_none_or(|warned| began < warned) {
            return;
        }
        let was_error = told.is_error;
        *told = Told { over: Some(Instant::now()), ..Told::default() };
        drop(told);
        if was_error {
            let message = format!("{} works again", self.activity);
            sink.event(Event::Log { level: LogLevel::Info, message, fields: Vec::new() });
        }
    }
}

/// The failures in a row of one worker that carries an activity out.
#[derive(Debug)]
pub(crate) struct Outage {
    log: Arc<OutageLog>,
    pauses: Pauses,
    began: Instant,
}

impl Outage {
    pub(crate) fn new(activity: impl Into<String>) -> Self {
        Self::told_by(OutageLog::new(activity))
    }

    pub(crate) fn told_by(log: Arc<OutageLog>) -> Self {
        Self { log, pauses: Pauses::default(), began: Instant::now() }
    }

    /// A try begins.
    pub(crate) fn begin(&mut self) {
        self.began = Instant::now();
    }

    /// Counts a failure. Returns the wait before the next try.
    pub(crate) fn failed(&mut self, error: &Error, sink: &dyn Sink) -> Duration {
        let pause = self.pauses.next_pause();
        self.log.failed(self.pauses.failures(), self.began, error, sink);
        pause
    }

    pub(crate) fn succeeded(&mut self, sink: &dyn Sink) {
        self.log.succeeded(self.began, sink);
        self.pauses.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<LogLevel>>);

    impl Sink for Heard {
        fn event(&self, event: Event) {
            if let Event::Log { level, .. } = event {
                lock(&self.0).push(level);
            }
        }
    }

    impl Outage {
        fn fails(&mut self, heard: &Heard) {
            self.begin();
            self.failed(&Error::timeout("a claim"), heard);
        }

        fn works(&mut self, heard: &Heard) {
            // The clock must have moved since the last failure.
            std::thread::sleep(Duration::from_millis(1));
            self.begin();
            self.succeeded(heard);
        }
    }

    const WHOLE_STORY: [LogLevel; 3] = [LogLevel::Warn, LogLevel::Error, LogLevel::Info];

    #[test]
    fn many_that_fail_together_tell_one_story() {
        let (heard, log) = (Heard::default(), OutageLog::new("claiming"));
        let mut all: Vec<Outage> = (0..20).map(|_| Outage::told_by(log.clone())).collect();
        for _ in 0..10 {
            for one in &mut all {
                one.fails(&heard);
            }
        }
        let mut late = Outage::told_by(log);
        for one in &mut all {
            one.works(&heard);
        }
        assert_eq!(*lock(&heard.0), WHOLE_STORY);
        late.failed(&Error::timeout("a claim"), &heard);
        assert_eq!(*lock(&heard.0), WHOLE_STORY, "a late failure of the same outage is no new one");
        all[1].fails(&heard);
        assert_eq!(lock(&heard.0).last(), Some(&LogLevel::Warn), "and this is one");
    }

    #[test]
    fn a_part_that_keeps_failing_among_others_is_reported_twice() {
        let (heard, log) = (Heard::default(), OutageLog::new("claiming"));
        let (mut bad, mut good) = (Outage::told_by(log.clone()), Outage::told_by(log));
        for _ in 0..20 {
            bad.fails(&heard);
            good.works(&heard);
        }
        assert_eq!(*lock(&heard.0), WHOLE_STORY);
    }

    #[test]
    fn a_success_that_began_before_the_outage_does_not_end_it() {
        let (heard, log) = (Heard::default(), OutageLog::new("claiming"));
        let (mut slow, mut one) = (Outage::told_by(log.clone()), Outage::told_by(log));
        std::thread::sleep(Duration::from_millis(1));
        for _ in 0..5 {
            one.fails(&heard);
        }
        slow.succeeded(&heard);
        one.fails(&heard);
        assert_eq!(*lock(&heard.0), WHOLE_STORY[..2]);
    }
}
