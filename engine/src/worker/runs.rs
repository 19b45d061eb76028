//! The managed runs of one engine, from hand-over to settlement, and until their handlers have ended.

mod handed_off;
mod table;
mod transaction;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use self::table::{Next, Run, SlotNews, State, Table};
use super::{
    dispatch::slots::Slots, hub::Hub, renewer::lease::HeldLease, run_events::RunEvents,
    verdict_writer::AwaitedVerdict,
};
use crate::{
    base::{
        error::{Error, Result},
        sync::lock,
    },
    job::{
        document::{self, ClaimedJob, Header},
        lease::LeaseTerms,
        log::LogBounds,
        verdict::{Details, Settled, Verdict},
    },
    report::{
        event::{Event, RunResult, Sink},
        tally::Count,
    },
    verbs::settle::prepared::VerdictRequest,
    wake::hints::{Audience, Wake},
};

/// The end of one run.
#[derive(Debug, Clone)]
pub struct RunVerdict {
    /// The run's id.
    pub run_id: u32,
    /// The intended end.
    pub verdict: Verdict,
    /// The reason, if it went wrong.
    pub reason: Option<String>,
    /// Further details.
    pub details: Details,
    /// True if the run's slot is free with this. False while its handler works on: then a [`FreedSlot`] follows.
    pub frees_slot: bool,
    /// Time that the handler ran; none if it never started. Counts with the slot.
    pub elapsed: Option<Duration>,
}

/// The end of a handler whose run had ended before it.
#[derive(Debug, Clone)]
pub struct FreedSlot {
    /// The run whose slot is free. No verdict of it will come any more.
    pub run_id: u32,
    /// Time that the handler ran; none if it never started.
    pub elapsed: Option<Duration>,
}

/// The runs that still expect an event.
pub(crate) struct Runs {
    table: Mutex<Table>,
    next_id: AtomicU32,
    /// Verdicts on their way, until the callers that wait for them have an answer.
    unanswered: AtomicUsize,
    answered: tokio::sync::Notify,
    sink: Arc<dyn Sink>,
    log_bounds: LogBounds,
    hub: Arc<Hub>,
    this: std::sync::Weak<Self>,
}

