//! The managed runs of one engine, from hand-over to settlement.

mod transaction;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    dispatch::{HandOver, Slots},
    error::Result,
    event::{Event, RunResult, Sink},
    grouping::ByOwner,
    hub::Hub,
    job::{ClaimedJob, Header},
    lease::LeaseTerms,
    renewal::{HeldLease, Holder},
    settle::{Settled, Settlement},
    settler::{Owner, Request},
    transition::Verdict,
    wake::{Audience, Wake, lock},
};

/// The end of one run.
#[derive(Debug, Clone)]
pub struct RunVerdict {
    /// Which run.
    pub run_id: u32,
    /// How it ended.
    pub verdict: Verdict,
    /// Why, if it went wrong.
    pub reason: Option<String>,
    /// How long the handler ran; none if it never started.
    pub elapsed: Option<Duration>,
}

struct Run {
    header: Arc<Header>,
    /// None for a claim made by hand and adopted.
    slots: Option<Arc<Slots>>,
}

/// The runs whose verdict is awaited.
pub(crate) struct Runs {
    running: Mutex<HashMap<u32, Run>>,
    /// Verdicts on their way, and whom they will free.
    settling: Mutex<HashMap<u32, Run>>,
    next_id: AtomicU32,
    sink: Arc<dyn Sink>,
    hub: Arc<Hub>,
    settled: tokio::sync::Notify,
    this: std::sync::Weak<Self>,
}

impl Runs {
    pub(crate) fn new(hub: Arc<Hub>, sink: Arc<dyn Sink>) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            running: Mutex::default(),
            settling: Mutex::default(),
            next_id: AtomicU32::new(1),
            sink,
            hub,
            settled: tokio::sync::Notify::new(),
            this: this.clone(),
        })
    }

    fn holder(&self) -> Option<Arc<dyn Holder>> {
        Some(self.this.upgrade()?)
    }

    /// Takes a run under management: renewed from now on.
    pub(crate) fn adopt(&self, header: Header, terms: LeaseTerms, sent: Instant) -> u32 {
        self.begin(vec![header], None, terms, sent).into_iter().next().unwrap_or_default()
    }

    fn begin(
        &self,
        headers: Vec<Header>,
        slots: Option<&Arc<Slots>>,
        terms: LeaseTerms,
        sent: Instant,
    ) -> Vec<u32> {
        let Some(holder) = self.holder() else {
            return Vec::new();
        };
        let mut run_ids = Vec::with_capacity(headers.len());
        let mut leases = Vec::with_capacity(headers.len());
        // Held until the leases are known too: a run that is forgotten in between would be renewed for ever.
        let mut running = lock(&self.running);
        for header in headers {
            let run_id = self.next_id.fetch_add(1, Ordering::Relaxed);
            leases.push(HeldLease {
                id: header.id.clone(),
                token: header.token.clone().unwrap_or_default(),
                terms,
                sent,
                run_id,
                holder: holder.clone(),
                suspended: None,
            });
            running.insert(run_id, Run { header: header.into(), slots: slots.cloned() });
            run_ids.push(run_id);
        }
        self.hub.renewer.add(leases);
        drop(running);
        run_ids
    }

    /// Takes verdicts. Those of runs that are not known, lost ones included, are ignored.
    pub(crate) fn finish(&self, verdicts: impl IntoIterator<Item = RunVerdict>) {
        let Some(owner) = self.this.upgrade() else { return };
        let mut requests = Vec::new();
        let mut durations = ByOwner::new();
        {
            let mut running = lock(&self.running);
            let mut settling = lock(&self.settling);
            for RunVerdict { run_id, verdict, reason, elapsed } in verdicts {
                let Some(run) = running.remove(&run_id) else { continue };
                let settlement =
                    Settlement { header: run.header.clone(), verdict, reason, is_only_settler: true };
                requests.push(Request { settlement, run_id, owner: owner.clone() });
                if let Some(slots) = &run.slots {
                    durations.add(slots, elapsed);
                }
                settling.insert(run_id, run);
            }
        }
        for (slots, durations) in durations {
            slots.ended(durations);
        }
        self.hub.settler.settle(requests);
    }

    /// Gives back every job that no verdict came for.
    pub(crate) fn release_all(&self) {
        let run_ids: Vec<u32> = lock(&self.running).keys().copied().collect();
        self.finish(run_ids.into_iter().map(released));
    }

    /// Forgets every run: what could not be given back in time is left to the end of its lease.
    pub(crate) fn abandon(&self) {
        let mut run_ids: Vec<u32> = lock(&self.running).drain().map(|(run_id, _)| run_id).collect();
        run_ids.extend(lock(&self.settling).drain().map(|(run_id, _)| run_id));
        if let Some(holder) = self.holder() {
            self.hub.renewer.remove(&holder, run_ids);
        }
    }

    /// Waits until every verdict has been written, or given up.
    pub(crate) async fn all_settled(&self) {
        loop {
            let settled = self.settled.notified();
            if lock(&self.settling).is_empty() {
                return;
            }
            settled.await;
        }
    }

    /// What others may do now that this job has been settled.
    pub(crate) fn pass_on(&self, header: &Header, settled: Settled) {
        match settled {
            Settled::RetryScheduled(delay) => self.hub.wakes.wake_after(&header.job_type, delay),
            Settled::Released => self.wake_here(header),
            _ if header.may_have_follower() => self.wake_here(header),
            _ => {}
        }
    }

    fn wake_here(&self, header: &Header) {
        self.hub.wakes.wake(&Wake::Type(header.job_type.clone()), Audience::Here);
    }
}

