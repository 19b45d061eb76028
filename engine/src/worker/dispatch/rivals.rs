//! The turns of idle workers that have all heard the same hint.
//!
//! One job inserted wakes one worker in each process, and all but one would come for nothing. The number of rivals is
//! unknown, but each worker knows how often it came too late. So before it answers such a hint, a worker waits for a
//! random time that grows with its guess of that number.
//!
//! ```text
//!   came too late:  rivals += 1/4            at rest, with n workers that win one time in n each:
//!   got the job:    rivals -= rivals / 4     rivals = n - 1
//! ```
//! Until its first success a guess can only be too low, and grows faster.
//!
//! The times are not spread evenly. Of n workers about one waits for nothing, and the later a moment of the window,
//! the more of them it has. By the time t, `n^(t / window)` would have gone. A claim shows to others only some time
//! after its look, and few workers have gone by then. For a fifth of the window that is `n^(1/5)`, less than two of
//! sixteen. Spread evenly they would be a fifth of all. A worker that is alone always wins, and soon waits for
//! nothing.

use std::time::Duration;

/// Before anything is known: some company.
const FIRST_GUESS: f64 = 4.0;
/// The weight of one hint in the guess.
const WEIGHT: f64 = 0.25;
/// Growth by one hint of the guess of a worker that has never come in time, and its bound.
const EARLY_GROWTH: f64 = 1.5;
const EARLY_LIMIT: f64 = 30.0;
/// From here on a worker takes itself for alone.
const ALONE: f64 = 0.4;
/// Looks that a step lasts: the look itself, and the claim until others can see it.
const LOOKS_PER_STEP: f64 = 2.0;
const SHORTEST_STEP: f64 = 0.001;
/// Steps of a window, for each factor e in the number of workers: `e^(1 / 2.5)`, one and a half, go within a step.
const STEPS: f64 = 2.5;
/// Weight of the newest look in the moving average.
const SMOOTHING: f64 = 0.2;
/// Jobs must start on time even when the workers that would have been first are busy.
const WIDEST_WINDOW: Duration = Duration::from_millis(25);

/// The guess of one worker about the others.
#[derive(Debug, Clone)]
pub(crate) struct Stagger {
    rivals: f64,
    has_won: bool,
    look_seconds: f64,
}

impl Stagger {
    pub(crate) fn new() -> Self {
        Self { rivals: FIRST_GUESS, has_won: false, look_seconds: SHORTEST_STEP / LOOKS_PER_STEP }
    }

    /// True if rivals are so rare that the worker claims at once.
    pub(crate) fn is_alone(&self) -> bool {
        self.rivals < ALONE
    }

    /// The wait before a look; `random` is between 0 and 1.
    pub(crate) fn pause(&self, random: f64) -> Duration {
        if self.is_alone() {
            return Duration::ZERO;
        }
        let step = (self.look_seconds * LOOKS_PER_STEP).max(SHORTEST_STEP);
        let growth = (1.0 + self.rivals).ln();
        let window = (STEPS * growth * step).min(WIDEST_WINDOW.as_secs_f64());
        // The inverse of the share that has gone by a moment, n^(t / window - 1).
        Duration::from_secs_f64(window * (1.0 + random.ln() / growth).max(0.0))
    }

    pub(crate) fn look_took(&mut self, elapsed: Duration) {
        self.look_seconds += SMOOTHING * (elapsed.as_secs_f64() - self.look_seconds);
    }

    /// This worker came first.
    pub(crate) fn won(&mut self) {
        self.has_won = true;
        self.rivals -= WEIGHT * self.rivals;
    }

    /// Another worker was there first.
    pub(crate) fn lost(&mut self) {
        let grown = if self.has_won { 0.0 } else { (self.rivals * EARLY_GROWTH).min(EARLY_LIMIT) };
        self.rivals = grown.max(self.rivals + WEIGHT);
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng, rngs::StdRng};

    use super::*;

    /// Workers that hear of the same jobs, one after the other. Each claim shows to others some time after its look.
    /// Returns the number of claims of each job, and the delay of each job.
    fn claims_and_delays(workers: usize, step: Duration, jobs: usize) -> Vec<(usize, Duration)> {
        let mut random = StdRng::seed_from_u64(7);
        let mut all = vec![Stagger::new(); workers];
        for worker in &mut all {
            for _ in 0..100 {
                worker.look_took(step.div_f64(LOOKS_PER_STEP));
            }
        }
        let mut one_job = || {
            let pauses: Vec<Duration> = all.iter().map(|worker| worker.pause(random.random())).collect();
            let first = *pauses.iter().min().expect("there are workers");
            let winner = pauses.iter().position(|pause| *pause == first);
            for (index, worker) in all.iter_mut().enumerate() {
                if Some(index) == winner { worker.won() } else { worker.lost() }
            }
            (pauses.iter().filter(|pause| **pause < first + step).count(), first)
        };
        (0..jobs).map(|_| one_job()).collect()
    }

    fn mean(counts: impl ExactSizeIterator<Item = usize>) -> f64 {
        let length = counts.len() as f64;
        counts.sum::<usize>() as f64 / length
    }

    /// Workers that take turns, one job after the other; the mean of their guesses in the end.
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
    fn two_of_sixteen_go_to_a_quick_server_and_no_crowd_to_a_slow_one() {
        for (step_ms, most_at_first, most_at_rest) in
            [(1, 3.0, 2.0), (2, 3.0, 2.0), (6, 4.0, 2.5), (10, 5.0, 3.5)]
        {
            let claims = claims_and_delays(16, Duration::from_millis(step_ms), 1_000);
            let at_first = mean(claims[..30].iter().map(|(count, _)| *count));
            let at_rest = mean(claims[500..].iter().map(|(count, _)| *count));
            assert!(
                at_first <= most_at_first,
                "{at_first} claims of one of the first jobs, {step_ms} ms a step"
            );
            assert!(at_rest <= most_at_rest, "{at_rest} claims of a job, {step_ms} ms a step");
        }
    }

    #[test]
    fn most_jobs_are_not_delayed() {
        for workers in [2, 4, 16, 64] {
            let mut delays: Vec<Duration> = claims_and_delays(workers, Duration::from_millis(2), 1_000)
                .into_iter()
                .map(|(_, delay)| delay)
                .collect();
            delays.sort_unstable();
            assert!(delays[delays.len() / 2] < Duration::from_millis(1), "{workers} workers");
        }
    }

    #[test]
    fn the_window_goes_with_the_rivals_and_with_the_way_to_the_server() {
        let mut near = Stagger::new();
        let window = |worker: &Stagger| worker.pause(1.0).as_secs_f64();
        assert!((window(&near) - 0.001 * STEPS * 5_f64.ln()).abs() < 1e-6, "{}", window(&near));
        for _ in 0..100 {
            near.look_took(Duration::from_millis(2));
        }
        assert!((window(&near) - 0.004 * STEPS * 5_f64.ln()).abs() < 1e-6, "{}", window(&near));
    }

    #[test]
    fn a_crowd_makes_no_job_late() {
        let mut worker = Stagger::new();
        for _ in 0..10_000 {
            worker.lost();
        }
        worker.look_took(Duration::from_secs(1));
        assert_eq!(worker.pause(1.0), WIDEST_WINDOW);
        assert_eq!([worker.pause(0.0), worker.pause(1e-9)], [Duration::ZERO; 2]);
    }
}
