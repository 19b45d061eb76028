//! Looks at jobs that change nothing.

use mongodb::bson::{Document, RawDocumentBuf};

use super::{Engine, retried};
use crate::{
    base::error::Result,
    store::holders,
    verbs::stats::{self, Stats},
};

impl Engine {
    /// Whether a job of this type and key is pending or active.
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

    /// Counts of one type, or of all.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn stats(&self, job_type: Option<&str>) -> Result<Stats> {
        let hub = self.hub().await?;
        retried(&hub, || stats::stats(&hub.store, job_type)).await
    }
}