fn released(run_id: u32) -> RunVerdict {
    RunVerdict { run_id, verdict: Verdict::Release, reason: None, elapsed: None }
}

impl HandOver for Runs {
    fn hand_over(&self, slots: &Arc<Slots>, jobs: Vec<ClaimedJob>, claim_sent: Instant) {
        let size = jobs.iter().map(|job| job.document.as_bytes().len()).sum();
        let mut documents = Vec::with_capacity(size);
        let mut headers = Vec::with_capacity(jobs.len());
        for job in jobs {
            documents.extend_from_slice(job.document.as_bytes());
            headers.push(job.header);
        }
        let run_ids = self.begin(headers, Some(slots), slots.terms, claim_sent);
        // The claim was on its way when the processor was stopped: nobody is there to run these. Or it took so long that
        // the leases might be given up before anybody hears of the jobs.
        if slots.is_stopped() || !slots.terms.is_worth_starting(claim_sent, Instant::now()) {
            self.finish(run_ids.into_iter().map(released));
            return;
        }
        self.sink.event(Event::Jobs { processor_id: slots.id, run_ids, documents });
    }
}

impl Holder for Runs {
    fn lease_lost(&self, run_id: u32) {
        // Without an entry its verdict is on the way, and the fence will tell.
        let Some(run) = lock(&self.running).remove(&run_id) else {
            return;
        };
        if let Some(slots) = &run.slots {
            slots.lost();
        }
        self.sink.event(Event::LeaseLost(vec![run_id]));
    }

    fn is_responsive(&self) -> bool {
        self.sink.is_responsive()
    }
}

impl Owner for Runs {
    fn settled(&self, outcomes: Vec<(u32, Result<Settled>)>) {
        if let Some(holder) = self.holder() {
            self.hub.renewer.remove(&holder, outcomes.iter().map(|(run_id, _)| *run_id));
        }
        let runs: Vec<Option<Run>> = {
            let mut settling = lock(&self.settling);
            outcomes.iter().map(|(run_id, _)| settling.remove(run_id)).collect()
        };
        let mut by_processor = ByOwner::new();
        for ((run_id, outcome), run) in outcomes.iter().zip(runs) {
            let Some(run) = run else { continue };
            if let Ok(settled) = outcome {
                self.pass_on(&run.header, *settled);
            }
            if let Some(slots) = run.slots {
                by_processor.add(&slots, *run_id);
            }
        }
        for (slots, run_ids) in by_processor {
            slots.settled(run_ids.len());
        }
        let results = outcomes.into_iter().map(|(run_id, outcome)| RunResult { run_id, outcome }).collect();
        self.sink.event(Event::Settled(results));
        self.settled.notify_waiters();
    }
}
