//! Where a dispatcher leaves the jobs that it has claimed.

use std::{sync::Arc, time::Instant};

use super::slots::Slots;
use crate::job::document::ClaimedJob;

/// Takes the claimed jobs.
pub(crate) trait HandOver: Send + Sync {
    fn hand_over(&self, slots: &Arc<Slots>, jobs: Vec<ClaimedJob>, claim_sent: Instant);
}
