//! A batch of new jobs as it is to be written, the same in every try.

use std::{
    collections::{HashMap, HashSet},
    time::Instant,
};

use mongodb::bson::RawDocumentBuf;

use super::{
    hand_off::{self, HeldSlot},
    request::Request,
};
use crate::{
    base::{error::Result, patience::Patience},
    job::{document::new_id, server_time::ServerTime},
    store::collection::Store,
};

/// Jobs that are to be written, under the same ids and with the same times in every try.
pub(super) struct Draft {
    pub(super) ids: Vec<String>,
    pub(super) documents: Vec<RawDocumentBuf>,
    /// The slots of the jobs that are made as claimed.
    pub(super) slots: Vec<Option<Box<dyn HeldSlot>>>,
    /// The moment from which delays count.
    pub(super) at: ServerTime,
}

impl Draft {
    pub(super) async fn of(store: &Store, batch: &[Request], patience: &mut Patience) -> Result<Self> {
        let jobs = || batch.iter().flat_map(|request| &request.jobs);
        let ids: Vec<String> = jobs().map(|job| job.id.clone().unwrap_or_else(new_id)).collect();
        let (at, asked) = loop {
            let checked = store.check_write_concern().await;
            let asked = Instant::now();
            match checked.and(store.server_time().await) {
                Ok(at) => break (at, asked),
                Err(error) => patience.pause_after(error).await?,
            }
        };
        // The documents bear the earliest time that the server's clock may have shown.
        let slots = hold_slots(batch, asked.checked_sub(at.width()).unwrap_or(asked));
        let mut same_id: HashMap<&str, i64> = HashMap::new();
        let mut documents = Vec::with_capacity(ids.len());
        for (job, id) in jobs().zip(&ids) {
            // If a reply is lost, its time tells whose document it is: so each of an id has one of its own.
            let earlier = job.id.as_deref().map_or(0, |id| {
                let earlier = same_id.entry(id).or_default();
                *earlier += 1;
                *earlier - 1
            });
            documents.push(match &slots[documents.len()] {
                Some(slot) => job.handed_off(id, slot.token(), slot.lease_ms(), at)?,
                None => job.pending(id, at.earlier(earlier))?,
            });
        }
        Ok(Self { ids, documents, slots, at })
    }

    /// The jobs of the draft that are kept.
    pub(super) fn only(self, kept: &[bool]) -> Self {
        let jobs = self.ids.into_iter().zip(self.documents).zip(self.slots).zip(kept);
        let ((ids, documents), slots) = jobs.filter_map(|(job, is_kept)| is_kept.then_some(job)).unzip();
        Self { ids, documents, slots, at: self.at }
    }

    /// The first jobs of the draft, up to this number; the others stay.
    pub(super) fn split_off_first(&mut self, count: usize) -> Self {
        let ids = self.ids.drain(..count).collect();
        let documents = self.documents.drain(..count).collect();
        let slots = self.slots.drain(..count).collect();
        Self { ids, documents, slots, at: self.at }
    }
}

/// A slot for each job that one is free for, with a lease that counts from `since`. Behind a job of its type that waits, none goes
/// first.
fn hold_slots(batch: &[Request], since: Instant) -> Vec<Option<Box<dyn HeldSlot>>> {
    let mut behind: HashSet<&str> = HashSet::new();
    let mut slots = Vec::new();
    for request in batch {
        for job in &request.jobs {
            let slot =
                request.starters.as_ref().filter(|_| hand_off::is_possible(job)).and_then(|starters| {
                    let is_first = !behind.contains(job.job_type.as_str());
                    is_first.then(|| starters.hold_slot(&job.job_type, since)).flatten()
                });
            if slot.is_none() {
                behind.insert(&job.job_type);
            }
            slots.push(slot);
        }
    }
    slots
}
