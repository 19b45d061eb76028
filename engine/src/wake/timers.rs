//! Timers, by their purposes.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Mutex,
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::base::sync::lock;

/// The purpose of a timer. Another event that has to happen at a moment is another purpose, with timers of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Purpose {
    /// A job of this type is due.
    Due(String),
}

/// Timers of one purpose, as not every worker that is woken looks for the next job.
pub(super) const MOST_TIMERS: usize = 1_000;
/// Jobs that are due so closely one after the other can share a timer.
const TIMER_STEP: Duration = Duration::from_millis(2);

/// The timers of one collection.
#[derive(Default)]
pub(super) struct Timers {
    by_purpose: Mutex<HashMap<Purpose, BTreeSet<Instant>>>,
    changed: Notify,
}

impl Timers {
    /// Sets a timer. The soonest ones are kept, `most` of this purpose.
    pub(super) fn set(&self, purpose: Purpose, wait: Duration, most: usize) {
        let at = Instant::now() + wait;
        let mut timers = lock(&self.by_purpose);
        let moments = timers.entry(purpose).or_default();
        let is_soonest = moments.first().is_none_or(|soonest| at < *soonest);
        if moments.range(at..=at + TIMER_STEP).next().is_some() {
            return;
        }
        moments.insert(at);
        while moments.len() > most {
            moments.pop_last();
        }
        drop(timers);
        if is_soonest {
            self.changed.notify_one();
        }
    }

    /// Waits until some have run out. Returns their purposes.
    pub(super) async fn run_out(&self) -> Vec<Purpose> {
        loop {
            let soonest = lock(&self.by_purpose).values().filter_map(BTreeSet::first).min().copied();
            match soonest {
                None => self.changed.notified().await,
                Some(at) => tokio::select! {
                    () = tokio::time::sleep_until(at) => return self.take_due(),
                    () = self.changed.notified() => {}
                },
            }
        }
    }

    fn take_due(&self) -> Vec<Purpose> {
        let now = Instant::now();
        let mut due = Vec::new();
        lock(&self.by_purpose).retain(|purpose, moments| {
            let later = moments.split_off(&now);
            let is_due = !std::mem::replace(moments, later).is_empty() | moments.remove(&now);
            if is_due {
                due.push(purpose.clone());
            }
            !moments.is_empty()
        });
        due
    }

    #[cfg(test)]
    pub(super) fn count(&self, purpose: &Purpose) -> usize {
        lock(&self.by_purpose).get(purpose).map_or(0, BTreeSet::len)
    }
}
