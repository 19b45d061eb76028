//! Processors, and the runs of their jobs.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::OnceCell;

use super::{Engine, Opened, Subscription, retried};
use crate::{
    base::{
        error::{Error, Result},
        sync::lock,
    },
    job::lease::LeaseTerms,
    report::{
        event::StreamState,
        outage::Outage,
        tasks::{self, Task},
    },
    verbs::{renew, settle::carry_out},
    worker::{
        dispatch::{
            Dispatcher,
            slots::{ProcessorConfig, Slots},
        },
        hub::Hub,
        runs::{FreedSlot, RunVerdict},
    },
};

/// Renewals of a handle whose answers all came too late, until it is given up.
const MOST_ADOPTIONS: usize = 5;

/// After the end of a processor's task nothing claims for it, even if it ended before it began or in mid-flight with
/// its engine.
struct Ending(Arc<Slots>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.stop();
        self.0.ended_dispatching();
    }
}

impl Engine {
    /// Starts to claim jobs of a type, for as long as the engine is not shut down. They arrive at the sink with the id
    /// returned.
    pub fn process(self: &Arc<Self>, config: ProcessorConfig) -> u32 {
        let id = self.next_processor_id.fetch_add(1, Ordering::Relaxed);
        let slots = Arc::new(Slots::new(id, config));
        _ = slots.retention.set(self.retention.clone());
        lock(&self.processors).insert(id, slots.clone());
        // After the insertion: either the shutdown finds the processor, or the processor finds the shutdown.
        if self.is_ending.load(Ordering::Acquire) {
            slots.stop();
        }
        let ending = Ending(slots.clone());
        let (engine, dispatcher) = (Arc::downgrade(self), Arc::new(OnceCell::new()));
        let dispatching = tasks::kept(Task::Processor, self.sink.clone(), move || {
            let (engine, slots, dispatcher) = (engine.clone(), slots.clone(), dispatcher.clone());
            async move {
                let open = async || {
                    let engine = engine.upgrade()?;
                    engine.dispatcher_at_last(slots.clone()).await
                };
                if let Some(dispatcher) = dispatcher.get_or_init(open).await {
                    dispatcher.run().await;
                }
            }
        });
        lock(&self.tasks).spawn(async move {
            let _ending = ending;
            dispatching.await;
        });
        id
    }

    /// A dispatcher, as soon as the hub can be had: a processor outlasts a name server that is away.
    async fn dispatcher_at_last(&self, slots: Arc<Slots>) -> Option<Dispatcher> {
        let mut outage = Outage::new("opening the connection");
        while !slots.is_stopped() {
            outage.begin();
            match self.opened().await {
                Ok(Opened { hub, runs }) => {
                    let (sink, outages) = (self.sink.clone(), self.claim_outages.clone());
                    return Some(Dispatcher::new(hub, slots, sink, runs, outages));
                }
                Err(error) => tokio::time::sleep(outage.failed(&error, self.sink.as_ref())).await,
            }
        }
        None
    }

    /// Ends runs. Unknown ones, and those whose lease was reported lost, are ignored. False if the engine has been shut
    /// down: then no verdict is written, and no answer comes.
    pub fn finish(&self, verdicts: impl IntoIterator<Item = RunVerdict>) -> bool {
        let Some(Opened { runs, .. }) = self.if_opened() else { return false };
        runs.finish(verdicts);
        true
    }

    /// Those of these runs whose handlers may not be started any more: their leases are lost or over, or the jobs have
    /// been given back. A caller that has kept a run waiting asks before it starts the handler. The event may still be
    /// on its way, and after a pause of the whole process nothing has noticed the loss yet.
    #[must_use]
    pub fn gone_among(&self, run_ids: &[u32]) -> Vec<u32> {
        match self.if_opened() {
            Some(Opened { runs, .. }) => runs.gone_among(run_ids),
            None => run_ids.to_vec(),
        }
    }

    /// Handlers have ended whose runs had ended before: settled by themselves, completed in a transaction, or lost.
    /// Every run that is handed over ends in a verdict that frees its slot, or here.
    pub fn free(&self, freed: impl IntoIterator<Item = FreedSlot>) {
        if let Some(Opened { runs, .. }) = self.if_opened() {
            runs.free(freed);
        }
    }

    /// Turns a claim made by hand into a managed run; its id, or none if the claim is not the caller's any more.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn adopt(&self, id: &str, token: &str, visibility_timeout: Duration) -> Result<Option<u32>> {
        let Opened { hub, runs } = self.opened().await?;
        let Some(header) = retried(&hub, || carry_out::header_of(&hub.store, id, Some(token))).await? else {
            return Ok(None);
        };
        let terms = LeaseTerms::new(visibility_timeout, None);
        let Some(sent) = adopted(&hub, id, token, terms).await? else {
            return Ok(None);
        };
        let run_id = runs.adopt(header, terms, sent);
        if self.is_shut_down.load(Ordering::Acquire) {
            // No handler is left to end the run: it would be renewed for as long as the process lives.
            runs.take_back_all();
            return Err(Error::shut_down());
        }
        Ok(Some(run_id))
    }

    /// Sets the number of handlers of this processor that run at once from now on; none with 0.
    pub fn set_concurrency(&self, processor_id: u32, concurrency: usize) {
        if let Some(slots) = lock(&self.processors).get(&processor_id) {
            slots.set_concurrency(concurrency);
        }
    }

    /// Stops the claims of this processor for good, and waits until none is on its way.
    pub async fn stop_processor(&self, processor_id: u32) {
        let Some(slots) = lock(&self.processors).get(&processor_id).cloned() else { return };
        slots.stop();
        slots.ended_claiming().await;
    }

    /// Stops the claims of these processors for good.
    pub fn quiesce(&self, processor_ids: &[u32]) {
        let processors = lock(&self.processors);
        for slots in processor_ids.iter().filter_map(|id| processors.get(id)) {
            slots.stop();
        }
    }

    /// Sends wake-ups to the sink, or stops to.
    pub fn watch(&self, enabled: bool) {
        if !enabled {
            return self.unsubscribe();
        }
        lock(&self.subscription).get_or_insert_with(|| {
            Arc::new(Subscription { sink: self.sink.clone(), is_on: AtomicBool::new(false) })
        });
        if let Some(opened) = self.if_opened() {
            self.subscribe(&opened);
        }
    }

    /// The state of the change stream.
    pub fn stream_state(&self) -> StreamState {
        self.if_opened().map(|opened| opened.hub.watch.state()).unwrap_or_default()
    }
}

/// Makes the lease of a claim by hand a managed one that is worth running under, and tells when that was sent. None if
/// the claim is another's. An answer that was long on its way came too late: by then the lease counts as lost.
async fn adopted(hub: &Hub, id: &str, token: &str, terms: LeaseTerms) -> Result<Option<Instant>> {
    for _ in 0..MOST_ADOPTIONS {
        let sent = Mutex::new(Instant::now());
        let is_ours = retried(hub, || {
            *lock(&sent) = Instant::now();
            renew::adopt(&hub.store, id, token, terms)
        });
        if !is_ours.await? {
            return Ok(None);
        }
        let sent = *lock(&sent);
        if terms.is_worth_starting(sent, Instant::now()) {
            return Ok(Some(sent));
        }
    }
    Ok(None)
}
