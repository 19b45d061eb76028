//! The writers of verdicts: those that arrive while a write is on its way travel together in the next one.
//!
//! No verdict is lost. Those that wait outlast a writer that panics; those on their way are written again, each by
//! itself. In any other case the run gets an answer, too.

use std::{mem, sync::Arc, time::Duration};

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc};

use super::{grouping::Grouped, run_events::RunEvents};
use crate::{
    base::{error::Error, patience::Patience},
    report::{
        event::Sink,
        tasks::{self, Task},
    },
    store::{collection::Store, write::Wait},
    verbs::settle::{
        carry_out::{carry_out, unwritten},
        prepared::{PreparedVerdict, VerdictRequest},
    },
};

/// Verdicts written in one command.
const MOST_VERDICTS: usize = 1_000;
/// Writes under way at once: one on the wire while the next one is made.
const MOST_WRITES: usize = 2;
/// Time for which a verdict is worth trying. The fence decides if it still applies. To give up would only mean that
/// work that was done is done again.
const PATIENCE: Duration = Duration::from_secs(120);
/// The most writes of one verdict that may end in panics.
const MOST_PANICS: usize = 3;

/// A run that waits for the result of its verdict. It gets an error if that is lost.
struct Awaiting {
    run_id: u32,
    runs: Option<Arc<dyn RunEvents>>,
}

impl Awaiting {
    /// Takes it over to tell the run.
    fn told(mut self) -> (u32, Option<Arc<dyn RunEvents>>) {
        (self.run_id, self.runs.take())
    }
}

impl Drop for Awaiting {
    fn drop(&mut self) {
        if let Some(runs) = self.runs.take() {
            runs.settled(vec![(self.run_id, Err(Error::interrupted()))]);
        }
    }
}

/// A verdict that is to be written, and the run that awaits it.
pub(crate) struct AwaitedVerdict {
    request: VerdictRequest,
    awaiting: Awaiting,
}

impl AwaitedVerdict {
    pub(crate) fn new(request: VerdictRequest, run_id: u32, runs: &Arc<dyn RunEvents>) -> Self {
        Self { request, awaiting: Awaiting { run_id, runs: Some(runs.clone()) } }
    }
}

/// A handle on the writers: one for verdicts that nothing can hold up, and one for the others. A transaction of the
/// app's may hold those up, since it is about to make a job that waits in the place where theirs would.
pub(crate) struct VerdictWriter {
    free: mpsc::UnboundedSender<Vec<AwaitedVerdict>>,
    may_wait: mpsc::UnboundedSender<Vec<AwaitedVerdict>>,
}

impl VerdictWriter {
    /// Starts the writers; they end when the last handle goes.
    pub(crate) fn start(store: &Arc<Store>, sink: &Arc<dyn Sink>) -> Self {
        let writer = |wait| {
            let (sender, verdicts) = mpsc::unbounded_channel();
            let writing = Writing { store: store.clone(), sink: sink.clone(), wait };
            // The inbox and the semaphore outlast a writer that panics.
            let inbox = Arc::new(Mutex::new(Inbox { verdicts, waiting: Vec::new() }));
            let writes = Arc::new(Semaphore::new(MOST_WRITES));
            tasks::keep(Task::Verdicts, sink.clone(), move || {
                let (inbox, writes, writing) = (inbox.clone(), writes.clone(), writing.clone());
                async move { writing.run(&mut *inbox.lock().await, &writes).await }
            });
            sender
        };
        Self { free: writer(Wait::Long), may_wait: writer(Wait::Brief) }
    }

    /// Never blocks. The queue is bounded, as processors claim no more while many verdicts are unwritten.
    pub(crate) fn write(&self, verdicts: Vec<AwaitedVerdict>) {
        let (may_wait, free): (Vec<_>, Vec<_>) =
            verdicts.into_iter().partition(|verdict| verdict.request.may_wait_for_key());
        for (writer, verdicts) in [(&self.free, free), (&self.may_wait, may_wait)] {
            if !verdicts.is_empty() {
                // The receiver lives as long as any sender.
                _ = writer.send(verdicts);
            }
        }
    }
}

/// Verdicts that no write has taken up yet.
struct Inbox {
    verdicts: mpsc::UnboundedReceiver<Vec<AwaitedVerdict>>,
    waiting: Vec<AwaitedVerdict>,
}

impl Inbox {
    /// The verdicts of the next write; none when no more will come.
    async fn next(&mut self) -> Option<Vec<AwaitedVerdict>> {
        if self.waiting.is_empty() {
            self.waiting = self.verdicts.recv().await?;
        }
        while self.waiting.len() < MOST_VERDICTS {
            let Ok(verdicts) = self.verdicts.try_recv() else { break };
            self.waiting.extend(verdicts);
        }
        let rest = self.waiting.split_off(self.waiting.len().min(MOST_VERDICTS));
        Some(mem::replace(&mut self.waiting, rest))
    }
}

/// The store of one of the writers, and its wait for transactions of the app.
#[derive(Clone)]
struct Writing {
    store: Arc<Store>,
    sink: Arc<dyn Sink>,
    wait: Wait,
}

