//! One processor's claims: each under a token that is kept until it is known what the claim took.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{HandOver, Slots};
use crate::{
    claim::{self, Batch, LeaseKind, Room},
    error::Result,
    hub::Hub,
    job::{ClaimedJob, new_token},
};

/// How long a claim whose reply was lost is looked up before the outage is reported.
const RECONCILE_FOR: Duration = Duration::from_secs(5);

pub(super) struct Claimer {
    hub: Arc<Hub>,
    slots: Arc<Slots>,
    runs: Arc<dyn HandOver>,
    /// One that failed, and may have taken jobs all the same.
    uncertain: Option<Claim>,
}

struct Claim {
    token: String,
    sent: Instant,
}

impl Claimer {
    pub(super) fn new(hub: Arc<Hub>, slots: Arc<Slots>, runs: Arc<dyn HandOver>) -> Self {
        Self { hub, slots, runs, uncertain: None }
    }

    /// Claims and hands over; how many, and whether that was all.
    pub(super) async fn claim(&mut self, room: Room) -> Result<(usize, bool)> {
        self.settle_uncertain().await?;
        let claim = Claim { token: new_token(), sent: Instant::now() };
        match self.try_claim(room, &claim.token).await {
            Ok(Batch { jobs, drained, needs_slot }) => {
                let count = jobs.len();
                self.slots.next_needs_slot(needs_slot);
                self.slots.claim_took(count, claim.sent.elapsed());
                self.hand_over(jobs, claim.sent);
                Ok((count, drained))
            }
            Err(error) => {
                self.uncertain = Some(claim);
                Err(error)
            }
        }
    }

    async fn try_claim(&self, room: Room, token: &str) -> Result<Batch> {
        let lease = LeaseKind::Managed(self.slots.terms.length);
        let job_type = &self.slots.config.job_type;
        if room != Room::ONE {
            return claim::claim_batch(&self.hub.store, job_type, room, lease, token).await;
        }
        let patience = RECONCILE_FOR.min(self.slots.terms.length / 2);
        claim::claim_one(&self.hub.store, job_type, lease, token, patience).await
    }

    /// However long the server was away: what was taken then would have to wait for the end of its lease.
    async fn settle_uncertain(&mut self) -> Result<()> {
        if let Some(Claim { token, sent }) = &self.uncertain {
            let jobs = claim::claimed_under(&self.hub.store, &self.slots.config.job_type, token).await?;
            self.hand_over(jobs, *sent);
            self.uncertain = None;
        }
        Ok(())
    }

    fn hand_over(&self, jobs: Vec<ClaimedJob>, sent: Instant) {
        if jobs.is_empty() {
            return;
        }
        self.hub.wakes.known_jobs.add(jobs.iter().filter_map(|job| job.header.id.as_str()));
        self.slots.claimed(jobs.len());
        self.runs.hand_over(&self.slots, jobs, sent);
    }
}
