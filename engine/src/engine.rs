//! The engine as its users see it: one collection, all operations, and the processors that run on it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use mongodb::bson::{Document, RawDocumentBuf};
use tokio::{sync::OnceCell, task::JoinSet};

use crate::{
    claim::{self, LeaseKind},
    claim_or_enqueue,
    connection::{ConnectionSettings, SharedClient, shared_client},
    dedupe,
    dispatch::{Dispatcher, HandOver, ProcessorConfig, Slots},
    error::{Error, Result},
    event::{Sink, StreamState},
    hub::{Hub, PATIENCE},
    indexes,
    job::{ClaimedJob, NewJob},
    job_log::{self, LogBounds},
    lease::LeaseTerms,
    patience::Patience,
    reaper::{self, Sweep},
    recovery::Recovery,
    renewal, retention,
    runs::{RunVerdict, Runs},
    server_check,
    settle::{self, Settled, Settlement},
    stats::{self, Stats},
    transition::Verdict,
    wake::{Listener, Wake, lock},
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
    opened: OnceCell<Opened>,
    processors: Mutex<HashMap<u32, Arc<Slots>>>,
    next_processor_id: AtomicU32,
    tasks: Mutex<JoinSet<()>>,
    recovery: Arc<Recovery>,
    subscription: Mutex<Option<Arc<Subscription>>>,
    is_shut_down: AtomicBool,
}

/// What exists once the client does.
struct Opened {
    hub: Arc<Hub>,
    runs: Arc<Runs>,
}

/// Passes wake-ups on to the sink.
struct Subscription(Arc<dyn Sink>);

