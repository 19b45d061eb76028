//! The dispatcher: one per processor, it decides when to claim and how many, and hands the jobs over.
//!
//! ```text
//!                  failure ┌─────────────┐
//!                  ┌─────────│ backing off │
//!                  │         └─────────────┘
//!                  ▼                ▲ failure
//!             ┌──────────┐ ─────────┘     no room    ┌──────┐
//!   start ──▶ │ claiming │ ─────────────────────────▶│ full │
//!             └──────────┘ ◀─────────────────────────└──────┘
//!               ▲  │   ▲         a run has ended
//!       wake-up │  │   └────────────────────┐ something is due
//!      or timer │  ▼ nothing left           │
//!             ┌──────┐   poll          ┌─────────┐
//!             │ idle │ ──────────────▶ │ looking │
//!             └──────┘ ◀────────────── └─────────┘
//!                        nothing is due
//! ```
//! `looking` is one cheap query that finds both what is due and when the next job will be; a worker that has nothing
//! to do sends it once per poll interval and does not try to claim.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::{
    claim::{self, Batch, LeaseKind},
    error::Result,
    event::Sink,
    hub::Hub,
    job::ClaimedJob,
    lease::LeaseTerms,
    outage::Outage,
    prefetch::Prefetch,
    soonest,
    stagger::Stagger,
    wake::{Audience, Listener, Wake, lock},
};

/// Jobs claimed in one go, at most.
const LARGEST_BATCH: usize = 1_000;
/// Verdicts of one processor that may be on their way before it claims more.
const MOST_UNSETTLED: usize = 4_000;
/// The first pause of an idle worker; each one is twice the last, up to the poll interval.
const FIRST_IDLE_PAUSE: Duration = Duration::from_millis(250);

/// How long a claim whose reply was lost is looked up before the outage is reported.
const RECONCILE_FOR: Duration = Duration::from_secs(5);

/// How a processor was configured.
#[derive(Debug, Clone)]
pub struct ProcessorConfig {
    /// The type it handles.
    pub job_type: String,
    /// Handlers at once, at most.
    pub concurrency: usize,
    /// The longest silence between two looks; none for the default, which depends on push.
    pub poll_interval: Option<Duration>,
    /// How often leases are renewed; none for a quarter of the lease.
    pub heartbeat_interval: Option<Duration>,
    /// The longest a lease may be.
    pub visibility_timeout: Duration,
    /// Jobs held beyond the slots; none to go by what is measured.
    pub prefetch: Option<usize>,
}

/// What a processor and its dispatcher share.
pub(crate) struct Slots {
    pub(crate) id: u32,
    pub(crate) config: ProcessorConfig,
    pub(crate) terms: LeaseTerms,
    state: Mutex<SlotState>,
    changed: Notify,
    /// The strongest hint since the last one was taken, so that one that comes in the middle of a round is not missed.
    hint: AtomicU8,
    is_stopped: AtomicBool,
    /// Closed when the dispatcher has ended.
    has_ended: tokio::sync::Semaphore,
}

struct SlotState {
    /// Handed over, and their handlers not known to have ended.
    running: usize,
    /// Ended, and their verdicts not written yet.
    unsettled: usize,
    prefetch: Prefetch,
}

impl Slots {
    pub(crate) fn new(id: u32, config: ProcessorConfig) -> Self {
        let terms = LeaseTerms::new(config.visibility_timeout, config.heartbeat_interval);
        let prefetch = Prefetch::new(config.prefetch, config.concurrency, terms.length);
        Self {
            id,
            terms,
            state: Mutex::new(SlotState { running: 0, unsettled: 0, prefetch }),
            changed: Notify::new(),
            hint: AtomicU8::new(Hint::None as u8),
            is_stopped: AtomicBool::new(false),
            has_ended: tokio::sync::Semaphore::new(0),
            config,
        }
    }

