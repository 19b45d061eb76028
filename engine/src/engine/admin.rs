//! The beginning and the end of an engine, and the upkeep of its collection.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{Engine, Opened, retried};
use crate::{
    base::{
        error::{ErrorKind, Result},
        patience::{Patience, Pauses},
        sync::lock,
    },
    report::{
        event::{Event, LogLevel},
        sweep::Sweep,
        tasks::{self, Task},
    },
    store::{indexes, server_check},
    verbs::{
        recover::{self, Search},
        retain,
    },
    worker::{dispatch::slots::Slots, hub::Hub},
};

impl Engine {
    /// Checks the server, creates the indexes, and opens the change stream if it was asked for.
    ///
    /// # Errors
    /// A server that can't be reached or that can't be worked with; an index that can't be made.
    pub async fn startup(&self) -> Result<()> {
        let hub = self.hub().await?;
        let mut patience = Patience::new(hub.patience);
        while let Err(error) = self.try_startup(&hub).await {
            let is_first = !patience.has_failed();
            if is_first && error.is_transient() && error.kind() == ErrorKind::IndexConflict {
                let message = format!("startup() waits for up to {:?}: {error}", hub.patience);
                self.sink.event(Event::Log { level: LogLevel::Warn, message, fields: Vec::new() });
            }
            patience.pause_after(error).await?;
        }
        Ok(())
    }

    async fn try_startup(&self, hub: &Hub) -> Result<()> {
        server_check::check(&hub.store, self.options.use_change_streams).await?;
        hub.store.check_write_concern().await?;
        indexes::ensure(&hub.store).await?;
        hub.upkeep.start().await?;
        hub.started();
        if self.options.use_change_streams {
            hub.start_stream().await?;
        }
        Ok(())
    }

    /// Takes up to `most` expired leases away.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn recover_stuck_jobs(&self, visibility_timeout: Duration, most: usize) -> Result<Sweep> {
        let hub = self.hub().await?;
        let visibility_timeout_ms = i64::try_from(visibility_timeout.as_millis()).unwrap_or(i64::MAX);
        let search = Search { visibility_timeout_ms, most, log: self.options.log_bounds };
        retried(&hub, || recover::recover(&hub.store, &hub.wakes, hub.reports(), search)).await
    }

    /// Removes jobs that ended longer ago than `max_age`. Returns their number.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn remove_old(&self, max_age: Duration) -> Result<u64> {
        let hub = self.hub().await?;
        retain::remove_old(
            &hub.store,
            &hub.upkeep.side,
            i64::try_from(max_age.as_millis()).unwrap_or(i64::MAX),
        )
        .await
    }

    /// Removes every job, and everything beside them.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn reset_storage(&self) -> Result<()> {
        let hub = self.hub().await?;
        retain::reset(&hub.store).await?;
        hub.upkeep.reset().await
    }

    /// Starts the sweeps; the shortest timeout asked for wins.
    pub fn start_recovery(self: &Arc<Self>, visibility_timeout: Duration) {
        if !self.recovery.ask(visibility_timeout) {
            return;
        }
        let (engine, recovery) = (Arc::downgrade(self), self.recovery.clone());
        let sweeping = tasks::kept(Task::Sweeps, self.sink.clone(), move || {
            let (engine, recovery) = (engine.clone(), recovery.clone());
            async move {
                let Some(engine) = engine.upgrade() else { return };
                let Some(hub) = engine.hub_at_last().await else { return };
                let (sink, log) = (engine.sink.clone(), engine.options.log_bounds);
                drop(engine);
                recovery.run(hub, sink, log).await;
            }
        });
        lock(&self.tasks).spawn(sweeping);
    }

    /// The hub, as soon as it can be had. None once the engine is shut down.
    pub(super) async fn hub_at_last(&self) -> Option<Arc<Hub>> {
        let mut pauses = Pauses::default();
        loop {
            match self.hub().await {
                Ok(hub) => return Some(hub),
                Err(_) if self.is_shut_down.load(Ordering::Acquire) => return None,
                Err(_) => tokio::time::sleep(pauses.next_pause()).await,
            }
        }
    }

    /// Ends everything: claims stop, running jobs are released, verdicts on the way are written. Resolves
    /// within `timeout`, whatever the server does. Twice is harmless.
    pub async fn shutdown(&self, timeout: Duration) {
        self.is_ending.store(true, Ordering::Release);
        for slots in lock(&self.processors).values() {
            slots.stop();
        }
        let ending = async {
            self.wind_down().await;
            if let Some(Opened { hub, .. }) = self.if_opened() {
                hub.upkeep.leave().await;
            }
        };
        _ = tokio::time::timeout(timeout, ending).await;
        self.is_shut_down.store(true, Ordering::Release);
        lock(&self.tasks).abort_all();
        self.unsubscribe();
        if let Some(Opened { hub, runs }) = self.if_opened() {
            runs.abandon();
            hub.watch.remove_sink(&self.sink);
        }
        // The last engine of a collection takes the hub with it, and the last hub of a client its connections.
        *lock(&self.opened) = Arc::default();
        self.life.close();
    }

    async fn wind_down(&self) {
        let Some(Opened { runs, .. }) = self.if_opened() else {
            return;
        };
        runs.take_back_all();
        // A claim on its way when its processor was stopped gives its jobs back when it arrives. A claim whose reply
        // was lost does so when it has been looked up.
        let stopped: Vec<Arc<Slots>> = lock(&self.processors).values().cloned().collect();
        for slots in stopped {
            slots.ended_claiming().await;
        }
        runs.all_answered().await;
    }
}

/// The end of an engine that was not shut down. Its tasks end with it; its leases must too.
impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(Opened { runs, .. }) = self.if_opened() {
            runs.abandon();
        }
    }
}
