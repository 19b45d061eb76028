//! The dispatcher: one per processor, it decides on the time and the size of claims, and hands the jobs over.
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
//! `looking` is one cheap query that finds both the jobs that are due and the time of the next one. A worker that has
//! nothing to do sends it once per poll interval and does not try to claim.

mod claimer;
mod prefetch;
mod rivals;
pub(crate) mod slots;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Mutex;

use self::{
    claimer::Claimer,
    rivals::Stagger,
    slots::{Hint, Slots},
};
use super::{hub::Hub, run_events::RunEvents};
use crate::{
    base::error::Result,
    report::{
        event::Sink,
        outage::{Outage, OutageLog},
    },
    store::soonest::{self, Soonest},
    verbs::claim::room::Room,
    wake::stream::watch::WantedType,
};

/// The first pause of an idle worker; each one is twice the last, up to the poll interval.
const FIRST_IDLE_PAUSE: Duration = Duration::from_millis(250);

/// The most of a pause that chance takes away.
const MOST_JITTER: f64 = 0.2;

/// Time between two looks for an answer of the handlers' thread.
const WHILE_STUCK: Duration = Duration::from_millis(200);

/// Memory of a dispatcher from one idle time to the next.
struct Idleness {
    /// Time to wait for a wake-up before looking without one.
    pause: Duration,
    stagger: Stagger,
    /// Others have the same hint, so the result of the look tells about them.
    is_contest: bool,
}

impl Idleness {
    fn new() -> Self {
        Self { pause: FIRST_IDLE_PAUSE, stagger: Stagger::new(), is_contest: false }
    }

    fn learn(&mut self, found: Found) {
        if found == Found::Due {
            return;
        }
        if found == Found::Worked {
            self.pause = FIRST_IDLE_PAUSE;
        }
        if std::mem::take(&mut self.is_contest) {
            if found == Found::Worked { self.stagger.won() } else { self.stagger.lost() }
        }
    }
}

/// Claims for one processor until it is stopped.
pub(crate) struct Dispatcher {
    hub: Arc<Hub>,
    slots: Arc<Slots>,
    sink: Arc<dyn Sink>,
    claimer: Mutex<Claimer>,
    /// The engine's processors tell of an outage together.
    outages: Arc<OutageLog>,
    _wanted: WantedType,
}

/// The next act of the dispatcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Claim,
    Look,
}