impl Writing {
    async fn run(&self, inbox: &mut Inbox, writes: &Arc<Semaphore>) {
        loop {
            let Ok(permit) = writes.clone().acquire_owned().await else { return };
            let Some(verdicts) = inbox.next().await else { return };
            self.write_together(Batch::of(verdicts), permit);
        }
    }

    fn write_together(&self, batch: Batch, permit: OwnedSemaphorePermit) {
        let (writing, batch, permit) = (self.clone(), Arc::new(Mutex::new(batch)), permit);
        let mut has_begun = false;
        tasks::keep(Task::VerdictBatch, self.sink.clone(), move || {
            let has_panicked = mem::replace(&mut has_begun, true);
            // Given back when the task has ended for good.
            let _ = &permit;
            let (writing, batch) = (writing.clone(), batch.clone());
            async move {
                writing.write(&mut *batch.lock().await, has_panicked).await;
            }
        });
    }

    async fn write(&self, batch: &mut Batch, has_panicked: bool) {
        let parts = if has_panicked {
            batch.singly()
        } else {
            batch.write(&self.store, self.wait).await;
            if batch.is_empty() {
                return;
            }
            batch.parted(&self.store).await
        };
        for part in parts {
            // It may take as long as the transaction does, and the next batch doesn't wait for it.
            self.write_alone(part);
        }
    }

    fn write_alone(&self, part: Batch) {
        let (store, part) = (self.store.clone(), Arc::new(Mutex::new(part)));
        let mut panics = 0..MOST_PANICS;
        tasks::keep(Task::VerdictAlone, self.sink.clone(), move || {
            let is_given_up = panics.next().is_none();
            let (store, part) = (store.clone(), part.clone());
            async move {
                // Given up, it is dropped, and its run told.
                if !is_given_up {
                    part.lock().await.write(&store, Wait::HeldUp).await;
                }
            }
        });
    }
}

/// Verdicts that are written in one command, and the runs that await them.
struct Batch {
    prepared: Vec<PreparedVerdict>,
    awaiting: Vec<Awaiting>,
    patience: Patience,
    /// A write has begun, and its result is unknown.
    is_under_way: bool,
}

impl Batch {
    fn of(verdicts: Vec<AwaitedVerdict>) -> Self {
        let prepare = |verdict: AwaitedVerdict| (PreparedVerdict::new(verdict.request), verdict.awaiting);
        let (prepared, awaiting) = verdicts.into_iter().map(prepare).unzip();
        Self { prepared, awaiting, patience: Patience::new(PATIENCE), is_under_way: false }
    }

    fn is_empty(&self) -> bool {
        self.prepared.is_empty()
    }

    /// Writes them and answers each. A transaction of the app holds the remaining ones up: it has one of their keys,
    /// and the others stand behind that in the command.
    async fn write(&mut self, store: &Store, wait: Wait) {
        if mem::replace(&mut self.is_under_way, true) {
            // A panic ended the last try.
            self.patience.note_failure();
        }
        let outcomes = carry_out(store, &mut self.prepared, &mut self.patience, wait).await;
        self.is_under_way = false;
        let mut told = Grouped::new();
        for ((prepared, awaiting), outcome) in self.take_all().into_iter().zip(outcomes) {
            let Some(outcome) = outcome else {
                self.prepared.push(prepared);
                self.awaiting.push(awaiting);
                continue;
            };
            if let (run_id, Some(runs)) = awaiting.told() {
                told.add(&runs, (run_id, outcome));
            }
        }
        for (runs, outcomes) in told {
            runs.settled(outcomes);
        }
    }

    /// The verdicts written before the command came to the key that is held up can be confirmed together. The key
    /// itself is unknown, so each of the others goes by itself.
    async fn parted(&mut self, store: &Store) -> Vec<Self> {
        let unwritten = unwritten(store, &self.prepared).await;
        let unwritten = unwritten.unwrap_or_else(|_| vec![true; self.prepared.len()]);
        let (mut written, mut parts) = (self.with(Vec::new()), Vec::new());
        for (verdict, is_unwritten) in self.take_all().into_iter().zip(unwritten) {
            if is_unwritten {
                parts.push(self.with(vec![verdict]));
            } else {
                written.prepared.push(verdict.0);
                written.awaiting.push(verdict.1);
            }
        }
        if !written.is_empty() {
            parts.push(written);
        }
        parts
    }

    /// Each by itself.
    fn singly(&mut self) -> Vec<Self> {
        self.take_all().into_iter().map(|verdict| self.with(vec![verdict])).collect()
    }

    fn take_all(&mut self) -> Vec<(PreparedVerdict, Awaiting)> {
        mem::take(&mut self.prepared).into_iter().zip(mem::take(&mut self.awaiting)).collect()
    }

    fn with(&self, verdicts: Vec<(PreparedVerdict, Awaiting)>) -> Self {
        let (prepared, awaiting) = verdicts.into_iter().unzip();
        Self { prepared, awaiting, patience: self.patience.clone(), is_under_way: self.is_under_way }
    }
}
