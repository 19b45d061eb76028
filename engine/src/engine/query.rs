//! Looks at jobs that change nothing.

use mongodb::bson::{Document, RawDocumentBuf};

use super::{Engine, retried};
use crate::{
    base::error::Result,
    job::listing::{JobFilter, Page},
    store::holders,
    verbs::{
        list, look_up,
        stats::{self, Stats},
    },
};

impl Engine {
    /// True if a job of this type and key is pending or active.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn has_outstanding(&self, job_type: &str, key: &str) -> Result<bool> {
        let hub = self.hub().await?;
        retried(&hub, || holders::has_outstanding(&hub.store, job_type, key)).await
    }

    /// The first job that matches, with its logs.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn find_one(&self, filter: Document) -> Result<Option<RawDocumentBuf>> {
        let hub = self.hub().await?;
        let find = async || Ok(hub.store.jobs().find_one(filter.clone()).await?);
        retried(&hub, || hub.store.bounded("reading a job", find())).await
    }

    /// A job by its id, with all that is stored of it.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn get_job(&self, id: &str) -> Result<Option<RawDocumentBuf>> {
        let hub = self.hub().await?;
        retried(&hub, || look_up::whole(&hub.store, id)).await
    }

    /// The jobs of these ids that are stored, with the parts that a caller who waits for their ends needs.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn ends(&self, ids: &[String]) -> Result<Vec<RawDocumentBuf>> {
        let hub = self.hub().await?;
        retried(&hub, || look_up::ends(&hub.store, ids)).await
    }

    /// A page of the jobs of a filter, from the cursor of an earlier one on. Pending jobs come in the order of their
    /// claims, active ones in that of their claim times, ended ones newest first.
    ///
    /// # Errors
    /// As [`Self::enqueue`]; a cursor of another query; more types than one query can have.
    pub async fn list(&self, filter: &JobFilter, limit: usize, after: Option<&[u8]>) -> Result<Page> {
        let hub = self.hub().await?;
        retried(&hub, || list::list(&hub.store, filter, limit, after)).await
    }

    /// Counts of one type, or of all.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn stats(&self, job_type: Option<&str>) -> Result<Stats> {
        let hub = self.hub().await?;
        retried(&hub, || stats::stats(&hub.store, job_type)).await
    }
}
