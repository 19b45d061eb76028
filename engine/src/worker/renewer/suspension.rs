//! Leases that are not renewed for a while: those of runs that complete their job in a transaction of the app.
//!
//! A renewal that comes before the transaction's write to the job makes that write conflict. One that comes after it
//! waits for the commit, and with it every other renewal of the process. So the lease is made as long as a transaction
//! can be, once, and then left alone until the transaction is over.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use mongodb::bson::Bson;

use super::{
    Renewer,
    lease::{HeldLease, Suspension, key},
};
use crate::{
    base::{
        error::Result,
        patience::{Pauses, retrying},
        sync::lock,
    },
    connection::lanes::Lane,
    job::lease::{LeaseLength, LeaseTerms},
    report::tasks::{self, Task},
    store::{collection::Store, write::Wait},
    verbs::renew::{renew_one, shorten},
    worker::run_events::RunEvents,
};

impl Renewer {
    /// Makes a lease as long as `length` from now on, and renews it no more. False if its holder has lost it. Tries
    /// for this long while the server is away.
    pub(crate) async fn suspend(
        self: &Arc<Self>,
        store: &Arc<Store>,
        runs: &Arc<dyn RunEvents>,
        run_id: u32,
        length: Duration,
        patience: Duration,
    ) -> Result<bool> {
        let mut is_first = false;
        let known = self.change(runs, run_id, |lease| is_first = lease.suspended.is_none());
        let Some(lease) = known else { return Ok(false) };
        let is_held = retrying(patience, || self.try_to_suspend(store, runs, run_id, length)).await?;
        if !is_held && is_first {
            // Its transaction never began. But a try whose reply was lost may have been applied.
            self.shorten(store, lease, length, patience);
        }
        Ok(is_held)
    }

    /// Takes back the length of a lease that was given up before it was known to be so long. Otherwise the job would
    /// stand still for as long. The lease then ends as if the write had been a renewal, which is after its holder has
    /// given it up.
    fn shorten(
        &self,
        store: &Arc<Store>,
        Held { id, token, terms, .. }: Held,
        length: Duration,
        patience: Duration,
    ) {
        let store = store.clone();
        tasks::keep(Task::Resumption, self.sink.clone(), move || {
            let (store, id, token) = (store.clone(), id.clone(), token.clone());
            async move {
                let shorten = || shorten(&store, &id, &token, length, terms.length);
                // If the server stays away for longer, the long lease has to end by itself.
                _ = retrying(patience, shorten).await;
            }
        });
    }

    async fn try_to_suspend(
        self: &Arc<Self>,
        store: &Arc<Store>,
        runs: &Arc<dyn RunEvents>,
        run_id: u32,
        length: Duration,
    ) -> Result<bool> {
        let mut before = None;
        let known = self.change(runs, run_id, |lease| {
            before = lease.suspended;
            // Until the write is acknowledged the lease is no longer than it was.
            let length = before.map_or(lease.terms.length, |suspension| suspension.length);
            lease.suspended = Some(Suspension { length, is_over: false });
            lease.turn += 1;
        });
        let Some(Held { id, token, turn, .. }) = known else { return Ok(false) };
        // A renewal that is on its way could arrive after the transaction has begun. One that was given up can't be waited for: its
        // turn is over.
        drop(self.on_the_way.lock().await);
        let sent = Instant::now();
        let renewed =
            renew_one(store, Lane::Heartbeat, &id, &token, LeaseLength { length, turn }, Wait::Long).await;
        let changed = self.change(runs, run_id, |lease| match renewed {
            Ok(_) => {
                lease.suspended = Some(Suspension { length, is_over: false });
                lease.sent = sent;
            }
            Err(_) => lease.suspended = before,
        });
        if renewed.is_err() && before.is_some_and(|suspension| suspension.is_over) {
            self.go_on_resuming(store, runs, run_id);
        }
        self.hurried.notify_one();
        Ok(renewed? && changed.is_some())
    }

