//! The slots of one engine's idle processors, for jobs that are handed off.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{dispatch::slots::Slots, runs::Runs};
use crate::{
    job::{document::ClaimedJob, document::new_claim_token},
    verbs::enqueue::hand_off::{HandedOff, HeldSlot, Owner, Starters},
};

/// The processors of one engine, and the table of their runs.
pub(crate) struct IdleProcessors {
    processors: Vec<Arc<Slots>>,
    runs: Arc<Runs>,
    worker: String,
}

impl IdleProcessors {
    /// None if no processor is idle: most calls of a process without processors, and of a busy one.
    pub(crate) fn among(
        processors: impl Iterator<Item = Arc<Slots>>,
        runs: &Arc<Runs>,
        worker: &str,
    ) -> Option<Arc<dyn Starters>> {
        let processors: Vec<Arc<Slots>> = processors.filter(|slots| slots.is_quiet()).collect();
        if processors.is_empty() {
            return None;
        }
        Some(Arc::new(Self { processors, runs: runs.clone(), worker: worker.to_owned() }))
    }
}

impl Starters for IdleProcessors {
    fn hold_slot(&self, job_type: &str, since: Instant) -> Option<Box<dyn HeldSlot>> {
        let is_of_type = |slots: &&Arc<Slots>| slots.config.job_type == job_type;
        let slots = self.processors.iter().filter(is_of_type).find(|slots| slots.hold_slot())?;
        Some(Box::new(Held {
            slots: slots.clone(),
            runs: self.runs.clone(),
            token: Some(new_claim_token(&self.worker)),
            since,
        }))
    }
}

struct Held {
    slots: Arc<Slots>,
    runs: Arc<Runs>,
    /// None once the job's fate is known.
    token: Option<String>,
    /// The moment from which the job's lease counts, at the earliest.
    since: Instant,
}

impl HeldSlot for Held {
    fn token(&self) -> &str {
        self.token.as_deref().unwrap_or_default()
    }

    fn lease_ms(&self) -> i64 {
        i64::try_from(self.slots.terms.length.as_millis()).unwrap_or(i64::MAX)
    }

    fn made(mut self: Box<Self>, job: ClaimedJob) -> Option<HandedOff> {
        self.token = None;
        let run_id = self.runs.begin_handed_off(&self.slots, &job, self.since)?;
        // The job was never pending.
        self.slots.has_waited(Duration::ZERO);
        let owner: Arc<dyn Owner> = self.runs.clone();
        Some(HandedOff::new(self.slots.id, run_id, job, owner))
    }

    fn not_made(mut self: Box<Self>) {
        self.token = None;
        self.slots.taken_back(1);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            // The room first: a job that is found takes its own.
            self.slots.taken_back(1);
            self.slots.leave_uncertain(token, self.since);
        }
    }
}
