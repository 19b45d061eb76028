//! The writers of verdicts: those that arrive while a write is on its way travel together in the next one.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;

use crate::{
    error::Result,
    grouping::ByOwner,
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

/// A verdict that is to be written.
pub(crate) struct Request {
    pub(crate) settlement: Settlement,
    pub(crate) run_id: u32,
    pub(crate) owner: Arc<dyn Owner>,
}

/// A handle on the writers: one for verdicts that nothing can hold up, and one for those which a transaction of an app's
/// may, since it is about to make a job that waits in the place where theirs would.
pub(crate) struct Settler {
    free: mpsc::UnboundedSender<Vec<Request>>,
    may_wait: mpsc::UnboundedSender<Vec<Request>>,
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
    pub(crate) fn settle(&self, requests: Vec<Request>) {
        let (may_wait, free): (Vec<_>, Vec<_>) =
            requests.into_iter().partition(|request| request.settlement.may_wait_for_key());
        for (writer, requests) in [(&self.free, free), (&self.may_wait, may_wait)] {
            if !requests.is_empty() {
                // The receiver lives as long as any sender.
                _ = writer.send(requests);
            }
        }
    }
}

async fn run(mut inbox: mpsc::UnboundedReceiver<Vec<Request>>, store: Arc<Store>) {
    let writes = Arc::new(tokio::sync::Semaphore::new(MOST_WRITES));
    let mut waiting: Vec<Request> = Vec::new();
    loop {
        let Ok(permit) = writes.clone().acquire_owned().await else {
            return;
        };
        if waiting.is_empty() {
            let Some(requests) = inbox.recv().await else { return };
            waiting = requests;
        }
        while waiting.len() < MOST_VERDICTS {
            let Ok(requests) = inbox.try_recv() else { break };
            waiting.extend(requests);
        }
        let rest = waiting.split_off(waiting.len().min(MOST_VERDICTS));
        let batch = std::mem::replace(&mut waiting, rest);
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
    let mut by_owner = ByOwner::new();
    for ((run_id, owner), outcome) in runs.into_iter().zip(outcomes) {
        by_owner.add(&owner, (run_id, outcome));
    }
    for (owner, outcomes) in by_owner {
        owner.settled(outcomes);
    }
}
