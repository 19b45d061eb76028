//! Workers that go through one backlog side by side would all choose the jobs at its front, and all but one in vain.
//! Each learns from its losses how far behind the front to begin, each time somewhere else. Each also takes a few jobs
//! before all the others. A worker that finds most of those gone has come upon another one, and goes elsewhere.
//!
//! A worker passes over the jobs that others are about to take. A job that all pass over waits for a claim
//! that begins at the front, as every fourth one of each worker does at least. Workers that hold jobs ahead
//! of their slots change the order as much anyway.

/// Jobs lost to others, as a share: from here on the worker keeps away further.
const CROWDED: f64 = 0.1;
/// Below this it moves closer again.
const LONELY: f64 = 0.02;
/// Batches that are passed over, at most.
const WIDEST: f64 = 16.0;
/// The first step away from the front, in batches. Smaller ones would be lost as well, and each costs a batch to learn from.
const FIRST: f64 = 4.0;
/// Claims in a row that don't begin at the front, at most.
const MOST_AWAY: usize = 3;
/// The share of fewer jobs says little, and little is lost with them.
const FEWEST: usize = 8;
/// Jobs that are taken first, to learn if another worker is at the same ones.
const PROBE: usize = 64;

/// Knowledge of one worker about the others.
#[derive(Debug, Default)]
pub(crate) struct Contention {
    /// In batches: the beginning of a claim is drawn from this range.
    spread: f64,
    /// Claims since the last one that began at the front.
    away: usize,
}

impl Contention {
    /// The number of jobs that a claim of so many passes over; `random` is from 0 to 1.
    pub(super) fn skip(&mut self, batch: usize, random: f64) -> usize {
        let skip = if self.away < MOST_AWAY { (self.spread * random * batch as f64) as usize } else { 0 };
        self.away = if skip == 0 { 0 } else { self.away + 1 };
        skip
    }

    /// The number, of so many chosen jobs, worth taking before the others; none if there is little to lose.
    pub(super) fn probe(&self, chosen: usize) -> Option<usize> {
        (self.spread > 0.0 && chosen >= 2 * PROBE).then_some(PROBE)
    }

    /// True if another worker is at the jobs of which so many were still there.
    pub(super) fn is_taken(chosen: usize, taken: usize) -> bool {
        taken < chosen / 2
    }

    /// Learns from the numbers of jobs chosen and still there.
    pub(super) fn learn(&mut self, chosen: usize, taken: usize) {
        if chosen < FEWEST {
            return;
        }
        let lost = 1.0 - taken as f64 / chosen as f64;
        if lost > CROWDED {
            self.spread = (self.spread * 2.0).clamp(FIRST, WIDEST);
        } else if lost < LONELY {
            self.spread = if self.spread < FIRST { 0.0 } else { self.spread * 0.9 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_worker_begins_at_the_front() {
        let mut contention = Contention::default();
        contention.learn(100, 100);
        contention.learn(2, 0);
        assert_eq!(contention.skip(100, 1.0), 0);
    }

    #[test]
    fn a_worker_that_loses_jobs_keeps_away_and_one_that_loses_none_comes_back() {
        let mut contention = Contention::default();
        assert_eq!(contention.probe(1_000), None);
        contention.learn(100, 50);
        assert_eq!(contention.skip(100, 0.5), 200);
        assert_eq!((contention.probe(1_000), contention.probe(100)), (Some(64), None));
        for _ in 0..50 {
            contention.learn(100, 0);
        }
        assert_eq!(contention.skip(100, 1.0), 1_600);
        contention.learn(100, 90);
        assert_eq!(contention.skip(100, 1.0), 1_600, "some loss is what it costs to stay close");
        for _ in 0..50 {
            contention.learn(100, 100);
        }
        assert_eq!(contention.skip(100, 1.0), 0);
    }

    #[test]
    fn nothing_at_the_front_is_passed_over_for_ever() {
        let mut contention = Contention::default();
        contention.learn(100, 0);
        let skips: Vec<usize> = (0..8).map(|_| contention.skip(100, 1.0)).collect();
        assert_eq!(skips, [400, 400, 400, 0, 400, 400, 400, 0]);
    }

    #[test]
    fn the_distance_doubles_with_each_loss_and_shrinks_to_none_by_steps() {
        let mut contention = Contention::default();
        let mut widest_after = |chosen, taken| {
            contention.learn(chosen, taken);
            contention.away = 0;
            contention.skip(100, 1.0)
        };
        assert_eq!(widest_after(7, 0), 0, "so few say nothing");
        assert_eq!(widest_after(8, 0), 400);
        assert_eq!(widest_after(100, 0), 800);
        assert_eq!(widest_after(100, 100), 720);
        for _ in 0..5 {
            widest_after(100, 100);
        }
        assert_eq!(widest_after(100, 100), 382, "the last step before the front");
        assert_eq!(widest_after(100, 100), 0);
    }
}
