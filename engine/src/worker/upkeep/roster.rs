//! The processors of one collection in this process.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, Weak},
};

use mongodb::bson::{Bson, Document, doc};

use crate::{base::sync::lock, job::retention::Policy, worker::dispatch::slots::Slots};

/// The processors, for as long as they claim.
#[derive(Default)]
pub(crate) struct Roster(Mutex<Vec<Weak<Slots>>>);

impl Roster {
    pub(super) fn add(&self, slots: &Arc<Slots>) {
        lock(&self.0).push(Arc::downgrade(slots));
    }

    /// Those that may still claim.
    pub(super) fn processors(&self) -> Vec<Arc<Slots>> {
        let mut processors = Vec::new();
        lock(&self.0).retain(|slots| {
            let alive = slots.upgrade().filter(|slots| !slots.is_stopped());
            let is_alive = alive.is_some();
            processors.extend(alive);
            is_alive
        });
        processors
    }

    pub(crate) fn has_processors(&self) -> bool {
        !self.processors().is_empty()
    }

    /// The policies of the processors' queues, each once.
    pub(crate) fn policies(&self) -> Vec<Arc<Policy>> {
        let mut policies: Vec<Arc<Policy>> = Vec::new();
        for slots in self.processors() {
            let policy = slots.retention.get().filter(|policy| !policy.is_empty());
            policies.extend(policy.filter(|policy| !policies.contains(policy)).cloned());
        }
        policies
    }

    /// The same as one document; null if nothing is removed. Of several policies in a process it is the first.
    pub(super) fn retention(&self) -> Bson {
        self.policies().first().map_or(Bson::Null, |policy| policy.document().into())
    }

    /// The types.
    pub(super) fn names(&self) -> BTreeSet<String> {
        self.processors().iter().map(|slots| slots.config.job_type.clone()).collect()
    }

    /// The types, each with the most jobs that it runs at once, and the number that it holds.
    pub(super) fn types(&self) -> Vec<Document> {
        let mut types: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for slots in self.processors() {
            let (concurrency, active) = types.entry(slots.config.job_type.clone()).or_default();
            let (most, running) = slots.load();
            *concurrency += most;
            *active += running;
        }
        let document = |(job_type, (concurrency, active)): (String, (usize, usize))| {
            doc! { "type": job_type, "concurrency": concurrency as i64, "active": active as i64 }
        };
        types.into_iter().map(document).collect()
    }

    pub(super) fn pause(&self, job_type: &str, is_paused: bool) {
        for slots in self.processors() {
            if slots.config.job_type == job_type {
                slots.pause(is_paused);
            }
        }
    }
}
