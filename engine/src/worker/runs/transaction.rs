//! Runs whose handler completes the job by itself, in a transaction of the app.

use std::time::Duration;

use mongodb::bson::Bson;

use super::Runs;
use crate::{
    base::{error::Result, patience::retrying, sync::lock},
    job::verdict::Settled,
    verbs::settle::read_back,
};

impl Runs {
    /// Readies a run for a transaction: its lease is made this long, from now on, and left alone. False if the lease
    /// is another holder's; then the run is dead, and no more events of it follow.
    pub(crate) async fn suspend(&self, run_id: u32, length: Duration) -> Result<bool> {
        let Some(events) = self.as_events() else { return Ok(false) };
        let (renewer, store) = (&self.hub.renewer, &self.hub.store);
        let is_held = renewer.suspend(store, &events, run_id, length, self.hub.patience).await?;
        if !is_held {
            self.forget_lost(run_id);
        }
        Ok(is_held)
    }

    /// A run's transaction is over, and is not known to have committed. None: it has not; the lease is held and
    /// renewed as before. Else the job's fate; then the run is over, or dead.
    pub(crate) async fn resume(&self, run_id: u32, id: &Bson, token: &str) -> Result<Option<Settled>> {
        let Some(events) = self.as_events() else { return Ok(Some(Settled::LeaseLost)) };
        let (renewer, store) = (&self.hub.renewer, &self.hub.store);
        // A write, not a look: it waits for a transaction that is still open, and none that was can commit after it.
        if retrying(self.hub.patience, || renewer.resume(store, &events, run_id)).await? {
            return Ok(None);
        }
        let read_back = || read_back::read_back(store, id, Some(token));
        let (settled, header) = retrying(self.hub.patience, read_back).await?;
        match (settled, header) {
            // The run may be known as lost already, if the commit took its time.
            (Settled::Completed, Some(header)) if !self.completed(run_id) => {
                self.pass_on(&header, settled);
            }
            (Settled::Completed, _) => {}
            _ => self.forget_lost(run_id),
        }
        Ok(Some(settled))
    }

    /// A transaction has completed the job of this run, whose handler may work on. False if the run is not known.
    pub(crate) fn completed(&self, run_id: u32) -> bool {
        let header = {
            let mut table = lock(&self.table);
            let header = table.header(run_id);
            if !table.end_if_running(run_id) {
                return false;
            }
            header
        };
        self.let_go([run_id]);
        if let Some(header) = header {
            self.pass_on(&header, Settled::Completed);
        }
        true
    }

    fn forget_lost(&self, run_id: u32) {
        lock(&self.table).end_if_running(run_id);
        self.let_go([run_id]);
    }
}
