//! Jobs that the change stream has nothing to tell about: they were enqueued here, or claimed here already.
//!
//! Their wake-ups would come second, find nothing, and look as if another worker had been quicker.

use std::{
    collections::{HashSet, VecDeque, hash_map::RandomState},
    hash::BuildHasher,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::base::sync::lock;

/// The stream lags a moment behind, and so many jobs pass in a moment. A job forgotten costs a look, no more.
const MOST: usize = 4_096;

/// The newest of them.
#[derive(Default)]
pub(crate) struct KnownJobs {
    /// Only a stream asks, so nothing is remembered without one.
    is_asked: AtomicBool,
    hasher: RandomState,
    newest: Mutex<Newest>,
}

#[derive(Default)]
struct Newest {
    hashes: HashSet<u64>,
    in_order: VecDeque<u64>,
}

impl KnownJobs {
    /// From now on a stream asks.
    pub(crate) fn remember(&self) {
        self.is_asked.store(true, Ordering::Relaxed);
    }

    pub(crate) fn add<'a>(&self, ids: impl IntoIterator<Item = &'a str>) {
        if !self.is_asked.load(Ordering::Relaxed) {
            return;
        }
        let mut newest = lock(&self.newest);
        for id in ids {
            let hash = self.hasher.hash_one(id);
            if newest.hashes.insert(hash) {
                newest.in_order.push_back(hash);
            }
            if newest.in_order.len() > MOST
                && let Some(oldest) = newest.in_order.pop_front()
            {
                newest.hashes.remove(&oldest);
            }
        }
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        lock(&self.newest).hashes.contains(&self.hasher.hash_one(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_known_and_the_oldest_forgotten() {
        let known = KnownJobs::default();
        known.remember();
        known.add(["first"]);
        let ids: Vec<String> = (0..MOST).map(|number| number.to_string()).collect();
        known.add(ids.iter().map(String::as_str));
        assert!(known.contains("0") && known.contains(&ids[MOST - 1]));
        assert!(!known.contains("first"));
        assert_eq!(lock(&known.newest).hashes.len(), MOST);
    }

    #[test]
    fn nothing_is_kept_unless_it_is_asked_for() {
        let known = KnownJobs::default();
        known.add(["first"]);
        assert!(!known.contains("first"));
    }
}
