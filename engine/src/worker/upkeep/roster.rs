//! The processors of one collection in this process.

use std::sync::{Arc, Mutex, Weak};

use crate::{base::sync::lock, worker::dispatch::slots::Slots};

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

    pub(super) fn pause(&self, job_type: &str, is_paused: bool) {
        for slots in self.processors() {
            if slots.config.job_type == job_type {
                slots.pause(is_paused);
            }
        }
    }
}