impl Runs {
    pub(crate) fn new(hub: Arc<Hub>, sink: Arc<dyn Sink>, log_bounds: LogBounds) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            table: Mutex::default(),
            next_id: AtomicU32::new(1),
            unanswered: AtomicUsize::new(0),
            answered: tokio::sync::Notify::new(),
            sink,
            log_bounds,
            hub,
            this: this.clone(),
        })
    }

    fn as_events(&self) -> Option<Arc<dyn RunEvents>> {
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
        let Some(events) = self.as_events() else {
            return Vec::new();
        };
        let mut run_ids = Vec::with_capacity(headers.len());
        let mut leases = Vec::with_capacity(headers.len());
        // Held until the leases are known too: a run that is forgotten in between would be renewed for ever.
        let mut table = lock(&self.table);
        for header in headers {
            let run_id = self.next_id.fetch_add(1, Ordering::Relaxed);
            leases.push(HeldLease {
                id: header.id.clone(),
                token: header.token.clone().unwrap_or_default(),
                terms,
                sent,
                run_id,
                runs: events.clone(),
                suspended: None,
                turn: 0,
            });
            table.insert(run_id, Run::new(header, slots.cloned()));
            run_ids.push(run_id);
        }
        self.hub.renewer.add(leases);
        drop(table);
        run_ids
    }

    /// Ends claimed jobs that are not to be started any more, as no handler hears of them.
    fn end_unstarted(&self, slots: &Arc<Slots>, jobs: Vec<ClaimedJob>, claim_sent: Instant) {
        let verdicts: Vec<Verdict> = jobs.iter().filter_map(|job| job.header.end_unstarted()).collect();
        let headers = jobs.into_iter().map(|job| job.header).collect();
        let run_ids = self.begin(headers, Some(slots), slots.terms, claim_sent);
        self.finish(run_ids.into_iter().zip(verdicts).map(|(run_id, verdict)| unstarted(run_id, verdict)));
    }

    /// Takes verdicts. Those of runs that are not known, lost ones included, only free their slots.
    pub(crate) fn finish(&self, verdicts: impl IntoIterator<Item = RunVerdict>) {
        let mut table = lock(&self.table);
        let taken = self.take(&mut table, verdicts);
        drop(table);
        self.send(taken);
    }

    fn take(&self, table: &mut Table, verdicts: impl IntoIterator<Item = RunVerdict>) -> Taken {
        let mut taken = Taken { verdicts: Vec::new(), news: SlotNews::new() };
        for RunVerdict { run_id, verdict, reason, details, frees_slot, elapsed } in verdicts {
            if let Some(header) = table.verdict_came(run_id, &mut taken.news) {
                let log = Some(self.log_bounds);
                let request = VerdictRequest { header, verdict, reason, is_only_settler: true, log, details };
                taken.verdicts.push((run_id, request));
            }
            if frees_slot {
                table.free_slot(run_id, elapsed, &mut taken.news);
            }
        }
        // While the table is locked: a caller that finds no run to take back must not miss the verdicts on their way.
        self.unanswered.fetch_add(taken.verdicts.len(), Ordering::AcqRel);
        taken
    }

    fn send(&self, Taken { verdicts, news }: Taken) {
        news.tell();
        let Some(events) = self.as_events() else { return };
        // Not while the table is locked: a verdict that is lost tells the runs, and these look into the table.
        let awaited = |(run_id, request)| AwaitedVerdict::new(request, run_id, &events);
        self.hub.verdict_writer.write(verdicts.into_iter().map(awaited).collect());
    }

    /// Those of these runs whose handlers may not be started any more. An event tells the fate of each.
    pub(crate) fn gone_among(&self, run_ids: &[u32]) -> Vec<u32> {
        let Some(events) = self.as_events() else { return run_ids.to_vec() };
        self.hub.renewer.give_up_overdue_among(&events, run_ids);
        let table = lock(&self.table);
        run_ids.iter().copied().filter(|run_id| !table.is_running(*run_id)).collect()
    }

    /// Handlers have ended after their runs. A run without a verdict is left to the end of its lease.
    pub(crate) fn free(&self, freed: impl IntoIterator<Item = FreedSlot>) {
        let mut news = SlotNews::new();
        let mut forgotten = Vec::new();
        {
            let mut table = lock(&self.table);
            for FreedSlot { run_id, elapsed } in freed {
                if table.end_if_running(run_id) {
                    forgotten.push(run_id);
                }
                table.free_slot(run_id, elapsed, &mut news);
            }
        }
        self.let_go(forgotten);
        news.tell();
    }

    /// Gives back every job that no verdict came for, and says so first: their handlers are not to go on.
    pub(crate) fn take_back_all(&self) {
        let mut table = lock(&self.table);
        let run_ids = table.running();
        let taken = self.take(&mut table, run_ids.iter().copied().map(released));
        drop(table);
        if !run_ids.is_empty() {
            self.sink.event(Event::TakenBack(run_ids));
        }
        self.send(taken);
    }

    /// Forgets every run. Jobs that could not be given back or written in time are left to the ends of their leases.
    /// Callers that wait for a verdict get an answer now.
    pub(crate) fn abandon(&self) {
        let (mut run_ids, mut unwritten, mut lost) = (Vec::new(), Vec::new(), Vec::new());
        for (run_id, run) in lock(&self.table).drain() {
            run_ids.push(run_id);
            match run.state {
                State::Running => lost.push(run_id),
                State::Settling => {
                    unwritten.push(RunResult { run_id, outcome: Err(Error::cut_off()) });
                    if run.holds_slot {
                        lost.push(run_id);
                    }
                }
                State::Over => {}
            }
        }
        self.let_go(run_ids);
        self.tell(unwritten, lost);
    }

    /// Waits until every verdict has been written or given up, and answered.
    pub(crate) async fn all_answered(&self) {
        loop {
            let answered = self.answered.notified();
            if self.unanswered.load(Ordering::Acquire) == 0 {
                return;
            }
            answered.await;
        }
    }

    fn tell(&self, results: Vec<RunResult>, lost: Vec<u32>) {
        if !results.is_empty() {
            self.sink.event(Event::Settled(results));
        }
        if !lost.is_empty() {
            self.sink.event(Event::LeaseLost(lost));
        }
    }

    fn let_go(&self, run_ids: impl IntoIterator<Item = u32>) {
        if let Some(events) = self.as_events() {
            self.hub.renewer.remove(&events, run_ids);
        }
    }

    /// Wakes others for the jobs that may run now that this one has been settled.
    pub(crate) fn pass_on(&self, header: &Header, settled: Settled) {
        self.count(header, settled);
        match settled {
            Settled::RetryScheduled(delay) | Settled::Deferred(delay) => {
                self.hub.wakes.wake_after(&header.job_type, delay);
            }
            Settled::Released => self.wake_here(header),
            _ if header.may_have_follower() => self.wake_here(header),
            _ => {}
        }
    }

    fn count(&self, header: &Header, settled: Settled) {
        let ended = match settled {
            Settled::Completed => Count::Completed,
            Settled::Superseded => Count::Superseded,
            Settled::FailedTerminal if header.attempt >= header.max_attempts => Count::Exhausted,
            Settled::FailedTerminal => Count::Fatal,
            Settled::RetryScheduled(_) => Count::FailedAttempt,
            Settled::Cancelled => Count::Cancelled,
            Settled::Expired => Count::Expired,
            _ => return,
        };
        let tally = self.hub.upkeep.tallies.of(&header.job_type);
        tally.count(ended);
        if settled == Settled::FailedTerminal {
            tally.count(Count::FailedAttempt);
        }
    }

    fn wake_here(&self, header: &Header) {
        self.hub.wakes.wake(&Wake::Type(header.job_type.clone()), Audience::Here);
    }
}

