//! The engine as its users see it: one collection. Its operations stand in a file for each capability: `produce`, `work`,
//! `claims`, `transact`, `query`, `control`, `fleet`, `schedules` and `admin`. The binding has files of the same names.

mod admin;
mod claims;
mod control;
mod fleet;
#[cfg(feature = "hot-paths")]
pub mod hot_paths;
mod journal;
#[cfg(test)]
mod panics;
mod produce;
mod query;
mod schedules;
mod transact;
mod work;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use tokio::{
    sync::{OnceCell, Semaphore},
    task::JoinSet,
};

use crate::{
    base::{
        error::{Error, Result},
        patience::retrying,
        sync::lock,
    },
    connection::{
        ConnectionSettings,
        registry::{SharedClient, shared_client},
    },
    job::{
        log::LogBounds,
        retention::{Policy, RetentionRule},
    },
    report::{
        event::{Event, Sink},
        outage::OutageLog,
    },
    wake::hints::{Audience, Listener, Wake},
    worker::{
        dispatch::slots::Slots, hub::Hub, reaper::Recovery, runs::Runs, schedules::Schedules, upkeep::About,
    },
};

/// The collection and settings of an engine.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The database's name.
    pub database: String,
    /// The collection's name.
    pub collection: String,
    /// True if [`Engine::startup`] opens a change stream.
    pub use_change_streams: bool,
    /// Bounds of a job's log.
    pub log_bounds: LogBounds,
    /// True if a job is made as claimed when a processor of this engine is idle and would start it.
    pub hand_off: bool,
    /// Facts about this process for others to read.
    pub about: About,
    /// Periods for which ended jobs are kept.
    pub retention: Vec<RetentionRule>,
}

/// One collection of jobs on one connection.
///
/// Must be used within a tokio runtime, and always the same one for equal settings.
pub struct Engine {
    options: EngineOptions,
    client: Arc<SharedClient>,
    sink: Arc<dyn Sink>,
    /// Emptied at shutdown, so that the hub can go.
    opened: Mutex<Arc<OnceCell<Opened>>>,
    processors: Mutex<HashMap<u32, Arc<Slots>>>,
    next_processor_id: AtomicU32,
    tasks: Mutex<JoinSet<()>>,
    recovery: Arc<Recovery>,
    schedules: Arc<Schedules>,
    subscription: Mutex<Option<Arc<Subscription>>>,
    claim_outages: Arc<OutageLog>,
    retention: Arc<Policy>,
    /// The shutdown has begun: no processor may start any more.
    is_ending: AtomicBool,
    /// It is over.
    is_shut_down: AtomicBool,
    /// Closed when it is over.
    life: Semaphore,
}

/// Parts that exist once the client does.
#[derive(Clone)]
pub(crate) struct Opened {
    hub: Arc<Hub>,
    runs: Arc<Runs>,
}

/// Passes wake-ups on to the sink.
pub(crate) struct Subscription {
    sink: Arc<dyn Sink>,
    /// Known to the hub.
    is_on: AtomicBool,
}

impl Listener for Subscription {
    fn wake(&self, wake: &Wake, _: Audience) {
        let job_type = match wake {
            Wake::Any => None,
            Wake::Type(job_type) => Some(job_type.clone()),
        };
        self.sink.event(Event::Wake(job_type));
    }
}

impl Engine {
    /// Opens an engine; no server is contacted yet.
    ///
    /// # Errors
    /// A setting that can't be honoured, by name.
    pub fn open(settings: ConnectionSettings, options: EngineOptions, sink: Arc<dyn Sink>) -> Result<Self> {
        Ok(Self {
            client: shared_client(settings)?,
            retention: Arc::new(Policy::of(&options.retention)),
            options,
            sink,
            opened: Mutex::default(),
            processors: Mutex::default(),
            next_processor_id: AtomicU32::new(1),
            tasks: Mutex::default(),
            recovery: Arc::default(),
            schedules: Arc::default(),
            subscription: Mutex::default(),
            claim_outages: OutageLog::new("claiming jobs"),
            is_ending: AtomicBool::new(false),
            is_shut_down: AtomicBool::new(false),
            life: Semaphore::new(0),
        })
    }

    async fn opened(&self) -> Result<Opened> {
        if self.is_shut_down.load(Ordering::Acquire) {
            return Err(Error::shut_down());
        }
        let cell = lock(&self.opened).clone();
        let opened = cell.get_or_try_init(|| async {
            let options = &self.options;
            let hub = Hub::of(&self.client, &options.database, &options.collection, &options.about).await?;
            let runs = Runs::new(hub.clone(), self.sink.clone(), self.options.log_bounds);
            hub.watch.add_sink(&self.sink);
            Ok::<_, Error>(Opened { hub, runs })
        });
        let opened = opened.await?;
        // Done here and in `watch`, since either may come first.
        self.subscribe(opened);
        Ok(opened.clone())
    }

    fn subscribe(&self, opened: &Opened) {
        let subscription = lock(&self.subscription);
        let Some(subscription) = subscription.as_ref() else { return };
        if !subscription.is_on.swap(true, Ordering::AcqRel) {
            opened.hub.wakes.add(subscription);
            opened.hub.wakes.subscribed();
            opened.hub.watch.want_everything();
        }
    }

    fn unsubscribe(&self) {
        let subscription = lock(&self.subscription).take();
        let was_on = subscription.is_some_and(|subscription| subscription.is_on.load(Ordering::Acquire));
        if let (true, Some(opened)) = (was_on, self.if_opened()) {
            opened.hub.wakes.unsubscribed();
            opened.hub.watch.no_longer_want_everything();
        }
    }

    /// Waits for a call of this engine, but no longer than until the shutdown is over. A server that does not answer
    /// must not hold a caller up then.
    ///
    /// # Errors
    /// As the call. If the call was cut off, it may have happened or not.
    pub async fn while_alive<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            // A call that begins after the end has an error of its own.
            biased;
            outcome = call => outcome,
            // The wait ends only when the semaphore is closed.
            _ = self.life.acquire() => Err(Error::cut_off()),
        }
    }

    /// The open parts, if any are.
    fn if_opened(&self) -> Option<Opened> {
        lock(&self.opened).get().cloned()
    }

    async fn hub(&self) -> Result<Arc<Hub>> {
        Ok(self.opened().await?.hub)
    }
}

/// Tries again while the server is away, for as long as callers are asked to wait.
pub(crate) async fn retried<T, F>(hub: &Hub, operation: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    retrying(hub.patience, operation).await
}
