//! The workers of a collection as one: what all of them start nothing of.

use mongodb::bson::{Document, doc};

use super::Engine;
use crate::{base::error::Result, verbs::pause::PauseRequest};

impl Engine {
    /// Pauses a type: no processor of any process starts a job of it from 5 s on, and this process does at once. Whether it was
    /// running.
    ///
    /// # Errors
    /// As [`Self::enqueue`]; the side collection can't be written.
    pub async fn pause_type(&self, job_type: &str, reason: Option<&str>) -> Result<bool> {
        let hub = self.hub().await?;
        let by = self.by(hub.store.worker());
        hub.upkeep.pause(PauseRequest { job_type, reason, by }, hub.patience).await
    }

    /// Resumes a type; whether it was paused.
    ///
    /// # Errors
    /// As [`Self::pause_type`].
    pub async fn resume_type(&self, job_type: &str) -> Result<bool> {
        let hub = self.hub().await?;
        let by = self.by(hub.store.worker());
        hub.upkeep.resume(PauseRequest { job_type, reason: None, by }, hub.patience).await
    }

    /// This process, for those who look at what it did.
    fn by(&self, worker: &str) -> Document {
        doc! { "worker": worker, "host": &self.options.about.host, "pid": std::process::id() }
    }
}
