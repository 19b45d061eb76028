//! The writers of verdicts: those that arrive while a write is on its way travel together in the next one.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;

use super::grouping::ByOwner;
use crate::{
    base::{error::Result, patience::Patience},
    job::verdict::Settled,
    store::{collection::Store, write::Wait},
    verbs::settle::{
        carry_out,
        planned::{Planned, Settlement},
    },
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
        let writer = |wait| {
            let (verdicts, inbox) = mpsc::unbounded_channel();
            tokio::spawn(run(inbox, store.clone(), wait));
            verdicts
        };
        Self { free: writer(Wait::Long), may_wait: writer(Wait::Brief) }
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

async fn run(mut inbox: mpsc::UnboundedReceiver<Vec<Request>>, store: Arc<Store>, wait: Wait) {
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
        let batch = Batch::of(std::mem::replace(&mut waiting, rest));
        let store = store.clone();
        tokio::spawn(async move {
            if let Some(held_up) = batch.write(&store, wait).await {
                for part in held_up.parted(&store).await {
                    let store = store.clone();
                    // It may take as long as the transaction does, and the next batch doesn't wait for it.
                    tokio::spawn(async move { part.write(&store, Wait::Long).await });
                }
            }
            drop(permit);
        });
    }
}

type Run = (u32, Arc<dyn Owner>);

/// Verdicts that are written in one command, and whom to tell.
struct Batch {
    verdicts: Vec<(Planned, Run)>,
    patience: Patience,
}

impl Batch {
    fn of(requests: Vec<Request>) -> Self {
        let plan = |request: Request| (Planned::new(request.settlement), (request.run_id, request.owner));
        Self { verdicts: requests.into_iter().map(plan).collect(), patience: Patience::new(PATIENCE) }
    }

    /// Writes them and tells what became of them. What remains is held up by a transaction of an app's: one of its keys is in
    /// there, and the others stand behind that in the command.
    async fn write(mut self, store: &Store, wait: Wait) -> Option<Self> {
        let (mut planned, runs): (Vec<Planned>, Vec<Run>) = self.verdicts.into_iter().unzip();
        let outcomes = carry_out::carry_out(store, &mut planned, &mut self.patience, wait).await;
        let (mut by_owner, mut held_up) = (ByOwner::new(), Vec::new());
        for ((planned, (run_id, owner)), outcome) in planned.into_iter().zip(runs).zip(outcomes) {
            match outcome {
                Some(outcome) => by_owner.add(&owner, (run_id, outcome)),
                None => held_up.push((planned, (run_id, owner))),
            }
        }
        for (owner, outcomes) in by_owner {
            owner.settled(outcomes);
        }
        (!held_up.is_empty()).then_some(Self { verdicts: held_up, patience: self.patience })
    }

    /// What had been written before the command came to the key that is held up can be confirmed together. Of all others it
    /// isn't known which one it is: each goes by itself.
    async fn parted(self, store: &Store) -> Vec<Self> {
        let Self { verdicts, patience } = self;
        let (planned, runs): (Vec<Planned>, Vec<Run>) = verdicts.into_iter().unzip();
        let unwritten = carry_out::unwritten(store, &planned).await;
        let unwritten = unwritten.unwrap_or_else(|_| vec![true; planned.len()]);
        let part = |verdicts| Self { verdicts, patience: patience.clone() };
        let (mut written, mut parts) = (Vec::new(), Vec::new());
        for (verdict, is_unwritten) in planned.into_iter().zip(runs).zip(unwritten) {
            if is_unwritten {
                parts.push(part(vec![verdict]));
            } else {
                written.push(verdict);
            }
        }
        if !written.is_empty() {
            parts.push(part(written));
        }
        parts
    }
}