/// The result of a step.
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
    pub(crate) fn new(
        hub: Arc<Hub>,
        slots: Arc<Slots>,
        sink: Arc<dyn Sink>,
        runs: Arc<dyn RunEvents>,
        outages: Arc<OutageLog>,
    ) -> Self {
        let wanted = hub.watch.want_type(&slots.config.job_type);
        hub.wakes.add(&slots);
        let claimer = Mutex::new(Claimer::new(hub.clone(), slots.clone(), runs, sink.clone()));
        Self { hub, slots, sink, claimer, outages, _wanted: wanted }
    }

    /// Claims, until the processor is stopped. After a panic it goes on in its former state.
    pub(crate) async fn run(&self) {
        let claimer = &mut *self.claimer.lock().await;
        let mut outage = Outage::told_by(self.outages.clone());
        let mut idleness = Idleness::new();
        let mut step = Step::Claim;
        self.hub.upkeep.enter(&self.slots).await;
        while !self.slots.is_stopped() {
            if self.slots.is_paused() {
                claimer.wind_down().await;
                self.resumed().await;
                step = Step::Claim;
                continue;
            }
            outage.begin();
            let found = match step {
                Step::Claim => self.claim_all_due(claimer, &mut outage).await,
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
        claimer.wind_down().await;
    }

    /// Claims until nothing of the type is left. Waits for room as long as it takes.
    async fn claim_all_due(&self, claimer: &mut Claimer, outage: &mut Outage) -> Result<Found> {
        let mut found = Found::Nothing;
        loop {
            let Some(room) = self.room().await else {
                claimer.arrived().await?;
                return Ok(found);
            };
            // The first one alone, in one round trip: most wake-ups are for one job, which should not wait for the
            // three that a batch takes.
            let room = if found == Found::Nothing { room.for_one() } else { room };
            self.slots.take_hint();
            let asked = Instant::now();
            outage.begin();
            let (count, exhausted) = claimer.claim(room).await?;
            // Here too, since a backlog may take hours.
            outage.succeeded(self.sink.as_ref());
            if count > 0 {
                found = Found::Worked;
            }
            if exhausted {
                claimer.arrived().await?;
            }
            // The hint that woke this task in the middle may have come after its look.
            if exhausted && self.slots.take_hint() == Hint::None && !self.arm_timer(asked).await? {
                return Ok(found);
            }
        }
    }

    /// One look that costs a key per priority: is something due, and if not, when will it be?
    async fn look(&self, idleness: &mut Idleness) -> Result<Found> {
        self.slots.take_hint();
        let job_type = &self.slots.config.job_type;
        let sent = Instant::now();
        let (soonest, never_due) = soonest::soonest(&self.hub.store, job_type).await?;
        for id in &never_due {
            self.hub.unwritable.never_due(id);
        }
        idleness.stagger.look_took(sent.elapsed());
        let is_due = soonest.is_some_and(|soonest| self.is_due_or_timed(soonest));
        Ok(if is_due { Found::Due } else { Found::Nothing })
    }

    /// Sets the timer for the next job that was not due yet at the look. True if one has become due since. Jobs that
    /// are due and blocked would hide the later ones from [`Self::look`].
    async fn arm_timer(&self, asked: Instant) -> Result<bool> {
        let job_type = &self.slots.config.job_type;
        let soonest = soonest::soonest_since(&self.hub.store, job_type, asked).await?;
        Ok(soonest.is_some_and(|soonest| self.is_due_or_timed(soonest)))
    }

    /// True if there is a job to claim now; if not, a timer is set for it.
    fn is_due_or_timed(&self, soonest: Soonest) -> bool {
        let wait = soonest.wait();
        if !wait.is_zero() {
            self.hub.wakes.wake_after(&self.slots.config.job_type, wait);
        }
        wait.is_zero()
    }

    /// Waits until the type runs again, or the processor is stopped. No timer and no poll counts meanwhile.
    async fn resumed(&self) {
        while self.slots.is_paused() && !self.slots.is_stopped() {
            self.slots.changed.notified().await;
        }
    }

    /// Waits until there is room for a claim, and returns it. None when stopped or paused.
    async fn room(&self) -> Option<Room> {
        while self.slots.is_claiming() {
            if self.sink.is_stuck() {
                // Its leases were let go. A job claimed now would wait in vain, and spend an attempt.
                self.sleep(WHILE_STUCK).await;
                continue;
            }
            let room = self.slots.room();
            if room.total() > 0 {
                return Some(room);
            }
            self.slots.changed.notified().await;
        }
        None
    }

    /// Waits for a wake-up, and after a pause without one for a look of its own. The pauses grow.
    async fn idle(&self, idleness: &mut Idleness) -> Step {
        let step = self.idle_until_hint(idleness).await;
        self.slots.no_longer_quiet();
        step
    }

    async fn idle_until_hint(&self, idleness: &mut Idleness) -> Step {
        let poll_interval =
            self.slots.config.poll_interval.unwrap_or_else(|| self.hub.default_poll_interval());
        // The stream reports new jobs, so short intervals are not needed.
        if self.hub.is_pushed() {
            idleness.pause = poll_interval;
        }
        let wait = jittered(idleness.pause.min(poll_interval), rand::random());
        let until = tokio::time::Instant::now() + wait;
        loop {
            if !self.slots.is_claiming() {
                return Step::Claim;
            }
            match self.slots.take_hint() {
                Hint::None => self.slots.become_quiet(),
                Hint::Own => return Step::Claim,
                shared @ (Hint::Vague | Hint::Shared) => return self.answer_shared(shared, idleness).await,
            }
            if tokio::time::timeout_at(until, self.slots.changed.notified()).await.is_err() {
                idleness.pause = (idleness.pause * 2).min(poll_interval);
                return Step::Look;
            }
        }
    }

    /// Lets others go first, and others each time; see [`Stagger`].
    async fn answer_shared(&self, hint: Hint, idleness: &mut Idleness) -> Step {
        idleness.is_contest = hint == Hint::Shared;
        if idleness.stagger.is_alone() {
            return Step::Claim;
        }
        let until = tokio::time::Instant::now() + idleness.stagger.pause(rand::random());
        while self.slots.is_claiming() && !self.slots.has_own_hint() {
            if tokio::time::timeout_at(until, self.slots.changed.notified()).await.is_err() {
                return Step::Look;
            }
        }
        idleness.is_contest = false;
        Step::Claim
    }

    async fn sleep(&self, pause: Duration) {
        let until = tokio::time::Instant::now() + pause;
        while self.slots.is_claiming() {
            if tokio::time::timeout_at(until, self.slots.changed.notified()).await.is_err() {
                return;
            }
        }
    }
}

/// A wait of at most this length; `random` is between 0 and 1. Each one is drawn anew, so that the looks of processes
/// that were woken together, as all are when the server comes back, drift apart.
fn jittered(longest: Duration, random: f64) -> Duration {
    longest.mul_f64(1.0 - MOST_JITTER * random)
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn no_wait_is_longer_than_the_poll_interval_or_much_shorter() {
        let longest = Duration::from_secs(60);
        assert_eq!(jittered(longest, 0.0), longest);
        assert_eq!(jittered(longest, 1.0), Duration::from_secs(48));
    }

    #[test]
    fn the_looks_of_workers_that_were_woken_together_drift_apart() {
        let mut worker = |seed| {
            let mut random = StdRng::seed_from_u64(seed);
            (0..10).map(|_| jittered(Duration::from_secs(60), random.random())).sum::<Duration>()
        };
        let mut looks: Vec<Duration> = (0..50).map(&mut worker).collect();
        looks.sort_unstable();
        let apart = looks[looks.len() - 1].saturating_sub(looks[0]);
        assert!(apart > Duration::from_secs(20), "after ten looks all are within {apart:?}");
    }
}
