//! The engine as its users see it: one collection, all operations, and the processors that run on it.

#[cfg(feature = "hot-paths")]
pub mod hot_paths;
mod processing;
mod transactions;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use mongodb::bson::{Document, RawDocumentBuf};
use tokio::{
    sync::{OnceCell, Semaphore},
    task::JoinSet,
};

use crate::{
    base::{
        error::{Error, ErrorKind, Result},
        patience::{Patience, retrying},
        sync::lock,
    },
    connection::{
        ConnectionSettings,
        registry::{SharedClient, shared_client},
    },
    job::{
        document::{ClaimedJob, NewJob},
        verdict::{Settled, Verdict},
    },
    report::{
        event::{Event, LogLevel, Sink, StreamState},
        outage::OutageLog,
    },
    store::{holders, indexes, server_check},
    verbs::{
        claim::{one, taking::LeaseKind, tokens::ClaimTokens},
        claim_or_enqueue,
        enqueue::request::Enqueued,
        log::{self, LogBounds},
        recover::{self, Sweep},
        renew, retain,
        settle::{carry_out, planned::Settlement},
        stats::{self, Stats},
    },
    wake::hints::{Audience, Listener, Wake},
    worker::{dispatch::slots::Slots, hub::Hub, reaper::Recovery, runs::Runs},
};

/// What an engine works on.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The database's name.
    pub database: String,
    /// The collection's name.
    pub collection: String,
    /// Whether [`Engine::startup`] opens a change stream.
    pub use_change_streams: bool,
    /// How much a job's log may hold.
    pub log_bounds: LogBounds,
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
    subscription: Mutex<Option<Arc<Subscription>>>,
    claim_outages: Arc<OutageLog>,
    /// The shutdown has begun: no processor may start any more.
    is_ending: AtomicBool,
    /// It is over.
    is_shut_down: AtomicBool,
    /// Closed when it is over.
    life: Semaphore,
}

