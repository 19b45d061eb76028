//! The engine's part in transactions of the app, which run on the app's own driver. It shapes their writes,
//! leaves the leases of their runs alone, and tells how they ended.

use std::time::Duration;

use mongodb::bson::{Bson, RawDocumentBuf};

use super::{Engine, Opened, retried};
use crate::{
    base::error::Result,
    job::{document::NewJob, id_key::named, verdict::Settled},
    verbs::{
        plan::{self, PlannedJob},
        settle::read_back,
    },
    wake::hints::{Audience, Wake},
};

impl Engine {
    /// Shapes the writes that create these jobs. Their times are the server's present, as of every job's.
    ///
    /// # Errors
    /// The server can't be reached to ask for its time; data that is none.
    pub async fn plan_enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<PlannedJob>> {
        let hub = self.hub().await?;
        let now = retried(&hub, || hub.store.server_time()).await?;
        jobs.iter().map(|job| plan::enqueue(job, now)).collect()
    }

    /// Shapes the write that completes a claim; the job keeps the result.
    ///
    /// # Errors
    /// None that is expected.
    pub fn plan_completion(
        &self,
        id: &str,
        token: Option<&str>,
        result: Option<Bson>,
    ) -> Result<RawDocumentBuf> {
        plan::completion(id, token, result)
    }

    /// The fate of a claim that a transaction may have completed. If it was completed, callers that wait for
    /// its key are woken.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn read_back(&self, id: &str, token: Option<&str>) -> Result<Settled> {
        let Opened { hub, runs } = self.opened().await?;
        let id = named(id);
        let (settled, header) = retried(&hub, || read_back::read_back(&hub.store, &id, token)).await?;
        if let (Settled::Completed, Some(header)) = (settled, header) {
            runs.pass_on(&header, settled);
        }
        Ok(settled)
    }

    /// A job of this type may be there, due after this long: a transaction that created it is over.
    pub fn wake(&self, job_type: &str, delay: Duration) {
        let Some(Opened { hub, .. }) = self.if_opened() else { return };
        if delay.is_zero() {
            hub.wakes.wake(&Wake::Type(job_type.to_owned()), Audience::Here);
        } else {
            hub.wakes.wake_after(job_type, delay);
        }
    }

    /// Readies a run for a transaction that completes its job: its lease is made this long, from now on, and
    /// not renewed. False if the lease is another holder's; then the run is dead.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn suspend(&self, run_id: u32, length: Duration) -> Result<bool> {
        self.opened().await?.runs.suspend(run_id, length).await
    }

    /// A run's transaction is over, and is not known to have committed. None if it has not, and the lease is renewed
    /// as before; else the job's fate, and the run is over.
    ///
    /// # Errors
    /// As [`Self::enqueue`]. Then the lease is renewed as soon as the server can be reached again, if it still lasts.
    pub async fn resume(&self, run_id: u32, id: &str, token: &str) -> Result<Option<Settled>> {
        self.opened().await?.runs.resume(run_id, &named(id), token).await
    }

    /// A run's transaction has committed, and its job is completed. A run that is not known is ignored.
    pub fn completed(&self, run_id: u32) {
        if let Some(opened) = self.if_opened() {
            opened.runs.completed(run_id);
        }
    }
}