impl Listener for Subscription {
    fn wake(&self, wake: &Wake) {
        let job_type = match wake {
            Wake::Any => None,
            Wake::Type(job_type) => Some(job_type.clone()),
        };
        self.0.event(crate::event::Event::Wake(job_type));
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
            opened: OnceCell::new(),
            processors: Mutex::default(),
            next_processor_id: AtomicU32::new(1),
            tasks: Mutex::default(),
            recovery: Arc::default(),
            subscription: Mutex::default(),
            is_shut_down: AtomicBool::new(false),
        })
    }

    async fn opened(&self) -> Result<&Opened> {
        if self.is_shut_down.load(Ordering::Acquire) {
            return Err(Error::shut_down());
        }
        self.opened
            .get_or_try_init(|| async {
                let hub = Hub::of(&self.client, &self.options.database, &self.options.collection).await?;
                let runs = Runs::new(hub.clone(), self.sink.clone());
                hub.watch.add_sink(&self.sink);
                if let Some(subscription) = lock(&self.subscription).as_ref() {
                    hub.wakes.add(subscription);
                    hub.watch.set_everything(true);
                }
                Ok(Opened { hub, runs })
            })
            .await
    }

    async fn hub(&self) -> Result<&Arc<Hub>> {
        Ok(&self.opened().await?.hub)
    }

    /// Checks the server, creates the indexes, and opens the change stream if it was asked for.
    ///
    /// # Errors
    /// A server that can't be reached or that can't be worked with; an index that can't be made.
    pub async fn startup(&self) -> Result<()> {
        let hub = self.hub().await?;
        let mut patience = Patience::new(PATIENCE);
        while let Err(error) = self.try_startup(hub).await {
            patience.pause_after(error).await?;
        }
        Ok(())
    }

    async fn try_startup(&self, hub: &Hub) -> Result<()> {
        server_check::check(&hub.store, self.options.use_change_streams).await?;
        indexes::ensure(&hub.store).await?;
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
        self.hub().await?.enqueuer.enqueue(job).await
    }

    /// Creates a job and claims it at once, or none if its key is held; see [`crate::claim_or_enqueue`].
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn claim_or_enqueue(&self, job: NewJob) -> Result<Option<ClaimedJob>> {
        let hub = self.hub().await?;
        claim_or_enqueue::claim_or_enqueue(&hub.store, &hub.enqueuer, job, PATIENCE).await
    }

    /// Claims the next due job of a type, to be settled by hand.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn claim_next(&self, job_type: &str) -> Result<Option<ClaimedJob>> {
        let hub = self.hub().await?;
        claim::claim_one(&hub.store, job_type, LeaseKind::Manual, PATIENCE).await
    }

    /// Claims the due job of this type and key, to be settled by hand.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn claim_next_by_key(&self, job_type: &str, key: &str) -> Result<Option<ClaimedJob>> {
        let hub = self.hub().await?;
        claim::claim_by_key(&hub.store, job_type, key, LeaseKind::Manual, PATIENCE).await
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
        let header = retried(|| settle::header_of(&hub.store, id, token)).await?;
        let Some(header) = header else {
            return Ok(Settled::NotFound);
        };
        let settlement = Settlement { header: header.clone(), verdict, reason, is_only_settler: false };
        let settled = settle::settle_one(&hub.store, settlement, PATIENCE).await?;
        self.opened().await?.runs.pass_on(&header, settled);
        Ok(settled)
    }

    /// Renews a lease once; whether it was the caller's.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn heartbeat(&self, id: &str, token: Option<&str>) -> Result<bool> {
        let hub = self.hub().await?;
        retried(|| renewal::heartbeat(&hub.store, id, token)).await
    }

    /// Renews active jobs, whoever holds them; how many there were.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn batch_heartbeat(&self, ids: Vec<String>) -> Result<u64> {
        let hub = self.hub().await?;
        retried(|| renewal::heartbeat_many(&hub.store, ids.clone())).await
    }

    /// Adds a message to a job's log. A job that is gone, or not the caller's any more, is no error.
    ///
    /// # Errors
    /// The server can't be reached, or refuses.
    pub async fn log(&self, id: &str, token: Option<&str>, message: &str) -> Result<()> {
        let hub = self.hub().await?;
        job_log::append(&hub.store, id, token, message, self.options.log_bounds).await?;
        Ok(())
    }

    /// Whether a job of this type and key is pending or active.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn has_outstanding(&self, job_type: &str, key: &str) -> Result<bool> {
        let hub = self.hub().await?;
        retried(|| dedupe::has_outstanding(&hub.store, job_type, key)).await
    }

    /// The first job that matches, with its logs.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn find_one(&self, filter: Document) -> Result<Option<RawDocumentBuf>> {
        let hub = self.hub().await?;
        retried(|| async { Ok(hub.store.jobs().find_one(filter.clone()).await?) }).await
    }

    /// Counts of one type, or of all.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn stats(&self, job_type: Option<&str>) -> Result<Stats> {
        let hub = self.hub().await?;
        retried(|| stats::stats(&hub.store, job_type)).await
    }

    /// Takes up to `most` expired leases away.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn recover_stuck_jobs(&self, visibility_timeout: Duration, most: usize) -> Result<Sweep> {
        let hub = self.hub().await?;
        let timeout_ms = i64::try_from(visibility_timeout.as_millis()).unwrap_or(i64::MAX);
        retried(|| reaper::recover(&hub.store, &hub.wakes, timeout_ms, most)).await
    }

    /// Removes jobs that ended longer ago than `max_age`; how many.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn clean_up(&self, max_age: Duration) -> Result<u64> {
        let hub = self.hub().await?;
        retention::clean_up(&hub.store, i64::try_from(max_age.as_millis()).unwrap_or(i64::MAX)).await
    }

    /// Removes every job.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn reset_storage(&self) -> Result<()> {
        retention::reset(&self.hub().await?.store).await
    }

    /// Starts to claim jobs of a type, for as long as the engine is not shut down. They arrive at the sink with the id
    /// returned.
    pub fn process(self: &Arc<Self>, config: ProcessorConfig) -> u32 {
        let id = self.next_processor_id.fetch_add(1, Ordering::Relaxed);
        let slots = Arc::new(Slots::new(id, config));
        lock(&self.processors).insert(id, slots.clone());
        let engine = self.clone();
        lock(&self.tasks).spawn(async move {
            let Some((hub, runs)) = engine.opened_at_last(&slots).await else {
                return;
            };
            hub.watch.add_type(&slots.config.job_type);
            hub.wakes.add(&slots);
            let sink = engine.sink.clone();
            drop(engine);
            Dispatcher { hub, slots, sink, runs }.run().await;
        });
        id
    }

    /// The hub, as soon as it can be had: a processor outlasts a name server that is away.
    async fn opened_at_last(&self, slots: &Slots) -> Option<(Arc<Hub>, Arc<dyn HandOver>)> {
        let mut outage = crate::outage::Outage::new("opening the connection");
        while !slots.is_stopped() {
            match self.opened().await {
                Ok(opened) => return Some((opened.hub.clone(), opened.runs.clone())),
                Err(error) => tokio::time::sleep(outage.failed(&error, self.sink.as_ref())).await,
            }
        }
        None
    }

    /// Ends runs. Unknown ones, and those whose lease was reported lost, are ignored.
    pub fn finish(&self, verdicts: impl IntoIterator<Item = RunVerdict>) {
        if let Some(opened) = self.opened.get() {
            opened.runs.finish(verdicts);
        }
    }

    /// Turns a claim made by hand into a managed run; its id, or none if the claim is not the caller's any more.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn adopt(&self, id: &str, token: &str, visibility_timeout: Duration) -> Result<Option<u32>> {
        let Opened { hub, runs } = self.opened().await?;
        let Some(header) = retried(|| settle::header_of(&hub.store, id, Some(token))).await? else {
            return Ok(None);
        };
        let terms = LeaseTerms::new(visibility_timeout, None);
        let sent = Instant::now();
        let is_ours = retried(|| renewal::adopt(&hub.store, id, token, terms)).await?;
        Ok(is_ours.then(|| runs.adopt(header, terms, sent)))
    }

    /// Stops the claims of these processors for good.
    pub fn quiesce(&self, processor_ids: &[u32]) {
        let processors = lock(&self.processors);
        for slots in processor_ids.iter().filter_map(|id| processors.get(id)) {
            slots.stop();
        }
    }

    /// Starts the sweeps; the shortest timeout asked for wins.
    pub fn start_recovery(self: &Arc<Self>, visibility_timeout: Duration) {
        if !self.recovery.ask(visibility_timeout) {
            return;
        }
        let (engine, recovery) = (self.clone(), self.recovery.clone());
        lock(&self.tasks).spawn(async move {
            let mut pause = crate::patience::Backoff::default();
            let hub = loop {
                match engine.hub().await {
                    Ok(hub) => break hub.clone(),
                    Err(_) if engine.is_shut_down.load(Ordering::Acquire) => return,
                    Err(_) => tokio::time::sleep(pause.next_pause()).await,
                }
            };
            let sink = engine.sink.clone();
            drop(engine);
            recovery.run(hub, sink).await;
        });
    }

    /// Sends wake-ups to the sink, or stops to.
    pub fn watch(&self, enabled: bool) {
        let mut subscription = lock(&self.subscription);
        if enabled == subscription.is_some() {
            return;
        }
        *subscription = enabled.then(|| Arc::new(Subscription(self.sink.clone())));
        if let Some(opened) = self.opened.get() {
            opened.hub.watch.set_everything(enabled);
            if let Some(subscription) = subscription.as_ref() {
                opened.hub.wakes.add(subscription);
            }
        }
    }

    /// How the change stream is doing.
    pub fn stream_state(&self) -> StreamState {
        self.opened.get().map(|opened| opened.hub.watch.state()).unwrap_or_default()
    }

    /// Ends everything: no more claims, what is still running is released, verdicts on the way are written. Resolves
    /// within `timeout`, whatever the server does. Twice is harmless.
    pub async fn shutdown(&self, timeout: Duration) {
        for slots in lock(&self.processors).values() {
            slots.stop();
        }
        _ = tokio::time::timeout(timeout, self.wind_down()).await;
        self.is_shut_down.store(true, Ordering::Release);
        lock(&self.tasks).abort_all();
        lock(&self.subscription).take();
    }

    async fn wind_down(&self) {
        let Some(Opened { runs, .. }) = self.opened.get() else {
            return;
        };
        runs.release_all();
        // A claim on its way when its processor was stopped gives its jobs back when it arrives.
        let stopped: Vec<Arc<Slots>> = lock(&self.processors).values().cloned().collect();
        for slots in stopped {
            slots.ended_claiming().await;
        }
        runs.all_settled().await;
    }
}

/// Tries again while the server is away, for as long as callers are asked to wait.
async fn retried<T, F>(mut operation: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let mut patience = Patience::new(PATIENCE);
    loop {
        match operation().await {
            Ok(value) => return Ok(value),
            Err(error) => patience.pause_after(error).await?,
        }
    }
}