    /// A handler has ended; its slot is free at once, its verdict is on the way.
    pub(crate) fn ended(&self, elapsed: Option<Duration>) {
        let mut state = lock(&self.state);
        state.running = state.running.saturating_sub(1);
        state.unsettled += 1;
        if let Some(elapsed) = elapsed {
            state.prefetch.handler_took(elapsed);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// A verdict has been written, or given up.
    pub(crate) fn settled(&self) {
        let mut state = lock(&self.state);
        state.unsettled = state.unsettled.saturating_sub(1);
        drop(state);
        self.changed.notify_one();
    }

    /// A run has lost its lease: no verdict will come.
    pub(crate) fn lost(&self) {
        let mut state = lock(&self.state);
        state.running = state.running.saturating_sub(1);
        drop(state);
        self.changed.notify_one();
    }

    /// No more claims, for good.
    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    /// No claim is on its way any more, and none will be.
    pub(crate) fn ended_dispatching(&self) {
        self.has_ended.close();
    }

    /// Waits until no claim is on its way any more.
    pub(crate) async fn ended_claiming(&self) {
        // The only way to get through is that it is closed.
        _ = self.has_ended.acquire().await;
    }

    /// How many jobs to claim now. None while it is better to wait until more runs have ended: as long as handlers
    /// have prefetched jobs to go on with, half of the room is let come free first.
    fn wanted(&self) -> usize {
        let state = lock(&self.state);
        let concurrency = self.config.concurrency;
        let capacity = concurrency + state.prefetch.size();
        let room = capacity.saturating_sub(state.running);
        let has_spare_jobs = state.running > concurrency;
        if state.unsettled >= MOST_UNSETTLED || (has_spare_jobs && room < capacity / 2) {
            return 0;
        }
        room.min(LARGEST_BATCH)
    }

    fn claimed(&self, count: usize, took: Duration) {
        let mut state = lock(&self.state);
        state.running += count;
        if count > 0 {
            state.prefetch.claim_took(took);
        }
    }

    fn take_hint(&self) -> Hint {
        Hint::of(self.hint.swap(Hint::None as u8, Ordering::AcqRel))
    }

    fn has_own_hint(&self) -> bool {
        self.hint.load(Ordering::Acquire) == Hint::Own as u8
    }
}

impl Listener for Slots {
    fn wake(&self, wake: &Wake, audience: Audience) {
        let hint = match (wake, audience) {
            (Wake::Type(job_type), _) if *job_type != self.config.job_type => return,
            (_, Audience::Here) => Hint::Own,
            (Wake::Type(_), Audience::Everyone) => Hint::Shared,
            (Wake::Any, Audience::Everyone) => Hint::Vague,
        };
        self.hint.fetch_max(hint as u8, Ordering::AcqRel);
        self.changed.notify_one();
    }
}

/// Why there may be work, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Hint {
    None,
    /// Something may have been missed, here and elsewhere.
    Vague,
    /// A job is there; others have heard of it too.
    Shared,
    /// A job is there; this process knew it first.
    Own,
}

impl Hint {
    fn of(value: u8) -> Self {
        [Self::None, Self::Vague, Self::Shared, Self::Own][usize::from(value)]
    }
}

/// Takes the claimed jobs.
pub(crate) trait HandOver: Send + Sync {
    fn hand_over(&self, slots: &Arc<Slots>, jobs: Vec<ClaimedJob>, claim_sent: Instant);
}

/// What a dispatcher remembers from one idle time to the next.
struct Idleness {
    /// How long to wait for a wake-up before looking without one.
    pause: Duration,
    stagger: Stagger,
    /// Others were told of the same job, so what is found now tells about them.
    is_contest: bool,
}

impl Idleness {
    fn new() -> Self {
        Self { pause: first_idle_pause(), stagger: Stagger::new(), is_contest: false }
    }

    fn learn(&mut self, found: Found) {
        if found == Found::Due {
            return;
        }
        if found == Found::Worked {
            self.pause = first_idle_pause();
        }
        if std::mem::take(&mut self.is_contest) {
            if found == Found::Worked { self.stagger.won() } else { self.stagger.lost() }
        }
    }
}

/// Claims for one processor until it is stopped.
pub(crate) struct Dispatcher {
    pub(crate) hub: Arc<Hub>,
    pub(crate) slots: Arc<Slots>,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) runs: Arc<dyn HandOver>,
}

/// What the dispatcher does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Claim,
    Look,
}

/// What a step found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// There is something to claim.
    Due,
    /// Jobs were claimed, and nothing is left.
    Worked,
    /// There was nothing.
    Nothing,
}

impl Dispatcher {
    pub(crate) async fn run(self) {
        let mut outage = Outage::new(format!("claiming jobs of type \"{}\"", self.slots.config.job_type));
        let mut idleness = Idleness::new();
        let mut step = Step::Claim;
        while !self.slots.is_stopped() {
            let found = match step {
                Step::Claim => self.claim_all_due().await,
                Step::Look => self.look(&mut idleness).await,
            };
            match found {
                Ok(found) => {
                    outage.succeeded(self.sink.as_ref());
                    idleness.learn(found);
                    step = if found == Found::Due { Step::Claim } else { self.idle(&mut idleness).await };
                }
                Err(error) => {
                    idleness.is_contest = false;
                    let wait = outage.failed(&error, self.sink.as_ref());
                    self.sleep(wait).await;
                    step = Step::Claim;
                }
            }
        }
    }

    /// Claims until nothing of the type is left. Waits for room as long as it takes.
    async fn claim_all_due(&self) -> Result<Found> {
        let mut found = Found::Nothing;
        loop {
            let room = self.room().await;
            if room == 0 {
                return Ok(found);
            }
            // The first one alone, in one round trip: most wake-ups are for one job, which should not wait for the
            // three that a batch takes.
            let wanted = if found == Found::Nothing { 1 } else { room };
            self.slots.take_hint();
            let (count, drained) = self.claim(wanted).await?;
            if count > 0 {
                found = Found::Worked;
            }
            // What woke us in the middle may have come after our look.
            if drained && self.slots.take_hint() == Hint::None {
                self.arm_timer().await?;
                return Ok(found);
            }
        }
    }

