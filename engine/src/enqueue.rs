//! Creating jobs: group commit.
//!
//! A lone call is written at once. Calls that arrive while a write is on its way travel together in the next one, so
//! the number of round trips falls as the load grows and nobody waits for company.

mod create;
mod writer;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use self::writer::Writer;
use crate::{
    error::{Error, Result},
    job::NewJob,
    store::Store,
    wake::WakeHub,
};

/// Documents and bytes of one insert, at most. The server takes up to 16 MiB of command.
const MOST_JOBS: usize = 1_000;
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// Calls that wait for a write; more wait in their own callers.
const QUEUE_LENGTH: usize = 1_000;

/// What became of a job: its id, or none if its key is held.
pub type Enqueued = Result<Option<String>>;

/// Jobs of one caller, no more than one insert carries.
struct Request {
    jobs: Vec<NewJob>,
    /// When the call was made: others, and lots of its own, may have to be written before.
    made: Instant,
    reply: oneshot::Sender<Vec<Enqueued>>,
}

/// The one writer of new pending jobs of a collection.
pub(crate) struct Enqueuer {
    requests: mpsc::Sender<Request>,
}

impl Enqueuer {
    /// Starts the writer; it ends when the last handle goes.
    pub(crate) fn start(store: Arc<Store>, wakes: Arc<WakeHub>, patience: Duration) -> Self {
        let (requests, inbox) = mpsc::channel(QUEUE_LENGTH);
        tokio::spawn(Writer::new(store, wakes, patience).run(inbox));
        Self { requests }
    }

    /// What became of each job, in their order. They are written in this order too, so that of two with the same key the
    /// first one is created.
    pub(crate) async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>> {
        for job in &jobs {
            // Here, where it is nobody else's trouble: jobs travel in company.
            job.data()?;
        }
        let made = Instant::now();
        let mut outcomes = Vec::with_capacity(jobs.len());
        let mut answers = Vec::new();
        for jobs in as_lots(jobs) {
            let (reply, answer) = oneshot::channel();
            self.requests.send(Request { jobs, made, reply }).await.map_err(|_| Error::shut_down())?;
            answers.push(answer);
        }
        for answer in answers {
            outcomes.extend(answer.await.map_err(|_| Error::shut_down())?);
        }
        Ok(outcomes)
    }

    /// The id of the new job, or none if its key is held.
    pub(crate) async fn enqueue_one(&self, job: NewJob) -> Enqueued {
        self.enqueue(vec![job]).await?.pop().unwrap_or_else(|| Err(Error::shut_down()))
    }
}

/// Splits jobs by what one insert carries.
fn as_lots(jobs: Vec<NewJob>) -> Vec<Vec<NewJob>> {
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

/// How much an insert carries.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    jobs: usize,
    bytes: usize,
}

impl Load {
    fn of(jobs: &[NewJob]) -> Self {
        Self { jobs: jobs.len(), bytes: jobs.iter().map(|job| job.payload.as_bytes().len()).sum() }
    }

    fn has_room_for(self, more: Self) -> bool {
        self.jobs + more.jobs <= MOST_JOBS && self.bytes + more.bytes <= MOST_BYTES
    }

    fn add(&mut self, more: Self) {
        self.jobs += more.jobs;
        self.bytes += more.bytes;
    }
}
