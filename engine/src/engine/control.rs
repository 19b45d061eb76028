//! Changes of jobs that an operator asks for.

use super::Engine;
use crate::{
    base::error::Result,
    verbs::steer::{
        change::Change,
        many,
        one::{self, Steered},
        remove,
    },
};

impl Engine {
    /// Changes a job that is not running.
    ///
    /// # Errors
    /// As [`Self::enqueue`]. That the job can't be changed so is no error but a result.
    pub async fn steer(&self, id: &str, change: &Change) -> Result<Steered> {
        let hub = self.hub().await?;
        one::steer(&hub.store, &hub.wakes, id, change, hub.patience).await
    }

    /// Changes those of these jobs that it can be made of; how many.
    ///
    /// # Errors
    /// As [`Self::steer`].
    pub async fn steer_each(&self, ids: &[String], change: &Change) -> Result<u64> {
        let hub = self.hub().await?;
        many::steer_each(&hub.store, &hub.wakes, ids, change, hub.patience).await
    }

    /// Removes those of these jobs that are not running; how many.
    ///
    /// # Errors
    /// As [`Self::steer`].
    pub async fn remove_each(&self, ids: &[String]) -> Result<u64> {
        let hub = self.hub().await?;
        many::remove_each(&hub.store, ids, hub.patience).await
    }

    /// Removes a job that is not running.
    ///
    /// # Errors
    /// As [`Self::steer`].
    pub async fn remove(&self, id: &str) -> Result<Steered> {
        let hub = self.hub().await?;
        remove::remove(&hub.store, id, hub.patience).await
    }
}
