//! The callers' side of the writer of new jobs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Mutex, mpsc, oneshot};

use super::{
    hand_off::{HandedOff, Starters},
    request::{Enqueued, Inbox, Request, as_lots},
    writer::Writer,
};
use crate::{
    base::error::{Error, Result},
    job::document::NewJob,
    report::{
        event::Sink,
        tasks::{self, Task},
    },
    store::collection::Store,
    wake::hints::WakeHub,
};

/// Calls that wait for a write; more wait in their own callers.
const QUEUE_LENGTH: usize = 1_000;

/// The one writer of new pending jobs of a collection.
pub(crate) struct Enqueuer {
    requests: mpsc::Sender<Request>,
}

impl Enqueuer {
    /// Starts the writer; it ends when the last handle goes.
    pub(crate) fn start(
        store: Arc<Store>,
        wakes: Arc<WakeHub>,
        sink: Arc<dyn Sink>,
        patience: Duration,
    ) -> Self {
        let (requests, calls) = mpsc::channel(QUEUE_LENGTH);
        // The inbox outlasts a writer that panics.
        let inbox = Arc::new(Mutex::new(Inbox { calls, waiting: Vec::new() }));
        tasks::keep(Task::NewJobs, sink.clone(), move || {
            let writer = Writer::new(store.clone(), wakes.clone(), sink.clone(), patience);
            let inbox = inbox.clone();
            async move { writer.run(&mut *inbox.lock().await).await }
        });
        Self { requests }
    }

    /// Creates jobs, and reports the fate of each, in their order. They are written in this order too, so
    /// that of two with the same key the first one is created.
    pub(crate) async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>> {
        Ok(self.enqueue_or_start(jobs, None).await?.0)
    }

    /// The same; and the jobs that are claimed already, for one of these to start.
    pub(crate) async fn enqueue_or_start(
        &self,
        jobs: Vec<NewJob>,
        starters: Option<Arc<dyn Starters>>,
    ) -> Result<(Vec<Enqueued>, Vec<HandedOff>)> {
        for job in &jobs {
            // Here, where a failure is its own caller's trouble only: jobs travel in company.
            job.data()?;
        }
        let made = Instant::now();
        let (mut outcomes, mut handed_off) = (Vec::with_capacity(jobs.len()), Vec::new());
        let mut answers = Vec::new();
        for jobs in as_lots(jobs) {
            let (reply, answer) = oneshot::channel();
            self.requests
                .send(Request { jobs, made, starters: starters.clone(), reply })
                .await
                .map_err(|_| Error::shut_down())?;
            answers.push(answer);
        }
        for answer in answers {
            for (outcome, job) in answer.await.map_err(|_| Error::interrupted())? {
                outcomes.push(outcome);
                handed_off.extend(job);
            }
        }
        Ok((outcomes, handed_off))
    }

    /// Creates one job, and reports its fate.
    pub(crate) async fn enqueue_one(&self, job: NewJob) -> Enqueued {
        self.enqueue(vec![job]).await?.pop().unwrap_or_else(|| Err(Error::shut_down()))
    }
}
