//! The parts that all engines on one collection of one client share: the writers, the renewals, the timers and the
//! stream.

use std::{
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::OnceCell, task::JoinHandle};

use super::{
    canceller,
    journal_writer::JournalWriter,
    renewer::Renewer,
    retention,
    upkeep::{About, Upkeep},
    verdict_writer::VerdictWriter,
};
use crate::{
    base::{error::Result, sync::lock},
    connection::registry::SharedClient,
    report::{
        event::{Sink, StreamState},
        tasks::{self, Task},
        unwritable::Unwritable,
    },
    store::{
        collection::{Store, Stores},
        side::Side,
    },
    verbs::{enqueue::enqueuer::Enqueuer, recover::Reports},
    wake::{
        hints::WakeHub,
        stream::{
            follow,
            watch::{AllSinks, Watch},
        },
    },
};

/// The longest silence of a processor whose user named none.
const POLL_WITHOUT_PUSH: Duration = Duration::from_secs(5);
const POLL_WITH_PUSH: Duration = Duration::from_secs(60);

/// The shared half of the engines on one collection.
pub(crate) struct Hub {
    pub(crate) store: Arc<Store>,
    pub(crate) wakes: Arc<WakeHub>,
    pub(crate) enqueuer: Enqueuer,
    pub(crate) verdict_writer: VerdictWriter,
    pub(crate) journal_writer: JournalWriter,
    pub(crate) renewer: Arc<Renewer>,
    pub(crate) upkeep: Arc<Upkeep>,
    pub(crate) watch: Arc<Watch>,
    /// The jobs that only a person can help.
    pub(crate) unwritable: Arc<Unwritable>,
    /// Time that calls keep trying while the server is away.
    pub(crate) patience: Duration,
    stream: OnceCell<()>,
    is_started: AtomicBool,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// Keeps the client, and so its place in the registry.
    client: Arc<SharedClient>,
    namespace: (String, String),
}

/// The hubs in use, as few as there are collections.
static HUBS: Mutex<Vec<Weak<Hub>>> = Mutex::new(Vec::new());

impl Hub {
    /// Receivers of the findings of sweeps.
    pub(crate) fn reports(&self) -> Reports<'_> {
        Reports { unwritable: &self.unwritable, tallies: &self.upkeep.tallies }
    }

    /// The hub of a collection: the one in use, or a new one.
    pub(crate) async fn of(
        client: &Arc<SharedClient>,
        database: &str,
        collection: &str,
        about: &About,
    ) -> Result<Arc<Self>> {
        let connection = client.client().await?.clone();
        let patience = client.patience().await?;
        let primary = client.primary().await?;
        let lanes = client.lanes().await?;
        let namespace = (database.to_owned(), collection.to_owned());
        let mut hubs = lock(&HUBS);
        hubs.retain(|hub| hub.strong_count() > 0);
        let known = hubs
            .iter()
            .filter_map(Weak::upgrade)
            .find(|hub| Arc::ptr_eq(&hub.client, client) && hub.namespace == namespace);
        if let Some(known) = known {
            return Ok(known);
        }
        let stores = Stores::new(&connection, primary, lanes, database);
        let (store, side) = (stores.collection(collection), Side::beside(&stores, collection));
        let hub = Arc::new(Self::start(client.clone(), store, side, about.clone(), namespace, patience));
        hubs.push(Arc::downgrade(&hub));
        Ok(hub)
    }

    fn start(
        client: Arc<SharedClient>,
        store: Store,
        side: Side,
        about: About,
        namespace: (String, String),
        patience: Duration,
    ) -> Self {
        let store = Arc::new(store);
        let wakes = Arc::new(WakeHub::default());
        let watch = Arc::new(Watch::default());
        let sinks: Arc<dyn Sink> = Arc::new(AllSinks(watch.clone()));
        let unwritable = Arc::new(Unwritable::new(sinks.clone()));
        let renewer = Arc::new(Renewer::new(unwritable.clone(), sinks.clone()));
        let upkeep = Arc::new(Upkeep::new(Arc::new(side), about, wakes.clone(), sinks.clone()));
        let looks = tasks::keep(Task::Upkeep, sinks.clone(), {
            let upkeep = upkeep.clone();
            move || {
                let upkeep = upkeep.clone();
                async move { upkeep.run().await }
            }
        });
        let removals = tasks::keep(Task::Retention, sinks.clone(), {
            let (store, upkeep, sinks) = (store.clone(), upkeep.clone(), sinks.clone());
            move || {
                let (store, upkeep, sinks) = (store.clone(), upkeep.clone(), sinks.clone());
                async move { retention::run(&store, &upkeep, &sinks).await }
            }
        });
        let timers = tasks::keep(Task::Timers, sinks.clone(), {
            let wakes = wakes.clone();
            move || {
                let wakes = wakes.clone();
                async move { wakes.run_timers().await }
            }
        });
        let renewals = tasks::keep(Task::Renewals, sinks.clone(), {
            let (renewer, store) = (renewer.clone(), store.clone());
            move || {
                let (renewer, store) = (renewer.clone(), store.clone());
                async move { renewer.run(&store).await }
            }
        });
        let cancellations = tasks::keep(Task::Cancellations, sinks.clone(), {
            let (renewer, store, wakes) = (renewer.clone(), store.clone(), wakes.clone());
            move || {
                let (renewer, store, wakes) = (renewer.clone(), store.clone(), wakes.clone());
                async move { canceller::run(&store, &wakes, &renewer).await }
            }
        });
        Self {
            enqueuer: Enqueuer::start(store.clone(), wakes.clone(), sinks.clone(), patience),
            verdict_writer: VerdictWriter::start(&store, &sinks),
            journal_writer: JournalWriter::start(&store, &sinks),
            watch,
            unwritable,
            patience,
            stream: OnceCell::new(),
            is_started: AtomicBool::new(false),
            tasks: Mutex::new(vec![timers, renewals, looks, removals, cancellations]),
            store,
            wakes,
            renewer,
            upkeep,
            client,
            namespace,
        }
    }

    /// The collection has its right form: from now on it is kept so.
    pub(crate) fn started(&self) {
        self.is_started.store(true, Ordering::Release);
    }

    pub(crate) fn is_started(&self) -> bool {
        self.is_started.load(Ordering::Acquire)
    }

    /// Opens the change stream if it isn't open.
    pub(crate) async fn start_stream(&self) -> Result<()> {
        let start = || async {
            let first = follow::open_first(&self.watch, &self.store).await?;
            let (watch, store, wakes) = (self.watch.clone(), self.store.clone(), self.wakes.clone());
            let sinks = Arc::new(AllSinks(watch.clone()));
            let mut first = Some(first);
            lock(&self.tasks).push(tasks::keep(Task::Stream, sinks, move || {
                follow::follow(watch.clone(), store.clone(), wakes.clone(), first.take())
            }));
            Ok(())
        };
        self.stream.get_or_try_init(start).await.copied()
    }

    /// True if wake-ups really arrive.
    pub(crate) fn is_pushed(&self) -> bool {
        match self.watch.state() {
            StreamState::Streaming => true,
            StreamState::Off | StreamState::Connecting | StreamState::Reconnecting => false,
        }
    }

    pub(crate) fn default_poll_interval(&self) -> Duration {
        if self.is_pushed() { POLL_WITH_PUSH } else { POLL_WITHOUT_PUSH }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        for task in lock(&self.tasks).drain(..) {
            task.abort();
        }
    }
}