/// What exists once the client does.
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
            options,
            sink,
            opened: Mutex::default(),
            processors: Mutex::default(),
            next_processor_id: AtomicU32::new(1),
            tasks: Mutex::default(),
            recovery: Arc::default(),
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
            let hub = Hub::of(&self.client, &self.options.database, &self.options.collection).await?;
            let runs = Runs::new(hub.clone(), self.sink.clone());
            hub.watch.add_sink(&self.sink);
            Ok::<_, Error>(Opened { hub, runs })
        });
        let opened = opened.await?;
        // Here and in `watch`, since either may come first.
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

    /// Waits for a call of this engine, but no longer than until the shutdown is over: a server that does not answer
    /// must hold nobody up then.
    ///
    /// # Errors
    /// As the call; or it was cut off, and what was asked for may have happened or not.
    pub async fn while_alive<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            // A call that begins after the end has an error of its own.
            biased;
            outcome = call => outcome,
            // The only way to get through is that it is closed.
            _ = self.life.acquire() => Err(Error::cut_off()),
        }
    }

    /// What is open, if anything is.
    fn if_opened(&self) -> Option<Opened> {
        lock(&self.opened).get().cloned()
    }

    async fn hub(&self) -> Result<Arc<Hub>> {
        Ok(self.opened().await?.hub)
    }

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
        indexes::ensure(&hub.store).await?;
        hub.started();
        if self.options.use_change_streams {
            hub.start_stream().await?;
        }
        Ok(())
    }

    /// Creates a job; its id, or none if its key is held.
    ///
    /// # Errors
    /// The server can't be reached for half a minute, or refuses.
    pub async fn enqueue(&self, job: NewJob) -> Result<Option<String>> {
        self.hub().await?.enqueuer.enqueue_one(job).await
    }

    /// Creates any number of jobs, in their order; what became of each.
    ///
    /// # Errors
    /// The engine is shut down. What goes wrong with single jobs stands in their places.
    pub async fn enqueue_many(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>> {
        self.hub().await?.enqueuer.enqueue(jobs).await
    }

    /// Creates a job and claims it at once, or none if its key is held.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn claim_or_enqueue(&self, job: NewJob) -> Result<Option<ClaimedJob>> {
        let hub = self.hub().await?;
        claim_or_enqueue::claim_or_enqueue(&hub.store, &hub.enqueuer, job, hub.patience).await
    }

    /// Claims the next due job of a type, to be settled by hand.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn claim_next(&self, job_type: &str) -> Result<Option<ClaimedJob>> {
        let hub = self.hub().await?;
        let (kind, mut tokens) = (LeaseKind::Manual, ClaimTokens::new());
        let claimed =
            one::claim_one(&hub.store, &hub.unwritable, job_type, kind, &mut tokens, hub.patience).await?;
        Ok(claimed.jobs.acknowledged(&hub.store, tokens.current()).await?.pop())
    }

    /// Claims the due job of this type and key, to be settled by hand.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn claim_next_by_key(&self, job_type: &str, key: &str) -> Result<Option<ClaimedJob>> {
        let hub = self.hub().await?;
        one::claim_by_key(&hub.store, job_type, key, LeaseKind::Manual, hub.patience).await
    }

    /// Settles a claim: fenced if there is a token.
    ///
    /// # Errors
    /// As [`Self::enqueue`]. That the job isn't the caller's is no error but a result.
    pub async fn settle(
        &self,
        id: &str,
        token: Option<&str>,
        verdict: Verdict,
        reason: Option<String>,
    ) -> Result<Settled> {
        let hub = self.hub().await?;
        let header = retried(&hub, || carry_out::header_of(&hub.store, id, token)).await?;
        let Some(header) = header else {
            return Ok(Settled::NotFound);
        };
        let settlement =
            Settlement { header: header.clone().into(), verdict, reason, is_only_settler: false };
        let settled = carry_out::settle_one(&hub.store, settlement, hub.patience).await?;
        self.opened().await?.runs.pass_on(&header, settled);
        Ok(settled)
    }

    /// Renews a lease once; whether it was the caller's.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn heartbeat(&self, id: &str, token: Option<&str>) -> Result<bool> {
        let hub = self.hub().await?;
        retried(&hub, || renew::heartbeat(&hub.store, id, token)).await
    }

    /// Renews active jobs, whoever holds them; how many there were.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn batch_heartbeat(&self, ids: Vec<String>) -> Result<u64> {
        let hub = self.hub().await?;
        retried(&hub, || renew::heartbeat_many(&hub.store, ids.clone())).await
    }

    /// Adds a message to a job's log. A job that is gone, or not the caller's any more, is no error.
    ///
    /// # Errors
    /// The server can't be reached, or refuses.
    pub async fn log(&self, id: &str, token: Option<&str>, message: &str) -> Result<()> {
        let hub = self.hub().await?;
        log::append(&hub.store, id, token, message, self.options.log_bounds).await?;
        Ok(())
    }

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

    /// Takes up to `most` expired leases away.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn recover_stuck_jobs(&self, visibility_timeout: Duration, most: usize) -> Result<Sweep> {
        let hub = self.hub().await?;
        let timeout_ms = i64::try_from(visibility_timeout.as_millis()).unwrap_or(i64::MAX);
        retried(&hub, || recover::recover(&hub.store, &hub.wakes, &hub.unwritable, timeout_ms, most)).await
    }

    /// Removes jobs that ended longer ago than `max_age`; how many.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn clean_up(&self, max_age: Duration) -> Result<u64> {
        let hub = self.hub().await?;
        retain::clean_up(&hub.store, i64::try_from(max_age.as_millis()).unwrap_or(i64::MAX)).await
    }

    /// Removes every job.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn reset_storage(&self) -> Result<()> {
        retain::reset(&self.hub().await?.store).await
    }

    /// How the change stream is doing.
    pub fn stream_state(&self) -> StreamState {
        self.if_opened().map(|opened| opened.hub.watch.state()).unwrap_or_default()
    }
}

/// Tries again while the server is away, for as long as callers are asked to wait.
pub(crate) async fn retried<T, F>(hub: &Hub, operation: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    retrying(hub.patience, operation).await
}
