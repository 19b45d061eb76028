//! Runs of jobs that were made as claimed.

use std::{sync::Arc, time::Instant};

use super::{Runs, released};
use crate::{job::document::ClaimedJob, verbs::enqueue::hand_off::Owner, worker::dispatch::slots::Slots};

impl Runs {
    /// A job was made as claimed by this processor: its run, unless it is given back.
    pub(crate) fn begin_handed_off(
        &self,
        slots: &Arc<Slots>,
        job: &ClaimedJob,
        sent: Instant,
    ) -> Option<u32> {
        let run_id = self.begin(vec![job.header.clone()], Some(slots), slots.terms, sent).pop()?;
        if slots.is_claiming() && slots.terms.is_worth_starting(sent, Instant::now()) {
            return Some(run_id);
        }
        self.finish([released(run_id)]);
        None
    }
}

impl Owner for Runs {
    fn give_back(&self, run_id: u32) {
        self.finish([released(run_id)]);
    }
}