    /// Renews a lease, and goes on renewing it. False if the lease is another holder's by now. If the server can't be
    /// reached, it tries again until the lease ends, even after the end of the call: the handler may go on.
    pub(crate) async fn resume(
        self: &Arc<Self>,
        store: &Arc<Store>,
        runs: &Arc<dyn RunEvents>,
        run_id: u32,
    ) -> Result<bool> {
        let known = self.change(runs, run_id, |lease| lease.turn += 1);
        let Some(Held { id, token, terms, turn }) = known else { return Ok(false) };
        let length = LeaseLength { length: terms.length, turn };
        let sent = Instant::now();
        match renew_one(store, Lane::HeldUp, &id, &token, length, Wait::Long).await {
            Ok(is_held) => Ok(is_held && self.resumed(runs, run_id, sent)),
            Err(error) => {
                let mut is_news = false;
                self.change(runs, run_id, |lease| {
                    if let Some(suspension) = &mut lease.suspended {
                        is_news = !std::mem::replace(&mut suspension.is_over, true);
                    }
                });
                if is_news {
                    self.go_on_resuming(store, runs, run_id);
                }
                Err(error)
            }
        }
    }

    fn resumed(&self, runs: &Arc<dyn RunEvents>, run_id: u32, sent: Instant) -> bool {
        let resumed = self.change(runs, run_id, |lease| {
            lease.suspended = None;
            lease.sent = sent;
        });
        self.hurried.notify_one();
        resumed.is_some()
    }

    fn go_on_resuming(self: &Arc<Self>, store: &Arc<Store>, runs: &Arc<dyn RunEvents>, run_id: u32) {
        let (renewer, store, runs) = (Arc::downgrade(self), Arc::downgrade(store), Arc::downgrade(runs));
        tasks::keep(Task::Resumption, self.sink.clone(), move || {
            let (renewer, store, runs) = (renewer.clone(), store.clone(), runs.clone());
            async move {
                let mut pauses = Pauses::default();
                loop {
                    tokio::time::sleep(pauses.next_pause()).await;
                    let alive = (Weak::upgrade(&renewer), Weak::upgrade(&store), Weak::upgrade(&runs));
                    let (Some(renewer), Some(store), Some(runs)) = alive else { return };
                    if renewer.try_to_resume(&store, &runs, run_id).await {
                        return;
                    }
                }
            }
        });
    }

    /// True if nothing is left to be done.
    async fn try_to_resume(&self, store: &Store, runs: &Arc<dyn RunEvents>, run_id: u32) -> bool {
        // As for every renewal: it must not arrive after another transaction of the same handler has begun.
        let _on_the_way = self.on_the_way.lock().await;
        let mut is_wanted = false;
        let known = self.change(runs, run_id, |lease| {
            is_wanted = lease.suspended.is_some_and(|suspension| suspension.is_over);
            lease.turn += i64::from(is_wanted);
        });
        let Some(Held { id, token, terms, turn }) = known.filter(|_| is_wanted) else { return true };
        let length = LeaseLength { length: terms.length, turn };
        let sent = Instant::now();
        // Briefly: if the transaction is open all the same, every other renewal waits meanwhile.
        match renew_one(store, Lane::Heartbeat, &id, &token, length, Wait::Brief).await {
            Ok(true) => self.resumed(runs, run_id, sent),
            // It is completed, or another holder's. A caller that reads back learns it, and any other when the lease
            // ends.
            Ok(false) => true,
            Err(_) => false,
        }
    }

    /// The parts of the lease that a write needs, once it has been changed; none if it has been settled or lost.
    fn change(
        &self,
        runs: &Arc<dyn RunEvents>,
        run_id: u32,
        change: impl FnOnce(&mut HeldLease),
    ) -> Option<Held> {
        let mut known = lock(&self.leases);
        let lease = known.held.get_mut(&key(runs, run_id))?;
        change(lease);
        Some(Held { id: lease.id.clone(), token: lease.token.clone(), terms: lease.terms, turn: lease.turn })
    }
}

/// The part of a lease that a write needs.
struct Held {
    id: Bson,
    token: String,
    terms: LeaseTerms,
    turn: i64,
}
