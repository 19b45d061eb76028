//! The state that a processor and its dispatcher share: the room that there is, and hints of work.

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

mod hint;
mod quiet;

pub(crate) use hint::Hint;

use super::prefetch::Prefetch;
use crate::{
    base::sync::lock,
    job::{lease::LeaseTerms, retention::Policy},
    report::tally::TypeTally,
    verbs::claim::room::Room,
};

/// Jobs claimed in one go, at most.
const LARGEST_BATCH: usize = 1_000;
/// Verdicts of one processor that may be on their way before it claims more.
const MOST_UNSETTLED: usize = 4_000;

/// The settings of a processor.
#[derive(Debug, Clone)]
pub struct ProcessorConfig {
    /// The type it handles.
    pub job_type: String,
    /// Handlers at once, at most, in the beginning.
    pub concurrency: usize,
    /// The longest silence between two looks; none for the default, which depends on push.
    pub poll_interval: Option<Duration>,
    /// Time between renewals of leases; none for a quarter of the lease.
    pub heartbeat_interval: Option<Duration>,
    /// The longest a lease may be.
    pub visibility_timeout: Duration,
    /// Jobs held beyond the slots; none to go by measurement.
    pub prefetch: Option<usize>,
}

/// The state that a processor and its dispatcher share.
pub(crate) struct Slots {
    pub(crate) id: u32,
    pub(crate) config: ProcessorConfig,
    pub(crate) terms: LeaseTerms,
    /// Periods for which its queue keeps ended jobs.
    pub(crate) retention: OnceLock<Arc<Policy>>,
    /// The counts of its jobs, once its collection is known.
    pub(in crate::worker) tally: OnceLock<Arc<TypeTally>>,
    state: Mutex<SlotState>,
    pub(in crate::worker) changed: Notify,
    /// The strongest hint since the last one was taken, so that one that comes in the middle of a round is not missed.
    hint: AtomicU8,
    is_stopped: AtomicBool,
    is_paused: AtomicBool,
    /// Closed when the dispatcher has ended.
    has_ended: tokio::sync::Semaphore,
}

struct SlotState {
    /// Handlers at once, at most.
    concurrency: usize,
    /// Jobs handed over whose handlers are not known to have ended.
    running: usize,
    /// Verdicts that have come and are not written yet.
    unsettled: usize,
    prefetch: Prefetch,
    /// The next job in line is none that may be claimed ahead.
    next_needs_slot: bool,
    /// The last look found nothing due, and no wake-up has come since.
    is_quiet: bool,
    /// Tokens of jobs that may have been made as claimed, and since when.
    uncertain: Vec<(String, Instant)>,
}

impl Slots {
    pub(crate) fn new(id: u32, config: ProcessorConfig) -> Self {
        let terms = LeaseTerms::new(config.visibility_timeout, config.heartbeat_interval);
        let prefetch = Prefetch::new(config.prefetch, config.concurrency, terms.length);
        Self {
            id,
            terms,
            retention: OnceLock::new(),
            tally: OnceLock::new(),
            state: Mutex::new(SlotState {
                concurrency: config.concurrency,
                running: 0,
                unsettled: 0,
                prefetch,
                next_needs_slot: false,
                is_quiet: false,
                uncertain: Vec::new(),
            }),
            changed: Notify::new(),
            hint: AtomicU8::new(Hint::None as u8),
            is_stopped: AtomicBool::new(false),
            is_paused: AtomicBool::new(false),
            has_ended: tokio::sync::Semaphore::new(0),
            config,
        }
    }

    /// The jobs that may run at once, and those handed over whose handlers are not known to have ended.
    pub(in crate::worker) fn load(&self) -> (usize, usize) {
        let state = lock(&self.state);
        (state.concurrency, state.running)
    }

    /// Notes the time that a job had been due when it was handed over.
    pub(in crate::worker) fn has_waited(&self, waited: Duration) {
        if let Some(tally) = self.tally.get() {
            tally.wait.add(waited);
        }
    }

