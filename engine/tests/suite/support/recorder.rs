//! A sink that remembers everything and lets tests wait for it.

use std::sync::{
    Condvar, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use durabl_engine::{Event, Result, Settled, Sink, StreamState};
use mongodb::bson::{DateTime, Document};
use tokio::sync::{Notify, mpsc};

use super::waiting::in_time;

/// A job as it was handed over.
#[derive(Debug, Clone)]
pub(crate) struct Delivered {
    pub(crate) run_id: u32,
    pub(crate) processor_id: u32,
    pub(crate) document: Document,
}

impl Delivered {
    pub(crate) fn id(&self) -> &str {
        self.document.get_str("_id").expect("a string id")
    }
}

/// Events in order, and jobs in a queue of their own.
pub(crate) struct Recorder {
    events: Mutex<Vec<Event>>,
    last_loss: Mutex<Option<DateTime>>,
    changed: Notify,
    is_responsive: AtomicBool,
    outcomes: Outcomes,
    deliveries: mpsc::UnboundedSender<Delivered>,
    inbox: tokio::sync::Mutex<mpsc::UnboundedReceiver<Delivered>>,
}

/// The events that a test may keep from arriving.
#[derive(Default)]
struct Outcomes {
    are_held: Mutex<bool>,
    let_go: Condvar,
    have_come: Notify,
}

impl Outcomes {
    fn come(&self) {
        let held = self.are_held.lock().unwrap_or_else(PoisonError::into_inner);
        self.have_come.notify_one();
        drop(self.let_go.wait_while(held, |held| *held));
    }

    fn hold(&self, held: bool) {
        *self.are_held.lock().unwrap_or_else(PoisonError::into_inner) = held;
        self.let_go.notify_all();
    }
}

impl Default for Recorder {
    fn default() -> Self {
        let (deliveries, inbox) = mpsc::unbounded_channel();
        Self {
            events: Mutex::default(),
            last_loss: Mutex::default(),
            changed: Notify::new(),
            is_responsive: AtomicBool::new(true),
            outcomes: Outcomes::default(),
            deliveries,
            inbox: tokio::sync::Mutex::new(inbox),
        }
    }
}

impl Sink for Recorder {
    fn event(&self, event: Event) {
        if let Event::Jobs { processor_id, run_ids, documents } = &event {
            for (run_id, document) in run_ids.iter().zip(split(documents)) {
                let delivered = Delivered { run_id: *run_id, processor_id: *processor_id, document };
                _ = self.deliveries.send(delivered);
            }
        }
        if let Event::LeaseLost(_) = &event {
            *self.last_loss.lock().unwrap_or_else(PoisonError::into_inner) = Some(DateTime::now());
        }
        if let Event::Settled(_) = &event {
            self.outcomes.come();
        }
        self.lock().push(event);
        self.changed.notify_waiters();
    }

    fn is_responsive(&self) -> bool {
        self.is_responsive.load(Ordering::Acquire)
    }
}

impl Recorder {
    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether whatever runs the handlers still answers.
    pub(crate) fn set_responsive(&self, responsive: bool) {
        self.is_responsive.store(responsive, Ordering::Release);
    }

    /// Keeps outcomes from arriving until they may. It blocks the thread that brings them, so a test needs several.
    pub(crate) fn hold_outcomes(&self, held: bool) {
        self.outcomes.hold(held);
    }

    /// Outcomes have come, held or not.
    pub(crate) async fn outcomes_have_come(&self) {
        in_time("outcomes", self.outcomes.have_come.notified()).await;
    }

    /// The next job handed over.
    pub(crate) async fn next_job(&self) -> Delivered {
        let mut inbox = self.inbox.lock().await;
        in_time("a job", inbox.recv()).await.expect("the recorder holds a sender")
    }

    /// A job handed over already, if there is one that was not taken yet.
    pub(crate) async fn ready_job(&self) -> Option<Delivered> {
        self.inbox.lock().await.try_recv().ok()
    }

    /// The result of `find` for the first event, past or to come, for which it has one.
    pub(crate) async fn event<T>(&self, what: &str, find: impl Fn(&Event) -> Option<T>) -> T {
        self.events_until(what, |events| events.iter().find_map(&find)).await
    }

    /// The result of `find` for all events so far, as soon as it has one.
    pub(crate) async fn events_until<T>(&self, what: &str, find: impl Fn(&[Event]) -> Option<T>) -> T {
        in_time(what, async {
            loop {
                let changed = self.changed.notified();
                let found = find(&self.lock());
                match found {
                    Some(found) => return found,
                    None => changed.await,
                }
            }
        })
        .await
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.lock().clone()
    }

    /// The fate of a run's verdict.
    pub(crate) async fn outcome(&self, run_id: u32) -> Result<Settled> {
        let what = format!("the outcome of run {run_id}");
        self.event(&what, |event| match event {
            Event::Settled(results) => {
                results.iter().find(|result| result.run_id == run_id).map(|result| result.outcome.clone())
            }
            _ => None,
        })
        .await
    }

    /// Waits until the lease of a run was reported lost; when it was, by this machine's clock.
    pub(crate) async fn lease_lost(&self, run_id: u32) -> DateTime {
        let what = format!("run {run_id} to lose its lease");
        self.event(&what, |event| {
            matches!(event, Event::LeaseLost(lost) if lost.contains(&run_id)).then_some(())
        })
        .await;
        self.last_loss.lock().unwrap_or_else(PoisonError::into_inner).expect("a loss")
    }

    /// The runs whose leases were reported lost so far.
    pub(crate) fn lost_leases(&self) -> Vec<u32> {
        let lost = |event: &Event| match event {
            Event::LeaseLost(lost) => lost.clone(),
            _ => Vec::new(),
        };
        self.lock().iter().flat_map(lost).collect()
    }

    /// The change stream's states so far.
    pub(crate) fn stream_states(&self) -> Vec<StreamState> {
        let state = |event: &Event| match event {
            Event::Stream(state) => Some(*state),
            _ => None,
        };
        self.lock().iter().filter_map(state).collect()
    }
}

/// BSON documents that lie end to end; each begins with its length.
fn split(mut documents: &[u8]) -> Vec<Document> {
    let mut found = Vec::new();
    while let Some(length) = documents.first_chunk::<4>() {
        let length = usize::try_from(i32::from_le_bytes(*length)).expect("a length");
        let (one, rest) = documents.split_at(length);
        found.push(Document::from_reader(one).expect("a document"));
        documents = rest;
    }
    found
}
