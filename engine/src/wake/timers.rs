//! Timers for jobs that are due later: each wakes the job's type when its moment comes.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Mutex,
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::base::sync::lock;

/// Timers of one type, where not everybody who is woken looks for what comes next.
pub(super) const MOST_TIMERS: usize = 1_000;
/// Jobs that are due so closely one after the other can share a timer.
const TIMER_STEP: Duration = Duration::from_millis(2);

/// The timers of one collection, by type.
#[derive(Default)]
pub(super) struct Timers {
    by_type: Mutex<HashMap<String, BTreeSet<Instant>>>,
    changed: Notify,
}

impl Timers {
    /// Sets a timer. The soonest ones are kept, `most` of the type.
    pub(super) fn set(&self, job_type: &str, wait: Duration, most: usize) {
        let at = Instant::now() + wait;
        let mut timers = lock(&self.by_type);
        let of_type = timers.entry(job_type.to_owned()).or_default();
        let is_soonest = of_type.first().is_none_or(|soonest| at < *soonest);
        if of_type.range(at..=at + TIMER_STEP).next().is_some() {
            return;
        }
        of_type.insert(at);
        while of_type.len() > most {
            of_type.pop_last();
        }
        drop(timers);
        if is_soonest {
            self.changed.notify_one();
        }
    }

    /// Waits until some are due; the types of those, whose timers are gone with it.
    pub(super) async fn due(&self) -> Vec<String> {
        loop {
            let soonest = lock(&self.by_type).values().filter_map(BTreeSet::first).min().copied();
            match soonest {
                None => self.changed.notified().await,
                Some(at) => tokio::select! {
                    () = tokio::time::sleep_until(at) => return self.take_due(),
                    () = self.changed.notified() => {}
                },
            }
        }
    }

    fn take_due(&self) -> Vec<String> {
        let now = Instant::now();
        let mut due = Vec::new();
        lock(&self.by_type).retain(|job_type, of_type| {
            let later = of_type.split_off(&now);
            let is_due = !std::mem::replace(of_type, later).is_empty() | of_type.remove(&now);
            if is_due {
                due.push(job_type.clone());
            }
            !of_type.is_empty()
        });
        due
    }

    #[cfg(test)]
    pub(super) fn count(&self, job_type: &str) -> usize {
        lock(&self.by_type).get(job_type).map_or(0, BTreeSet::len)
    }
}