    /// Handlers have ended, after these times if they had begun: their slots are free, even while their verdicts are
    /// on the way.
    pub(crate) fn freed(&self, durations: impl IntoIterator<Item = Option<Duration>>) {
        let mut state = lock(&self.state);
        for elapsed in durations {
            state.running = state.running.saturating_sub(1);
            if let Some(elapsed) = elapsed {
                state.prefetch.handler_took(elapsed);
                if let Some(tally) = self.tally.get() {
                    tally.run.add(elapsed);
                }
            }
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Verdicts have come, and are on the way.
    pub(crate) fn settling(&self, verdicts: usize) {
        lock(&self.state).unsettled += verdicts;
    }

    /// Verdicts have been written, or given up.
    pub(crate) fn settled(&self, verdicts: usize) {
        let mut state = lock(&self.state);
        state.unsettled = state.unsettled.saturating_sub(verdicts);
        drop(state);
        self.changed.notify_one();
    }

    /// Sets the number of handlers at once from now on; running ones go on.
    pub(crate) fn set_concurrency(&self, concurrency: usize) {
        let mut state = lock(&self.state);
        state.concurrency = concurrency;
        state.prefetch.slots(concurrency);
        drop(state);
        self.changed.notify_one();
    }

    /// Stops the claims for good.
    pub(crate) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    /// Pauses or resumes the claims.
    pub(crate) fn pause(&self, is_paused: bool) {
        self.is_paused.store(is_paused, Ordering::Release);
        self.changed.notify_one();
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Acquire)
    }

    /// True if it may claim now.
    pub(crate) fn is_claiming(&self) -> bool {
        !self.is_stopped() && !self.is_paused()
    }

    /// No claim is on its way any more, and none will be.
    pub(crate) fn ended_dispatching(&self) {
        self.has_ended.close();
    }

    /// Waits until no claim is on its way any more.
    pub(crate) async fn ended_claiming(&self) {
        // The wait ends only when the semaphore is closed.
        _ = self.has_ended.acquire().await;
    }

    /// The number of jobs that there is room for now. It is 0 while it is better to wait until more runs have ended.
    /// As long as handlers have prefetched jobs to go on with, half of the room is let come free first.
    pub(super) fn room(&self) -> Room {
        let state = lock(&self.state);
        let concurrency = state.concurrency;
        let ahead = if state.next_needs_slot || concurrency == 0 { 0 } else { state.prefetch.size() };
        let capacity = concurrency + ahead;
        let room = capacity.saturating_sub(state.running);
        let has_spare_jobs = state.running > concurrency;
        if state.unsettled >= MOST_UNSETTLED || (has_spare_jobs && room < capacity / 2) {
            return Room { free: 0, ahead: 0 };
        }
        let free = concurrency.saturating_sub(state.running);
        // Half of it at most beyond the free slots: then the next claim is on its way while these run.
        let total = room.min(free + capacity.div_ceil(2)).min(LARGEST_BATCH);
        let free = free.min(total);
        Room { free, ahead: total - free }
    }

    /// Notes if the last claim has found that the next one must wait for a free slot.
    pub(super) fn next_needs_slot(&self, needs_slot: bool) {
        lock(&self.state).next_needs_slot = needs_slot;
    }

    /// Notes jobs that are claimed, and are handed over soon.
    pub(super) fn claimed(&self, count: usize) {
        lock(&self.state).running += count;
    }

    /// Notes that some of them are not claimed after all.
    pub(crate) fn taken_back(&self, count: usize) {
        if count > 0 {
            let mut state = lock(&self.state);
            state.running = state.running.saturating_sub(count);
            drop(state);
            self.changed.notify_one();
        }
    }

    /// Notes the time of a claim of jobs that weigh so much each.
    pub(super) fn claim_took(&self, took: Duration, bytes_each: usize) {
        let prefetch = &mut lock(&self.state).prefetch;
        prefetch.claim_took(took);
        prefetch.jobs_weighed(bytes_each);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wake::hints::{Audience, Listener, Wake};

    fn slots(concurrency: usize, prefetch: usize) -> Slots {
        Slots::new(
            1,
            ProcessorConfig {
                job_type: "t".to_owned(),
                concurrency,
                poll_interval: None,
                heartbeat_interval: None,
                visibility_timeout: Duration::from_secs(300),
                prefetch: Some(prefetch),
            },
        )
    }

    const TOOK: Duration = Duration::from_millis(5);

    #[test]
    fn room_is_what_the_running_jobs_leave() {
        let slots = slots(3, 0);
        assert_eq!(slots.room().total(), 3);
        slots.claimed(2);
        assert_eq!(slots.room().total(), 1);
        slots.claimed(1);
        assert_eq!(slots.room().total(), 0);
        slots.settling(1);
        assert_eq!(slots.room().total(), 0, "a handler that has settled its job by itself may work on");
        slots.freed([Some(TOOK)]);
        assert_eq!(slots.room().total(), 1, "a slot is free while its verdict is on the way");
        slots.freed([None]);
        assert_eq!(slots.room().total(), 2);
    }

    #[test]
    fn a_processor_of_no_slots_has_no_room_and_one_of_more_has_more() {
        let slots = slots(0, 8);
        assert_eq!(slots.room().total(), 0);
        slots.set_concurrency(2);
        assert_eq!(slots.room().free, 2);
        slots.claimed(2);
        slots.set_concurrency(0);
        slots.freed([Some(TOOK)]);
        assert_eq!(slots.room().total(), 0, "nothing is held ahead for slots that there are none of");
        slots.set_concurrency(3);
        assert_eq!(slots.room().free, 2);
    }

    #[test]
    fn prefetched_jobs_are_topped_up_when_half_of_the_room_is_free() {
        let slots = slots(2, 8);
        slots.claimed(10);
        for _ in 0..4 {
            slots.freed([Some(TOOK)]);
            assert_eq!(slots.room().total(), 0);
        }
        slots.freed([Some(TOOK)]);
        assert_eq!(slots.room().total(), 5);
    }

    #[test]
    fn a_handler_that_has_nothing_to_go_on_with_is_not_kept_waiting() {
        let slots = slots(2, 3);
        slots.claimed(2);
        assert_eq!(slots.room(), Room { free: 0, ahead: 3 });
    }

    #[test]
    fn a_job_that_needs_a_slot_waits_for_one() {
        let slots = slots(2, 3);
        slots.claimed(2);
        slots.next_needs_slot(true);
        assert_eq!(slots.room(), Room { free: 0, ahead: 0 });
        slots.freed([Some(TOOK)]);
        assert_eq!(slots.room(), Room { free: 1, ahead: 0 });
        slots.next_needs_slot(false);
        assert_eq!(slots.room(), Room { free: 1, ahead: 3 });
    }

    #[test]
    fn verdicts_that_pile_up_stop_the_claims() {
        let slots = slots(1, 0);
        for _ in 0..MOST_UNSETTLED {
            slots.claimed(1);
            slots.settling(1);
            slots.freed([None]);
        }
        assert_eq!(slots.room().total(), 0);
        slots.settled(1);
        assert_eq!(slots.room().total(), 1);
    }

    #[test]
    fn a_slot_that_is_freed_twice_makes_no_extra_room() {
        let slots = slots(2, 0);
        slots.claimed(1);
        for _ in 0..5 {
            slots.freed([None]);
            slots.settled(1);
        }
        assert_eq!(slots.room().total(), 2);
    }

    #[test]
    fn one_claim_takes_no_more_than_a_batch() {
        assert_eq!(slots(100_000, 0).room().total(), LARGEST_BATCH);
    }

    #[test]
    fn the_strongest_hint_counts_and_others_types_do_not() {
        let slots = slots(1, 0);
        slots.wake(&Wake::Type("u".to_owned()), Audience::Here);
        assert_eq!(slots.take_hint(), Hint::None);
        slots.wake(&Wake::Type("t".to_owned()), Audience::Here);
        slots.wake(&Wake::Any, Audience::Everyone);
        assert!(slots.has_own_hint());
        assert_eq!(slots.take_hint(), Hint::Own);
        assert_eq!(slots.take_hint(), Hint::None);
        slots.wake(&Wake::Any, Audience::Everyone);
        slots.wake(&Wake::Type("t".to_owned()), Audience::Everyone);
        assert_eq!(slots.take_hint(), Hint::Shared);
    }

    #[tokio::test]
    async fn a_caller_that_waits_for_the_claims_to_end_hears_of_it_before_and_after() {
        let slots = slots(1, 0);
        tokio::join!(slots.ended_claiming(), async { slots.ended_dispatching() });
        slots.ended_claiming().await;
    }
}
