//! Jobs to be created.

use super::{Engine, Opened};
use crate::{
    base::{error::Result, sync::lock},
    job::document::NewJob,
    verbs::enqueue::{hand_off::HandedOff, request::Enqueued},
    worker::hand_off::IdleProcessors,
};

impl Engine {
    /// Creates a job; its id, or none if its key is held or its id is taken.
    ///
    /// # Errors
    /// The server can't be reached for half a minute, or refuses.
    pub async fn enqueue(&self, job: NewJob) -> Result<Option<String>> {
        Ok(self.hub().await?.enqueuer.enqueue_one(job).await?.created())
    }

    /// Creates any number of jobs, and reports the fate of each, in their order.
    ///
    /// # Errors
    /// The engine is shut down. Failures of single jobs stand in their places.
    pub async fn enqueue_many(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>> {
        self.hub().await?.enqueuer.enqueue(jobs).await
    }

    /// The same; and the jobs that idle processors of this engine have claimed already, to start them once the caller
    /// has its answer. Jobs that are not taken from here are given back.
    ///
    /// # Errors
    /// As [`Self::enqueue_many`].
    pub async fn enqueue_or_start(&self, jobs: Vec<NewJob>) -> Result<(Vec<Enqueued>, Vec<HandedOff>)> {
        let Opened { hub, runs } = self.opened().await?;
        let starters = if self.options.hand_off && !self.sink.is_stuck() {
            let processors: Vec<_> = lock(&self.processors).values().cloned().collect();
            IdleProcessors::among(processors.into_iter(), &runs, hub.store.worker())
        } else {
            None
        };
        hub.enqueuer.enqueue_or_start(jobs, starters).await
    }
}
