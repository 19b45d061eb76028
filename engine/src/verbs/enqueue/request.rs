//! Calls that wait for the writer, and the load of one insert.

use std::{sync::Arc, time::Instant};

use tokio::sync::{mpsc, oneshot};

use super::hand_off::{HandedOff, Starters};
use crate::{base::error::Result, job::document::NewJob};

/// Documents and bytes of one insert, at most. The server takes up to 16 MiB of command.
pub(super) const MOST_JOBS: usize = 1_000;

const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The fate of a job that was to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewJobFate {
    /// It was created, under this id.
    Created(String),
    /// Its key is held, or its id is taken: by this job, if the caller asks and it is still there.
    Duplicate(Option<String>),
    /// A pending job holds its key, and has its data now.
    Coalesced(Option<String>),
}

impl NewJobFate {
    /// The id of the job that was created, if one was.
    #[must_use]
    pub fn created(self) -> Option<String> {
        match self {
            Self::Created(id) => Some(id),
            Self::Duplicate(_) | Self::Coalesced(_) => None,
        }
    }
}

/// The fate of a job, or the reason that it is not known.
pub type Enqueued = Result<NewJobFate>;

/// The fate of a job, and the job itself if it is to be started here.
pub(super) type Answer = (Enqueued, Option<HandedOff>);

/// Jobs of one caller, no more than one insert carries.
pub(super) struct Request {
    pub(super) jobs: Vec<NewJob>,
    /// The moment of the call: others, and lots of its own, may have to be written before.
    pub(super) made: Instant,
    /// The processors that could start its jobs at once, if that is allowed.
    pub(super) starters: Option<Arc<dyn Starters>>,
    pub(super) reply: oneshot::Sender<Vec<Answer>>,
}

/// Calls that no write has taken up yet.
pub(super) struct Inbox {
    pub(super) calls: mpsc::Receiver<Request>,
    pub(super) waiting: Vec<Request>,
}

/// Splits jobs into lots that one insert carries.
pub(super) fn as_lots(jobs: Vec<NewJob>) -> Vec<Vec<NewJob>> {
    let mut lots = Vec::new();
    let (mut lot, mut load) = (Vec::new(), Load::default());
    for job in jobs {
        let load_of_job = Load::of(std::slice::from_ref(&job));
        if !lot.is_empty() && !load.has_room_for(load_of_job) {
            lots.push(std::mem::take(&mut lot));
            load = Load::default();
        }
        load.add(load_of_job);
        lot.push(job);
    }
    if !lot.is_empty() {
        lots.push(lot);
    }
    lots
}

/// The load that an insert carries.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Load {
    pub(super) jobs: usize,
    pub(super) bytes: usize,
}

impl Load {
    pub(super) fn of(jobs: &[NewJob]) -> Self {
        Self { jobs: jobs.len(), bytes: jobs.iter().map(|job| job.payload.as_bytes().len()).sum() }
    }

    pub(super) fn has_room_for(self, more: Self) -> bool {
        self.jobs + more.jobs <= MOST_JOBS && self.bytes + more.bytes <= MOST_BYTES
    }

    pub(super) fn add(&mut self, more: Self) {
        self.jobs += more.jobs;
        self.bytes += more.bytes;
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{RawDocumentBuf, doc};

    use super::*;

    fn of_bytes(bytes: usize) -> NewJob {
        let payload =
            RawDocumentBuf::try_from(&doc! { "data": "x".repeat(bytes) }).expect("it can be encoded");
        NewJob { payload, ..NewJob::sample() }
    }

    #[test]
    fn a_lot_is_no_more_than_one_insert_carries() {
        let large = MOST_BYTES / 4;
        for (jobs, expected) in [
            (vec![], vec![]),
            (vec![NewJob::sample(); MOST_JOBS], vec![MOST_JOBS]),
            (vec![NewJob::sample(); 2 * MOST_JOBS + 1], vec![MOST_JOBS, MOST_JOBS, 1]),
            // Each is a little larger than a quarter.
            (vec![of_bytes(large); 7], vec![3, 3, 1]),
            // One that is too large for any company goes alone.
            (vec![NewJob::sample(), of_bytes(MOST_BYTES), NewJob::sample()], vec![1, 1, 1]),
        ] {
            let lots: Vec<usize> = as_lots(jobs).iter().map(Vec::len).collect();
            assert_eq!(lots, expected);
        }
    }

    #[test]
    fn a_load_is_full_at_its_bounds() {
        let load = |jobs, bytes| Load { jobs, bytes };
        assert!(load(MOST_JOBS - 1, MOST_BYTES - 1).has_room_for(load(1, 1)));
        assert!(!load(MOST_JOBS - 1, 0).has_room_for(load(2, 0)));
        assert!(!load(0, MOST_BYTES - 1).has_room_for(load(0, 2)));
    }
}
