//! The news from the loops for the runs of an engine, and their one question.

use std::{sync::Arc, time::Instant};

use super::dispatch::slots::Slots;
use crate::{
    base::error::Result,
    job::{document::ClaimedJob, verdict::Settled},
};

/// The managed runs of one engine, as the loops see them.
pub(crate) trait RunEvents: Send + Sync {
    /// A dispatcher has claimed these jobs.
    fn handed_over(&self, slots: &Arc<Slots>, jobs: Vec<ClaimedJob>, claim_sent: Instant);

    /// The lease of a run is gone.
    fn lease_lost(&self, run_id: u32);

    /// The job of a run was asked to be cancelled, for this reason if one was given.
    fn cancel_requested(&self, run_id: u32, reason: Option<String>);

    /// The outcomes of one write of verdicts, by run.
    fn settled(&self, outcomes: Vec<(u32, Result<Settled>)>);

    /// False once the thread of the handlers has been stuck for too long: then their leases are not worth renewing.
    fn is_responsive(&self) -> bool;
}
