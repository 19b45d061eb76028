//! One processor's claims: each under tokens that are kept until it is known which jobs the claim took.
//!
//! The jobs of a claim of several have to be acknowledged and read before they are handed over. The next claim is made
//! meanwhile; the jobs arrive in the order in which they were claimed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;

use super::slots::Slots;
use crate::{
    base::{
        error::{Error, Result},
        patience::Pauses,
    },
    job::document::ClaimedJob,
    report::{
        event::Sink,
        tasks::{self, Task},
    },
    verbs::claim::{
        batch,
        contention::Contention,
        one,
        room::Room,
        taken::{Taken, TakenJobs},
        taking::LeaseKind,
        tokens::ClaimTokens,
    },
    worker::{hub::Hub, run_events::RunEvents},
};

/// Time for which a claim whose reply was lost is looked up before the outage is reported.
const RECONCILE_FOR: Duration = Duration::from_secs(5);

/// The claimer outlasts a dispatcher that panics: so no claim is forgotten.
pub(crate) struct Claimer {
    processor: Arc<Processor>,
    /// A claim that is being made, or that a panic has ended.
    under_way: Option<Claim>,
    /// The jobs of the last claim, on their way.
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
    arrival: JoinHandle<Result<()>>,
}

impl Claimer {
    pub(crate) fn new(
        hub: Arc<Hub>,
        slots: Arc<Slots>,
        runs: Arc<dyn RunEvents>,
        sink: Arc<dyn Sink>,
    ) -> Self {
        Self {
            processor: Arc::new(Processor { hub, slots, runs, sink }),
            under_way: None,
            arriving: None,
            uncertain: Vec::new(),
            contention: Contention::default(),
        }
    }

    /// Claims, and sees to it that the jobs are handed over. Returns their number, and true if that was all.
    pub(super) async fn claim(&mut self, room: Room) -> Result<(usize, bool)> {
        self.settle_uncertain().await?;
        let Self { processor, under_way, arriving, uncertain, contention } = self;
        let tokens = ClaimTokens::new(&processor.hub.store);
        let tokens = &mut under_way.insert(Claim { tokens, sent: Instant::now() }).tokens;
        let (taken, arrived) =
            tokio::join!(processor.take(room, tokens, contention), processor.arrived(arriving, uncertain));
        let counts = match (taken, under_way.take()) {
            (Ok(Taken { jobs, exhausted, needs_slot }), Some(claim)) => {
                let count = jobs.count();
                processor.slots.next_needs_slot(needs_slot);
                processor.slots.claimed(count);
                match jobs {
                    TakenJobs::Read(jobs) => processor.hand_over(jobs, claim.sent),
                    jobs @ TakenJobs::Counted { .. } => {
                        let arrival = processor.receiving(jobs, claim.clone());
                        *arriving = Some(Arriving { claim, arrival });
                    }
                }
                Ok((count, exhausted))
            }
            (Err(error), claim) => {
                uncertain.extend(claim);
                Err(error)
            }
            (Ok(_), None) => Err(Error::interrupted()),
        };
        arrived.and(counts)
    }

    /// Waits until the jobs of the last claim have been handed over.
    pub(super) async fn arrived(&mut self) -> Result<()> {
        self.processor.arrived(&mut self.arriving, &mut self.uncertain).await
    }

    /// The processor was stopped, or its type paused. The jobs of its last claims are given back as soon as they are
    /// handed over. A lost reply must not leave them to the ends of their leases. Tries for as long as a claim would
    /// be looked up, and no longer than a caller waits for it.
    pub(super) async fn wind_down(&mut self) {
        let slots = self.processor.slots.clone();
        tokio::select! {
            _ = tokio::time::timeout(RECONCILE_FOR, self.hand_everything_over()) => {}
            () = slots.ended_claiming() => {}
        }
    }

    async fn hand_everything_over(&mut self) {
        _ = self.arrived().await;
        let mut pauses = Pauses::default();
        while self.settle_uncertain().await.is_err() {
            tokio::time::sleep(pauses.next_pause()).await;
        }
    }

    /// Even after a long outage of the server: jobs taken then would have to wait for the ends of their leases.
    async fn settle_uncertain(&mut self) -> Result<()> {
        self.uncertain.extend(self.under_way.take());
        let made = self.processor.slots.take_uncertain();
        self.uncertain.extend(made.into_iter().map(|(token, sent)| Claim {
            tokens: ClaimTokens::of(token, self.processor.hub.store.worker()),
            sent,
        }));
        while let Some(Claim { tokens, sent }) = self.uncertain.last() {
            let Processor { hub, slots, .. } = self.processor.as_ref();
            let jobs = one::claimed_under(&hub.store, &slots.config.job_type, tokens).await?;
            slots.claimed(jobs.len());
            self.processor.hand_over(jobs, *sent);
            self.uncertain.pop();
        }
        Ok(())
    }
}

/// One processor: the source of its jobs, and their destination.
struct Processor {
    hub: Arc<Hub>,
    slots: Arc<Slots>,
    runs: Arc<dyn RunEvents>,
    sink: Arc<dyn Sink>,
}

impl Processor {
    async fn arrived(&self, arriving: &mut Option<Arriving>, uncertain: &mut Vec<Claim>) -> Result<()> {
        let Some(Arriving { arrival, .. }) = arriving else {
            return Ok(());
        };
        let arrived = arrival.await.unwrap_or_else(|_| Err(Error::interrupted()));
        if let Some(Arriving { claim, .. }) = arriving.take()
            && arrived.is_err()
        {
            uncertain.push(claim);
        }
        arrived
    }

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

    fn receiving(self: &Arc<Self>, taken: TakenJobs, claim: Claim) -> JoinHandle<Result<()>> {
        let (slots, count) = (self.slots.clone(), taken.count());
        let otherwise = move || {
            // At once: the dispatcher may wait for this very room before it looks for the jobs.
            slots.taken_back(count);
            Err(Error::interrupted())
        };
        tasks::run(Task::Arrival, self.sink.clone(), self.clone().receive(taken, claim), otherwise)
    }

    /// Hands over the jobs that were taken, once that is certain. Room has been made for as many as were counted.
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
        self.runs.handed_over(&self.slots, jobs, sent);
    }
}
