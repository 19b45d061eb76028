//! The workers of a collection as one: the types of which none starts a job, their counts and their history.

use mongodb::bson::{Document, doc};

use super::{Engine, retried};
use crate::{
    base::error::Result,
    verbs::{
        actions::{self, Action},
        counts, history,
        pause::PauseRequest,
        register,
    },
};

impl Engine {
    /// Pauses a type: no processor of any process starts a job of it from 5 s on, and none of this process
    /// from now on. True if it was running.
    ///
    /// # Errors
    /// As [`Self::enqueue`]; the side collection can't be written.
    pub async fn pause_type(&self, job_type: &str, reason: Option<&str>) -> Result<bool> {
        let hub = self.hub().await?;
        let by = self.by(hub.store.worker());
        hub.upkeep.pause(PauseRequest { job_type, reason, by }, hub.patience).await
    }

    /// Resumes a type. True if it was paused.
    ///
    /// # Errors
    /// As [`Self::pause_type`].
    pub async fn resume_type(&self, job_type: &str) -> Result<bool> {
        let hub = self.hub().await?;
        let by = self.by(hub.store.worker());
        hub.upkeep.resume(PauseRequest { job_type, reason: None, by }, hub.patience).await
    }

    /// The number of jobs of each type, counted by one process at a time, as a document.
    ///
    /// # Errors
    /// As [`Self::pause_type`].
    pub async fn counts(&self) -> Result<Document> {
        let hub = self.hub().await?;
        retried(&hub, || counts::counts(&hub.store, &hub.upkeep.side)).await
    }

    /// The processes with processors.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn workers(&self) -> Result<Vec<Document>> {
        let hub = self.hub().await?;
        retried(&hub, || register::workers(&hub.upkeep.side)).await
    }

    /// The jobs that ended from this moment to that, in a document for each type and hour.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn history(&self, job_type: Option<&str>, from_ms: i64, to_ms: i64) -> Result<Vec<Document>> {
        let hub = self.hub().await?;
        retried(&hub, || history::hours(&hub.upkeep.side, job_type, from_ms, to_ms)).await
    }

    /// Writes down an act of an operator. Returns its id.
    ///
    /// # Errors
    /// As [`Self::pause_type`].
    pub async fn record_action(&self, action: Action) -> Result<String> {
        let hub = self.hub().await?;
        retried(&hub, || actions::record(&hub.upkeep.side, &action)).await
    }

    /// Acts of operators, newest first.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn actions(&self, before: Option<&str>, most: i64) -> Result<Vec<Document>> {
        let hub = self.hub().await?;
        retried(&hub, || actions::list(&hub.upkeep.side, before, most)).await
    }

    /// This process, for people who look at its acts.
    fn by(&self, worker: &str) -> Document {
        doc! { "worker": worker, "host": &self.options.about.host, "pid": std::process::id() }
    }
}
