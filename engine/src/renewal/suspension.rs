//! Leases that are not renewed for a while: those of runs that complete their job in a transaction of the app's.
//!
//! A renewal that comes before the transaction's write to the job makes that write conflict; one that comes after it waits for
//! the commit, and with it every other renewal of the process. So the lease is made as long as a transaction can be, once,
//! and then left alone until the transaction is over.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use mongodb::bson::Bson;

use super::{HeldLease, Holder, Renewer, key, renew_one};
use crate::{error::Result, lease::LeaseTerms, store::Store, wake::lock};

impl Renewer {
    /// Makes a lease as long as `length` from now on, and renews it no more. False if it is its holder's no longer.
    pub(crate) async fn suspend(
        &self,
        store: &Store,
        holder: &Arc<dyn Holder>,
        run_id: u32,
        length: Duration,
    ) -> Result<bool> {
        let mut before = None;
        let known = self.change(holder, run_id, |lease| {
            before = lease.suspended;
            // Until the write is acknowledged the lease is no longer than it was.
            lease.suspended.get_or_insert(lease.terms.length);
        });
        let Some((id, token, _)) = known else { return Ok(false) };
        // A renewal that is on its way could arrive after the transaction has begun.
        drop(self.on_the_way.lock().await);
        let sent = Instant::now();
        let renewed = renew_one(store, &id, &token, length).await;
        let changed = self.change(holder, run_id, |lease| match renewed {
            Ok(_) => (lease.suspended, lease.sent) = (Some(length), sent),
            Err(_) => lease.suspended = before,
        });
        self.hurried.notify_one();
        Ok(renewed? && changed.is_some())
    }

    /// Renews a lease, and goes on renewing it. False if it is its holder's no longer.
    pub(crate) async fn resume(&self, store: &Store, holder: &Arc<dyn Holder>, run_id: u32) -> Result<bool> {
        let Some((id, token, terms)) = self.change(holder, run_id, |_| {}) else { return Ok(false) };
        let sent = Instant::now();
        if !renew_one(store, &id, &token, terms.length).await? {
            return Ok(false);
        }
        let resumed = self.change(holder, run_id, |lease| {
            lease.suspended = None;
            lease.sent = sent;
        });
        self.hurried.notify_one();
        Ok(resumed.is_some())
    }

    /// What of the lease a write needs, once it has been changed; none if it has been settled or lost.
    fn change(
        &self,
        holder: &Arc<dyn Holder>,
        run_id: u32,
        change: impl FnOnce(&mut HeldLease),
    ) -> Option<(Bson, String, LeaseTerms)> {
        let mut known = lock(&self.leases);
        let lease = known.held.get_mut(&key(holder, run_id))?;
        change(lease);
        Some((lease.id.clone(), lease.token.clone(), lease.terms))
    }
}
