//! Changes of jobs by operators.

use super::{Engine, Opened, retried};
use crate::{
    base::error::Result,
    job::{document::new_token, status::Status},
    report::tally::Count,
    store::write::Wait,
    verbs::{
        cancel::{self, Cancelled, Request, Told},
        steer::{
            change::Change,
            many,
            one::{self, Steered},
            remove,
        },
    },
    worker::hub::Hub,
};

impl Engine {
    /// Changes a job that is not running.
    ///
    /// # Errors
    /// As [`Self::enqueue`]. A job that can't be changed so is no error but a result.
    pub async fn steer(&self, id: &str, change: &Change) -> Result<Steered> {
        let hub = self.hub().await?;
        one::steer(&hub.store, &hub.wakes, id, change, hub.patience).await
    }

    /// Changes those of these jobs that allow the change, and that are still in this status if one is given. Returns
    /// their number.
    ///
    /// # Errors
    /// As [`Self::steer`].
    pub async fn steer_each(&self, ids: &[String], change: &Change, from: Option<Status>) -> Result<u64> {
        let hub = self.hub().await?;
        many::steer_each(&hub.store, &hub.wakes, ids, (change, from), hub.patience).await
    }

    /// Removes those of these jobs that are not running, and that are still in this status if one is given. Returns
    /// their number.
    ///
    /// # Errors
    /// As [`Self::steer`].
    pub async fn remove_each(&self, ids: &[String], from: Option<Status>) -> Result<u64> {
        let hub = self.hub().await?;
        many::remove_each(&hub.store, &hub.upkeep.side, ids, from, hub.patience).await
    }

    /// Removes a job that is not running.
    ///
    /// # Errors
    /// As [`Self::steer`].
    pub async fn remove(&self, id: &str) -> Result<Steered> {
        let hub = self.hub().await?;
        remove::remove(&hub.store, &hub.upkeep.side, id, hub.patience).await
    }

    /// Cancels jobs, and reports the fate of each, in order. One that waits ends at once. One that runs is marked: its
    /// owner learns it, and the job ends when its handler has ended.
    ///
    /// # Errors
    /// As [`Self::enqueue`]. Then some may be cancelled.
    pub async fn cancel(&self, ids: &[String], reason: Option<&str>) -> Result<Vec<Cancelled>> {
        let Opened { hub, .. } = self.opened().await?;
        let proof = new_token();
        let request = Request {
            reason,
            proof: &proof,
            log: Some(self.options.log_bounds),
            from: None,
            wait: Wait::Long,
        };
        let told = retried(&hub, || cancel::cancel(&hub.store, ids, &request)).await?;
        Ok(told.into_iter().map(|told| noted(&hub, told).0).collect())
    }

    /// Cancels those of these jobs that have not ended, and that are still in this status if one is given. Returns the
    /// effect of this call on each, in order. None for a job that it has left as it was, such as one that was marked
    /// before.
    ///
    /// # Errors
    /// As [`Self::cancel`].
    pub async fn cancel_each(&self, ids: &[String], from: Option<Status>) -> Result<Vec<Option<Cancelled>>> {
        let Opened { hub, .. } = self.opened().await?;
        let proof = new_token();
        let log = Some(self.options.log_bounds);
        let request = Request { reason: None, proof: &proof, log, from, wait: Wait::Brief };
        let told = many::cancel_each(&hub.store, ids, &request, hub.patience).await?;
        let own = |told| {
            let (cancelled, is_own) = noted(&hub, told);
            is_own.then_some(cancelled)
        };
        Ok(told.into_iter().map(own).collect())
    }

    /// Those of these jobs that run and were asked to be cancelled, with the reasons that were given.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn cancel_requests(&self, ids: &[String]) -> Result<Vec<(String, Option<String>)>> {
        let hub = self.hub().await?;
        retried(&hub, || cancel::requests_among(&hub.store, ids)).await
    }
}

/// Counts a job that was cancelled, and hints that one is to end. Returns its fate, and true if this call decided it.
fn noted(hub: &Hub, told: Told) -> (Cancelled, bool) {
    let Told { cancelled, is_own, id, job_type } = told;
    match cancelled {
        Cancelled::Requested => hub.wakes.cancellations.hint(id),
        Cancelled::Cancelled => hub.upkeep.tallies.of(&job_type).count(Count::Cancelled),
        Cancelled::AlreadyTerminal(_) | Cancelled::NotFound => {}
    }
    (cancelled, is_own)
}
