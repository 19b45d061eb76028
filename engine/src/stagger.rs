//! Who goes first when every idle worker has heard the same hint.
//!
//! One job inserted wakes one worker in each process, and all but one would come for nothing. Nobody knows how many
//! rivals there are, but each knows how often it came too late. So before it answers such a hint, a worker waits for a
//! random part of a window that goes with the number of rivals it believes in:
//!
//! ```text
//!   came too late:  rivals += 1/4            at rest, with n workers that win one time in n each:
//!   got the job:    rivals -= rivals / 4     rivals = n - 1
//! ```
//! With a window of that many steps, each as long as it takes from a look to a claim that others can see, one or two
//! claim and the rest find the job taken. A worker that is alone always wins, and soon waits for nothing.

use std::time::Duration;

/// Before anything is known: some company.
const FIRST_GUESS: f64 = 4.0;
/// How much one hint teaches.
const WEIGHT: f64 = 0.25;
/// From here on a worker takes itself for alone.
const ALONE: f64 = 0.4;
/// Looks that a step lasts: the look itself, and the claim until others can see it.
const LOOKS_PER_STEP: f64 = 2.0;
const SHORTEST_STEP: f64 = 0.001;
/// Weight of the newest look in the moving average.
const SMOOTHING: f64 = 0.2;
/// Jobs must start on time also when the workers who would have been first are busy.
const WIDEST_WINDOW: Duration = Duration::from_millis(25);

/// What one worker has learnt of the others.
#[derive(Debug, Clone)]
pub(crate) struct Stagger {
    rivals: f64,
    look_seconds: f64,
}

impl Stagger {
    pub(crate) fn new() -> Self {
        Self { rivals: FIRST_GUESS, look_seconds: SHORTEST_STEP / LOOKS_PER_STEP }
    }

    /// Whether to claim at once: hardly anybody else ever comes.
    pub(crate) fn is_alone(&self) -> bool {
        self.rivals < ALONE
    }

    /// How long to wait before looking; `random` is between 0 and 1.
    pub(crate) fn pause(&self, random: f64) -> Duration {
        if self.is_alone() {
            return Duration::ZERO;
        }
        let step = (self.look_seconds * LOOKS_PER_STEP).max(SHORTEST_STEP);
        let window = (self.rivals * step).min(WIDEST_WINDOW.as_secs_f64());
        Duration::from_secs_f64(window * random)
    }

    pub(crate) fn look_took(&mut self, elapsed: Duration) {
        self.look_seconds += SMOOTHING * (elapsed.as_secs_f64() - self.look_seconds);
    }

    /// The hint was for us.
    pub(crate) fn won(&mut self) {
        self.rivals -= WEIGHT * self.rivals;
    }

    /// Somebody else was there first.
    pub(crate) fn lost(&mut self) {
        self.rivals += WEIGHT;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Workers that hear of the same jobs, one after the other; the mean of their guesses in the end.
    fn guess_after(workers: usize, jobs: usize) -> f64 {
        let mut all = vec![Stagger::new(); workers];
        for job in 0..jobs {
            for (index, worker) in all.iter_mut().enumerate() {
                if index == job * 7919 % workers { worker.won() } else { worker.lost() }
            }
        }
        all.iter().map(|worker| worker.rivals).sum::<f64>() / workers as f64
    }

    #[test]
    fn a_worker_that_is_alone_soon_waits_for_nothing() {
        let mut worker = Stagger::new();
        for _ in 0..10 {
            worker.won();
        }
        assert!(worker.is_alone());
        assert_eq!(worker.pause(1.0), Duration::ZERO);
    }

    #[test]
    fn each_learns_how_many_others_there_are() {
        for workers in [4, 8, 16] {
            let guess = guess_after(workers, 2_000);
            let others = (workers - 1) as f64;
            assert!((0.7..1.3).contains(&(guess / others)), "{workers} workers: {guess}");
        }
    }

    #[test]
    fn the_window_goes_with_the_rivals_and_with_the_way_to_the_server() {
        let mut near = Stagger::new();
        assert_eq!(near.pause(1.0), Duration::from_millis(4));
        for _ in 0..100 {
            near.look_took(Duration::from_millis(2));
        }
        let window = near.pause(1.0).as_secs_f64();
        assert!((window - 0.016).abs() < 1e-6, "4 rivals, 2 looks each, 2 ms by now: {window}");
    }

    #[test]
    fn a_crowd_makes_nobody_late() {
        let mut worker = Stagger::new();
        for _ in 0..10_000 {
            worker.lost();
        }
        assert_eq!(worker.pause(1.0), WIDEST_WINDOW);
        assert_eq!(worker.pause(0.0), Duration::ZERO);
    }
}
