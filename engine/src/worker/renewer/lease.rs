//! The leases that this process holds, and the time of the next look at each.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use mongodb::bson::Bson;

use crate::{
    job::lease::{LeaseLength, LeaseTerms},
    worker::run_events::RunEvents,
};

/// The lease of one managed run.
pub(crate) struct HeldLease {
    pub(crate) id: Bson,
    pub(crate) token: String,
    pub(crate) terms: LeaseTerms,
    /// Moment at which the claim or the last successful renewal was sent.
    pub(crate) sent: Instant,
    pub(crate) run_id: u32,
    pub(crate) runs: Arc<dyn RunEvents>,
    pub(crate) suspended: Option<Suspension>,
    /// Count of changes of its length: see [`LeaseLength`].
    pub(crate) turn: i64,
}

impl HeldLease {
    /// The length of its usual renewals.
    pub(super) fn length(&self) -> LeaseLength {
        LeaseLength { length: self.terms.length, turn: self.turn }
    }

    pub(super) fn next_renewal(&self) -> Instant {
        if self.suspended.is_some() { self.deadline() } else { self.sent + self.terms.renew_every }
    }

    pub(super) fn deadline(&self) -> Instant {
        let length = self.suspended.map_or(self.terms.length, |suspension| suspension.length);
        LeaseTerms { length, ..self.terms }.deadline(self.sent)
    }

    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        self.deadline() <= now
    }
}

#[derive(Default)]
pub(super) struct Leases {
    pub(super) held: HashMap<LeaseKey, HeldLease>,
    /// Moment of the next look at them; none while there are none.
    pub(super) next_look: Option<Instant>,
}

impl Leases {
    /// Plans the next look, at the soonest of these moments and not before `not_before`.
    pub(super) fn plan(
        &mut self,
        moment: impl Fn(&HeldLease) -> Instant,
        not_before: Instant,
    ) -> Option<Instant> {
        self.next_look = self.held.values().map(moment).min().map(|soonest| soonest.max(not_before));
        self.next_look
    }
}

pub(super) type LeaseKey = (usize, u32);

/// Two engines may both have a run 1: the address of its runs tells them apart.
pub(super) fn key(runs: &Arc<dyn RunEvents>, run_id: u32) -> LeaseKey {
    (Arc::as_ptr(runs).cast::<()>() as usize, run_id)
}

/// A lease as long as this, once, and not renewed meanwhile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Suspension {
    pub(super) length: Duration,
    /// The transaction is over, and the lease is to be renewed again as soon as the server can be reached.
    pub(super) is_over: bool,
}
