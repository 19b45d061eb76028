//! Sweeps on schedule: they make a dead worker's jobs run again, without a call.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::Notify;

use super::hub::Hub;
use crate::{
    base::{error::ErrorKind, patience::Pauses, sync::lock},
    job::{lease::LeaseTerms, log::LogBounds},
    report::event::{Event, LogLevel, Sink},
    store::indexes,
    verbs::{
        expire,
        recover::{self, Search},
    },
};

/// With the default lease of 20 s, a dead process's jobs are found within 26 s at worst.
const LONGEST_INTERVAL: Duration = Duration::from_secs(5);
const SHORTEST_INTERVAL: Duration = Duration::from_millis(50);
/// Jobs of one sweep; a sweep that finds as many is followed by the next one at once.
const MOST_PER_SWEEP: usize = 1_000;
/// Sweeps in the time between two looks at the indexes: a minute, for most.
const SWEEPS_PER_INDEX_LOOK: u32 = 12;
/// The failure in a row that is reported again.
const REPORT_AGAIN_AT: u32 = 5;

/// The sweeps of one engine.
#[derive(Default)]
pub(crate) struct Recovery {
    visibility_timeout: Mutex<Option<Duration>>,
    changed: Notify,
}

impl Recovery {
    /// Asks for sweeps. True for the first time, when the caller must [`Self::run`] them.
    pub(crate) fn ask(&self, visibility_timeout: Duration) -> bool {
        let mut known = lock(&self.visibility_timeout);
        let is_first = known.is_none();
        *known = Some(known.map_or(visibility_timeout, |known| known.min(visibility_timeout)));
        self.changed.notify_one();
        is_first
    }

    /// Sweeps, and keeps the indexes, until dropped.
    pub(crate) async fn run(&self, hub: Arc<Hub>, sink: Arc<dyn Sink>, log: LogBounds) {
        tokio::join!(
            self.sweep(&hub, sink.as_ref(), log),
            self.keep_indexes(&hub, sink.as_ref()),
            self.end_expired(&hub, log)
        );
    }

    fn visibility_timeout(&self) -> Duration {
        lock(&self.visibility_timeout).unwrap_or(Duration::MAX)
    }

    /// A user who drops the collection drops the indexes with it, and without them keys are unique no more. The change
    /// stream reports that at once, and not every process has one.
    async fn keep_indexes(&self, hub: &Hub, sink: &dyn Sink) {
        let mut is_told = false;
        loop {
            let pause = interval(self.visibility_timeout()) * SWEEPS_PER_INDEX_LOOK;
            tokio::time::sleep(pause.mul_f64(rand::random_range(0.8..=1.2))).await;
            if !hub.is_started() {
                continue;
            }
            let kept = match indexes::ensure_if_there(&hub.store).await {
                Ok(true) => hub.upkeep.side.ensure_if_there().await,
                kept => kept,
            };
            let message = match kept {
                Ok(_) => {
                    is_told = false;
                    continue;
                }
                Err(error) if error.is_transient() && error.kind() != ErrorKind::IndexConflict => continue,
                Err(error) => format!("indexes of the collection are gone, and can't be made again: {error}"),
            };
            if !std::mem::replace(&mut is_told, true) {
                sink.event(Event::Log { level: LogLevel::Error, message, fields: Vec::new() });
            }
        }
    }

    /// Ends expired jobs that no worker claims. A worker ends one that it claims too late, so nothing depends on this
    /// being soon.
    async fn end_expired(&self, hub: &Hub, log: LogBounds) {
        let tallies = &hub.upkeep.tallies;
        loop {
            let pause = interval(self.visibility_timeout()) * SWEEPS_PER_INDEX_LOOK;
            tokio::time::sleep(pause.mul_f64(rand::random_range(0.8..=1.2))).await;
            while expire::expire(&hub.store, tallies, MOST_PER_SWEEP, log).await.is_ok_and(|ended| ended > 0)
            {
            }
        }
    }

    async fn sweep(&self, hub: &Hub, sink: &dyn Sink, log: LogBounds) {
        let mut backoff = Pauses::default();
        let mut is_first = true;
        loop {
            let visibility_timeout = self.visibility_timeout();
            // Jittered, so that many processes share the sweeping instead of doing it all at once.
            let pause = interval(visibility_timeout).mul_f64(rand::random_range(0.8..=1.2));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.changed.notified() => continue,
            }
            loop {
                let visibility_timeout_ms = i64::try_from(visibility_timeout.as_millis()).unwrap_or(i64::MAX);
                let search = Search { visibility_timeout_ms, most: MOST_PER_SWEEP, log };
                let sweep = recover::recover(&hub.store, &hub.wakes, hub.reports(), search).await;
                // A full sweep that moved nothing would find the same jobs again.
                let is_more = sweep.as_ref().is_ok_and(|sweep| sweep.saturated && sweep.handled > 0);
                match sweep {
                    Ok(sweep) => {
                        backoff.reset();
                        if sweep.handled > 0 {
                            sink.event(Event::Recovered(sweep));
                        }
                    }
                    Err(error) => {
                        _ = backoff.next_pause();
                        if matches!(backoff.failures(), 1 | REPORT_AGAIN_AT) {
                            sink.event(Event::RecoveryFailed { is_first, message: error.to_string() });
                        }
                    }
                }
                is_first = false;
                if !is_more {
                    break;
                }
            }
        }
    }
}

/// A quarter of the lease that processors with this timeout have.
fn interval(visibility_timeout: Duration) -> Duration {
    let lease = LeaseTerms::new(visibility_timeout, None).length;
    (lease / 4).clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sweeps_come_at_a_quarter_of_the_lease_within_bounds() {
        assert_eq!(interval(Duration::from_secs(300)), LONGEST_INTERVAL);
        assert_eq!(interval(Duration::from_secs(2)), Duration::from_millis(500));
        assert_eq!(interval(Duration::from_millis(1)), SHORTEST_INTERVAL);
    }

    #[test]
    fn the_shortest_timeout_asked_for_wins() {
        let recovery = Recovery::default();
        assert!(recovery.ask(Duration::from_secs(300)));
        assert!(!recovery.ask(Duration::from_secs(2)));
        assert!(!recovery.ask(Duration::from_secs(60)));
        assert_eq!(*lock(&recovery.visibility_timeout), Some(Duration::from_secs(2)));
    }
}
