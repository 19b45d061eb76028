//! The fates of jobs, counted in memory by type until the upkeep writes them down. Costs a job a few additions.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{base::sync::lock, job::transition::Transition};

/// Bounds of the histograms: 0.01 ms, and each twice the last, up to 335 s.
pub(crate) const BOUNDS: usize = 26;
/// One bucket for each bound, and one for values beyond the last.
const BUCKETS: usize = BOUNDS + 1;
const FIRST_BOUND_NS: u128 = 10_000;

/// The events that are counted once for each job or attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    Completed,
    Exhausted,
    Fatal,
    Cancelled,
    Expired,
    Superseded,
    /// All failed attempts, even those that ended their job.
    FailedAttempt,
}

impl Count {
    pub(crate) const ALL: [Self; 7] = [
        Self::Completed,
        Self::Exhausted,
        Self::Fatal,
        Self::Cancelled,
        Self::Expired,
        Self::Superseded,
        Self::FailedAttempt,
    ];

    /// The field's name in a document of the history.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Exhausted => "exhausted",
            Self::Fatal => "fatal",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::FailedAttempt => "failedAttempts",
        }
    }
}

impl Count {
    /// The count of a transition that ends a job, or an attempt of one, without its worker.
    pub(crate) fn of(transition: Transition) -> Option<Self> {
        match transition {
            Transition::Complete => Some(Self::Completed),
            Transition::Fail => Some(Self::Exhausted),
            Transition::Recover | Transition::Retry => Some(Self::FailedAttempt),
            Transition::Supersede => Some(Self::Superseded),
            Transition::Cancel => Some(Self::Cancelled),
            Transition::Expire => Some(Self::Expired),
            Transition::Release => None,
        }
    }
}

/// Lengths of time, by bucket.
#[derive(Debug)]
pub(crate) struct Histogram([AtomicU64; BUCKETS]);

impl Default for Histogram {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Histogram {
    pub(crate) fn add(&self, length: Duration) {
        self.0[bucket(length)].fetch_add(1, Ordering::Relaxed);
    }

    fn take(&self) -> Vec<(usize, u64)> {
        let taken = self.0.iter().map(|count| count.swap(0, Ordering::Relaxed)).enumerate();
        taken.filter(|(_, count)| *count > 0).collect()
    }
}

/// The first bucket whose bound is not less.
fn bucket(length: Duration) -> usize {
    let firsts = length.as_nanos().div_ceil(FIRST_BOUND_NS).max(1);
    let exponent = u128::BITS - (firsts - 1).leading_zeros();
    (exponent as usize).min(BOUNDS)
}

/// The counters of one type.
#[derive(Debug, Default)]
pub(crate) struct TypeTally {
    counts: [AtomicU64; Count::ALL.len()],
    /// Times that handlers ran.
    pub(crate) run: Histogram,
    /// Times that jobs had been due when they were claimed.
    pub(crate) wait: Histogram,
}

impl TypeTally {
    pub(crate) fn count(&self, what: Count) {
        self.counts[what as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The counts since the last time.
    fn take(&self) -> Taken {
        let counts = Count::ALL.map(|what| (what, self.counts[what as usize].swap(0, Ordering::Relaxed)));
        Taken {
            counts: counts.into_iter().filter(|(_, count)| *count > 0).collect(),
            run: self.run.take(),
            wait: self.wait.take(),
        }
    }
}

/// Counters that are not zero.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) counts: Vec<(Count, u64)>,
    pub(crate) run: Vec<(usize, u64)>,
    pub(crate) wait: Vec<(usize, u64)>,
}

impl Taken {
    fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.run.is_empty() && self.wait.is_empty()
    }
}

/// The counters of one collection, by type.
#[derive(Debug, Default)]
pub(crate) struct Tallies(Mutex<HashMap<String, Arc<TypeTally>>>);

impl Tallies {
    pub(crate) fn of(&self, job_type: &str) -> Arc<TypeTally> {
        let mut tallies = lock(&self.0);
        if let Some(known) = tallies.get(job_type) {
            return known.clone();
        }
        tallies.entry(job_type.to_owned()).or_default().clone()
    }

    /// Counts the writes of a command on jobs of others. If it has matched fewer than it was sent for, another process
    /// was there as well. Its count and this one make up the whole: the server does not tell which jobs are whose.
    pub(crate) fn count_written<'a>(&self, jobs: impl Iterator<Item = (&'a str, Transition)>, matched: u64) {
        for (job_type, transition) in jobs.take(usize::try_from(matched).unwrap_or(usize::MAX)) {
            let Some(what) = Count::of(transition) else { continue };
            let tally = self.of(job_type);
            tally.count(what);
            if what == Count::Exhausted {
                tally.count(Count::FailedAttempt);
            }
        }
    }

    /// The counts since the last time, by type. Types without any are forgotten, unless a processor counts them.
    pub(crate) fn take(&self) -> Vec<(String, Taken)> {
        let mut taken = Vec::new();
        lock(&self.0).retain(|job_type, tally| {
            let counted = tally.take();
            let is_used = !counted.is_empty() || Arc::strong_count(tally) > 1;
            if !counted.is_empty() {
                taken.push((job_type.clone(), counted));
            }
            is_used
        });
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_in_the_first_bucket_that_reaches_so_far() {
        let bound = |number: u32| Duration::from_nanos(10_000 << number);
        assert_eq!(bucket(Duration::ZERO), 0);
        assert_eq!(bucket(bound(0)), 0);
        for number in 1..BOUNDS as u32 {
            assert_eq!(bucket(bound(number)), number as usize);
            assert_eq!(bucket(bound(number - 1) + Duration::from_nanos(1)), number as usize);
        }
        assert_eq!(bound(25), Duration::from_millis(335_544) + Duration::from_micros(320));
        assert_eq!(bucket(bound(25) + Duration::from_nanos(1)), BOUNDS);
        assert_eq!(bucket(Duration::MAX), BOUNDS);
    }

    #[test]
    fn a_sweep_counts_the_jobs_that_it_has_written_and_no_others() {
        let tallies = Tallies::default();
        let swept = [("t", Transition::Fail), ("t", Transition::Recover), ("u", Transition::Expire)];
        tallies.count_written(swept.into_iter(), 2);
        let taken = tallies.take();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].1.counts, [(Count::Exhausted, 1), (Count::FailedAttempt, 2)]);
    }

    #[test]
    fn counts_are_taken_once_and_idle_types_are_forgotten() {
        let tallies = Tallies::default();
        tallies.of("t").count(Count::Completed);
        tallies.of("t").run.add(Duration::from_millis(1));
        let taken = tallies.take();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].1.counts, [(Count::Completed, 1)]);
        assert_eq!(taken[0].1.run, [(7, 1)]);
        assert!(tallies.take().is_empty());
        assert!(lock(&tallies.0).is_empty());
    }
}
