//! The journals of orchestrations.

use mongodb::bson::RawDocumentBuf;

use super::{Engine, retried};
use crate::{
    base::error::{Error, Result},
    job::{
        journal::{NewStep, StoredStep},
        verdict::Settled,
    },
    verbs::{
        journal::{
            append, complete,
            drafted::{Append, Appended},
            look, read,
        },
        settle::carry_out,
    },
};

impl Engine {
    /// Records a step under a claim. Steps of all jobs that are recorded at the same time travel together.
    ///
    /// # Errors
    /// As [`Self::enqueue`]. A journal that is none. Any other obstacle is no error but a result.
    pub async fn append_step(&self, append: Append) -> Result<Appended> {
        let outcome = self.append_steps(vec![append]).await?.pop();
        outcome.unwrap_or_else(|| Err(Error::interrupted()))
    }

    /// Records steps of one turn of the app's. Resolves when each has an outcome, in their order.
    ///
    /// # Errors
    /// There is no connection; else as [`Self::append_step`], for each step.
    pub async fn append_steps(&self, appends: Vec<Append>) -> Result<Vec<Result<Appended>>> {
        Ok(self.hub().await?.journal_writer.append(appends).await)
    }

    /// Shapes the write that records a step in a transaction of the app. It may have to be retried whole, so it is shaped anew then.
    ///
    /// # Errors
    /// The server can't be reached to ask for its time.
    pub async fn plan_append(&self, append: Append) -> Result<RawDocumentBuf> {
        let hub = self.hub().await?;
        let now = retried(&hub, || hub.store.server_time()).await?;
        append::plan(&hub.store, append, now.earliest(), hub.patience).await
    }

    /// The result that an append of this step would have, but for its size; none if its place is free.
    ///
    /// # Errors
    /// As [`Self::append_step`].
    pub async fn look_at_step(&self, id: &str, token: &str, step: &NewStep) -> Result<Option<Appended>> {
        let hub = self.hub().await?;
        retried(&hub, || look::look(&hub.store, id, token, step)).await
    }

    /// The journal of a job, in the order of its appends; empty if there is none, or no such job.
    ///
    /// # Errors
    /// As [`Self::append_step`].
    pub async fn read_steps(&self, id: &str) -> Result<Vec<StoredStep>> {
        let hub = self.hub().await?;
        retried(&hub, || read::steps_of(&hub.store, id)).await
    }

    /// Completes the job of an orchestration that has returned, even one that was failed under this claim since its
    /// attempts were used up. False if it is not this claim's.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn complete_claimed(&self, id: &str, token: &str) -> Result<bool> {
        let opened = self.opened().await?;
        let hub = &opened.hub;
        let is_completed = retried(hub, || complete::complete(&hub.store, id, token)).await?;
        if is_completed {
            let header = retried(hub, || carry_out::header_of(&hub.store, id, Some(token))).await;
            if let Ok(Some(header)) = header {
                opened.runs.pass_on(&header, Settled::Completed);
            }
        }
        Ok(is_completed)
    }

    /// The server's present, or a moment later; never sooner. In milliseconds since the epoch.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn server_time_ms(&self) -> Result<i64> {
        let hub = self.hub().await?;
        Ok(retried(&hub, || hub.store.server_time()).await?.after(0).timestamp_millis())
    }
}