    /// Claims and hands over; how many, and whether that was all.
    async fn claim(&self, wanted: usize) -> Result<(usize, bool)> {
        let sent = Instant::now();
        let lease = LeaseKind::Managed(self.slots.terms.length);
        let job_type = &self.slots.config.job_type;
        let batch = if wanted == 1 {
            let patience = RECONCILE_FOR.min(self.slots.terms.length / 2);
            let job = claim::claim_one(&self.hub.store, job_type, lease, patience).await?;
            Batch { drained: job.is_none(), jobs: job.into_iter().collect() }
        } else {
            claim::claim_batch(&self.hub.store, job_type, wanted, lease).await?
        };
        let count = batch.jobs.len();
        self.hub.wakes.known_jobs.add(batch.jobs.iter().filter_map(|job| job.header.id.as_str()));
        self.slots.claimed(count, sent.elapsed());
        if count > 0 {
            self.runs.hand_over(&self.slots, batch.jobs, sent);
        }
        Ok((count, batch.drained))
    }

    /// One look that costs a key per priority: is something due, and if not, when will it be?
    async fn look(&self, idleness: &mut Idleness) -> Result<Found> {
        self.slots.take_hint();
        let job_type = &self.slots.config.job_type;
        let sent = Instant::now();
        let soonest = soonest::soonest(&self.hub.store, job_type).await?;
        idleness.stagger.look_took(sent.elapsed());
        let Some(run_at) = soonest else {
            return Ok(Found::Nothing);
        };
        let wait = self.hub.store.server_time().await?.until(run_at);
        if wait.is_zero() {
            return Ok(Found::Due);
        }
        self.hub.wakes.wake_after(job_type, wait);
        Ok(Found::Nothing)
    }

    /// Jobs that are due and blocked would hide the later ones from [`Self::look`].
    async fn arm_timer(&self) -> Result<()> {
        let now = self.hub.store.server_time().await?;
        let job_type = &self.slots.config.job_type;
        if let Some(run_at) = soonest::soonest_after(&self.hub.store, job_type, now.earliest()).await? {
            self.hub.wakes.wake_after(job_type, now.until(run_at));
        }
        Ok(())
    }

    /// Waits until there is room for a claim; how much. Zero when stopped.
    async fn room(&self) -> usize {
        loop {
            if self.slots.is_stopped() {
                return 0;
            }
            match self.slots.wanted() {
                0 => self.slots.changed.notified().await,
                wanted => return wanted,
            }
        }
    }

    /// Waits for a wake-up, and after a pause without one for a look of its own. The pauses grow.
    async fn idle(&self, idleness: &mut Idleness) -> Step {
        let poll_interval =
            self.slots.config.poll_interval.unwrap_or_else(|| self.hub.default_poll_interval());
        // What arrives while others tell of it need not be looked for at short intervals.
        if self.hub.is_pushed() {
            idleness.pause = poll_interval;
        }
        let until = tokio::time::Instant::now() + idleness.pause.min(poll_interval);
        loop {
            if self.slots.is_stopped() {
                return Step::Claim;
            }
            match self.slots.take_hint() {
                Hint::None => {}
                Hint::Own => return Step::Claim,
                shared @ (Hint::Vague | Hint::Shared) => return self.answer_shared(shared, idleness).await,
            }
            if tokio::time::timeout_at(until, self.slots.changed.notified()).await.is_err() {
                idleness.pause = (idleness.pause * 2).min(poll_interval);
                return Step::Look;
            }
        }
    }

    /// Lets others go first, each time others; see [`Stagger`].
    async fn answer_shared(&self, hint: Hint, idleness: &mut Idleness) -> Step {
        idleness.is_contest = hint == Hint::Shared;
        if idleness.stagger.is_alone() {
            return Step::Claim;
        }
        let until = tokio::time::Instant::now() + idleness.stagger.pause(rand::random());
        while !self.slots.is_stopped() && !self.slots.has_own_hint() {
            if tokio::time::timeout_at(until, self.slots.changed.notified()).await.is_err() {
                return Step::Look;
            }
        }
        idleness.is_contest = false;
        Step::Claim
    }

    async fn sleep(&self, pause: Duration) {
        let until = tokio::time::Instant::now() + pause;
        while !self.slots.is_stopped() {
            if tokio::time::timeout_at(until, self.slots.changed.notified()).await.is_err() {
                return;
            }
        }
    }
}

/// Jittered, so that the polls of processes that fell idle together drift apart.
fn first_idle_pause() -> Duration {
    FIRST_IDLE_PAUSE.mul_f64(rand::random_range(0.5..=1.0))
}
