//! One processor's claims: each under tokens that are kept until it is known what the claim took.
//!
//! What a claim of several jobs took has to be acknowledged and read before it is handed over. The next claim is made
//! meanwhile; the jobs arrive in the order in which they were claimed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;

use super::{hand_over::HandOver, slots::Slots};
use crate::{
    base::{
        error::{Error, Result},
        patience::Backoff,
    },
    job::document::ClaimedJob,
    verbs::claim::{
        batch,
        contention::Contention,
        one,
        room::Room,
        taken::{Taken, TakenJobs},
        taking::LeaseKind,
        tokens::ClaimTokens,
    },
    worker::hub::Hub,
};

/// How long a claim whose reply was lost is looked up before the outage is reported.
const RECONCILE_FOR: Duration = Duration::from_secs(5);

pub(super) struct Claimer {
    desk: Arc<Desk>,
    /// What the last claim took, on its way.
    arriving: Option<Arriving>,
    /// Claims that failed, and may have taken jobs all the same.
    uncertain: Vec<Claim>,
    contention: Contention,
}

#[derive(Clone)]
struct Claim {
    tokens: ClaimTokens,
    sent: Instant,
}

struct Arriving {
    claim: Claim,
    count: usize,
    arrival: JoinHandle<Result<()>>,
}

impl Claimer {
    pub(super) fn new(hub: Arc<Hub>, slots: Arc<Slots>, runs: Arc<dyn HandOver>) -> Self {
        Self {
            desk: Arc::new(Desk { hub, slots, runs }),
            arriving: None,
            uncertain: Vec::new(),
            contention: Contention::default(),
        }
    }

    /// Claims, and sees to it that the jobs are handed over; how many, and whether that was all.
    pub(super) async fn claim(&mut self, room: Room) -> Result<(usize, bool)> {
        self.settle_uncertain().await?;
        let mut claim = Claim { tokens: ClaimTokens::new(), sent: Instant::now() };
        let desk = self.desk.clone();
        let mut contention = std::mem::take(&mut self.contention);
        let (taken, arrived) =
            tokio::join!(desk.take(room, &mut claim.tokens, &mut contention), self.arrived());
        self.contention = contention;
        let counts = match taken {
            Ok(Taken { jobs, drained, needs_slot }) => {
                let count = jobs.count();
                self.desk.slots.next_needs_slot(needs_slot);
                self.desk.slots.claimed(count);
                match jobs {
                    TakenJobs::Read(jobs) => desk.hand_over(jobs, claim.sent),
                    jobs @ TakenJobs::Counted { .. } => {
                        let arrival = tokio::spawn(desk.receive(jobs, claim.clone()));
                        self.arriving = Some(Arriving { claim, count, arrival });
                    }
                }
                Ok((count, drained))
            }
            Err(error) => {
                self.uncertain.push(claim);
                Err(error)
            }
        };
        arrived.and(counts)
    }

    /// Waits until what the last claim took has been handed over.
    pub(super) async fn arrived(&mut self) -> Result<()> {
        let Some(Arriving { arrival, count, .. }) = &mut self.arriving else {
            return Ok(());
        };
        let arrived = arrival.await.unwrap_or_else(|_| {
            // A mistake of ours ended it: nobody else gives back the room that was made.
            self.desk.slots.taken_back(*count);
            Err(Error::cut_off())
        });
        if let Some(Arriving { claim, .. }) = self.arriving.take()
            && arrived.is_err()
        {
            self.uncertain.push(claim);
        }
        arrived
    }

    /// The processor was stopped: what its last claims took is given back as soon as it is handed over, and that must not be
    /// left to the ends of their leases because a reply was lost. Tries for as long as a claim would be looked up, and no
    /// longer than anybody waits for it.
    pub(super) async fn wind_down(&mut self) {
        let slots = self.desk.slots.clone();
        tokio::select! {
            _ = tokio::time::timeout(RECONCILE_FOR, self.hand_everything_over()) => {}
            () = slots.ended_claiming() => {}
        }
    }

    async fn hand_everything_over(&mut self) {
        _ = self.arrived().await;
        let mut pauses = Backoff::default();
        while self.settle_uncertain().await.is_err() {
            tokio::time::sleep(pauses.next_pause()).await;
        }
    }

    /// However long the server was away: what was taken then would have to wait for the end of its lease.
    async fn settle_uncertain(&mut self) -> Result<()> {
        while let Some(Claim { tokens, sent }) = self.uncertain.last() {
            let Desk { hub, slots, .. } = self.desk.as_ref();
            let jobs = one::claimed_under(&hub.store, &slots.config.job_type, tokens).await?;
            slots.claimed(jobs.len());
            self.desk.hand_over(jobs, *sent);
            self.uncertain.pop();
        }
        Ok(())
    }
}

/// What a claim needs.
struct Desk {
    hub: Arc<Hub>,
    slots: Arc<Slots>,
    runs: Arc<dyn HandOver>,
}

impl Desk {
    async fn take(&self, room: Room, tokens: &mut ClaimTokens, contention: &mut Contention) -> Result<Taken> {
        let lease = LeaseKind::Managed(self.slots.terms.length);
        let job_type = &self.slots.config.job_type;
        if room != Room::ONE {
            return batch::take_batch(
                &self.hub.store,
                &self.hub.unwritable,
                job_type,
                room,
                lease,
                tokens.current(),
                contention,
            )
            .await;
        }
        let patience = RECONCILE_FOR.min(self.slots.terms.length / 2);
        one::claim_one(&self.hub.store, &self.hub.unwritable, job_type, lease, tokens, patience).await
    }

    /// Hands over what was taken, once that is certain. Room has been made for as many as were counted.
    async fn receive(self: Arc<Self>, taken: TakenJobs, claim: Claim) -> Result<()> {
        let counted = taken.count();
        let jobs = taken.acknowledged(&self.hub.store, claim.tokens.current()).await;
        let count = jobs.as_ref().map_or(0, Vec::len);
        self.slots.taken_back(counted.saturating_sub(count));
        self.hand_over(jobs?, claim.sent);
        Ok(())
    }

    fn hand_over(&self, jobs: Vec<ClaimedJob>, sent: Instant) {
        if jobs.is_empty() {
            return;
        }
        let bytes: usize = jobs.iter().map(|job| job.document.as_bytes().len()).sum();
        self.slots.claim_took(sent.elapsed(), bytes / jobs.len());
        self.hub.wakes.known_jobs.add(jobs.iter().filter_map(|job| job.header.id.as_str()));
        self.runs.hand_over(&self.slots, jobs, sent);
    }
}
