//! The writers of verdicts: those that arrive while a write is on its way travel together in the next one.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;

use crate::{
    error::Result,
    settle::{self, Settled, Settlement},
    store::Store,
};

/// Verdicts written in one command.
const MOST_VERDICTS: usize = 1_000;
/// Writes under way at once: one on the wire while the next one is made.
const MOST_WRITES: usize = 2;
/// How long a verdict is worth trying for. The fence decides whether it still applies; giving up would only mean that
/// work that was done is done again.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whose runs are settled.
pub(crate) trait Owner: Send + Sync {
    /// Is told the outcomes of one write, by run.
    fn settled(&self, outcomes: Vec<(u32, Result<Settled>)>);
}

/// What became of runs, by their numbers.
type Outcomes = Vec<(u32, Result<Settled>)>;

struct Request {
    settlement: Settlement,
    run_id: u32,
    owner: Arc<dyn Owner>,
}

/// A handle on the writers: one for verdicts that nothing can hold up, and one for those which a transaction of an app's
/// may, since it is about to make a job that waits in the place where theirs would.
pub(crate) struct Settler {
    free: mpsc::UnboundedSender<Request>,
    may_wait: mpsc::UnboundedSender<Request>,
}

impl Settler {
    /// Starts the writers; they end when the last handle goes.
    pub(crate) fn start(store: &Arc<Store>) -> Self {
        let writer = || {
            let (verdicts, inbox) = mpsc::unbounded_channel();
            tokio::spawn(run(inbox, store.clone()));
            verdicts
        };
        Self { free: writer(), may_wait: writer() }
    }

    /// Never blocks. What bounds the queue is that processors claim no more while many verdicts are unwritten.
    pub(crate) fn settle(&self, settlement: Settlement, run_id: u32, owner: Arc<dyn Owner>) {
        let writer = if settlement.may_wait_for_key() { &self.may_wait } else { &self.free };
        // The receiver lives as long as any sender.
        _ = writer.send(Request { settlement, run_id, owner });
    }
}

async fn run(mut inbox: mpsc::UnboundedReceiver<Request>, store: Arc<Store>) {
    let writes = Arc::new(tokio::sync::Semaphore::new(MOST_WRITES));
    let mut waiting = Vec::with_capacity(MOST_VERDICTS);
    loop {
        let Ok(permit) = writes.clone().acquire_owned().await else {
            return;
        };
        if inbox.recv_many(&mut waiting, MOST_VERDICTS).await == 0 {
            return;
        }
        let batch = std::mem::replace(&mut waiting, Vec::with_capacity(MOST_VERDICTS));
        let store = store.clone();
        tokio::spawn(async move {
            write(&store, batch).await;
            drop(permit);
        });
    }
}

async fn write(store: &Store, batch: Vec<Request>) {
    let (settlements, runs): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|request| (request.settlement, (request.run_id, request.owner))).unzip();
    let outcomes = settle::settle(store, settlements, PATIENCE).await;
    // Nearly always there is one owner; several share the collection only in tests and odd apps.
    let mut by_owner: Vec<(Arc<dyn Owner>, Outcomes)> = Vec::new();
    for ((run_id, owner), outcome) in runs.into_iter().zip(outcomes) {
        match by_owner.iter_mut().find(|(known, _)| Arc::ptr_eq(known, &owner)) {
            Some((_, outcomes)) => outcomes.push((run_id, outcome)),
            None => by_owner.push((owner, vec![(run_id, outcome)])),
        }
    }
    for (owner, outcomes) in by_owner {
        owner.settled(outcomes);
    }
}