/// Verdicts that were taken, and the news of them.
struct Taken {
    verdicts: Vec<(u32, VerdictRequest)>,
    news: SlotNews,
}

/// The verdict on a run whose handler is not to start, or not to go on.
fn unstarted(run_id: u32, verdict: Verdict) -> RunVerdict {
    let details = Details::default();
    RunVerdict { run_id, verdict, reason: None, details, frees_slot: true, elapsed: None }
}

fn released(run_id: u32) -> RunVerdict {
    unstarted(run_id, Verdict::Release)
}

impl RunEvents for Runs {
    fn handed_over(&self, slots: &Arc<Slots>, jobs: Vec<ClaimedJob>, claim_sent: Instant) {
        let (jobs, over): (Vec<_>, Vec<_>) =
            jobs.into_iter().partition(|job| job.header.end_unstarted().is_none());
        if !over.is_empty() {
            self.end_unstarted(slots, over, claim_sent);
        }
        if jobs.is_empty() {
            return;
        }
        let size = jobs.iter().map(|job| job.document.as_bytes().len()).sum();
        let mut documents = Vec::with_capacity(size);
        let mut headers = Vec::with_capacity(jobs.len());
        for job in jobs {
            if let Some(waited) = document::waited(&job.document) {
                slots.has_waited(waited);
            }
            documents.extend_from_slice(job.document.as_bytes());
            headers.push(job.header);
        }
        let run_ids = self.begin(headers, Some(slots), slots.terms, claim_sent);
        // The claim was on its way when the processor was stopped, so no handler will run these. Or its type was
        // paused. Or the claim took so long that the leases might be given up before the jobs arrive.
        if !slots.is_claiming() || !slots.terms.is_worth_starting(claim_sent, Instant::now()) {
            self.finish(run_ids.into_iter().map(released));
            return;
        }
        self.sink.event(Event::Jobs { processor_id: slots.id, run_ids, documents });
        if slots.is_paused() {
            // Paused since the look above, so that the sink may have heard of that before it heard of these.
            self.sink.event(Event::Paused(slots.config.job_type.clone()));
        }
    }

    fn lease_lost(&self, run_id: u32) {
        // If its verdict is on the way, the fence will tell.
        if lock(&self.table).end_if_running(run_id) {
            self.sink.event(Event::LeaseLost(vec![run_id]));
        }
    }

    fn cancel_requested(&self, run_id: u32, reason: Option<String>) {
        self.sink.event(Event::CancelRequested { run_id, reason });
    }

    fn is_responsive(&self) -> bool {
        self.sink.is_responsive()
    }

    fn settled(&self, outcomes: Vec<(u32, Result<Settled>)>) {
        let Some(events) = self.as_events() else { return };
        let count = outcomes.len();
        let mut results = Vec::with_capacity(count);
        let (mut passed_on, mut over, mut lost) = (Vec::new(), Vec::with_capacity(count), Vec::new());
        let mut news = SlotNews::new();
        {
            let mut table = lock(&self.table);
            for (run_id, outcome) in outcomes {
                let is_held = || self.hub.renewer.holds(&events, run_id);
                let Some((header, next)) = table.settled(run_id, outcome.is_ok(), is_held, &mut news) else {
                    continue;
                };
                match next {
                    Next::Over => over.push(run_id),
                    Next::Lost => lost.push(run_id),
                    Next::GoesOn => {}
                }
                if let Ok(settled) = &outcome {
                    passed_on.push((header, *settled));
                }
                results.push(RunResult { run_id, outcome });
            }
        }
        self.let_go(over);
        for (header, settled) in passed_on {
            self.pass_on(&header, settled);
        }
        news.tell();
        self.tell(results, lost);
        // Not before: a shutdown waits for this, and after it nothing listens.
        self.unanswered.fetch_sub(count, Ordering::AcqRel);
        self.answered.notify_waiters();
    }
}
