//! Jobs to be created.

use super::Engine;
use crate::{base::error::Result, job::document::NewJob, verbs::enqueue::request::Enqueued};

impl Engine {
    /// Creates a job; its id, or none if its key is held or its id is taken.
    ///
    /// # Errors
    /// The server can't be reached for half a minute, or refuses.
    pub async fn enqueue(&self, job: NewJob) -> Result<Option<String>> {
        Ok(self.hub().await?.enqueuer.enqueue_one(job).await?.created())
    }

    /// Creates any number of jobs, in their order; what became of each.
    ///
    /// # Errors
    /// The engine is shut down. What goes wrong with single jobs stands in their places.
    pub async fn enqueue_many(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>> {
        self.hub().await?.enqueuer.enqueue(jobs).await
    }
}
