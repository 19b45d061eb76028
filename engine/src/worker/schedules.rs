//! Fires schedules: waits for the soonest, asks the calendar for its occurrences, and has their jobs made.
//!
//! Any process with a processor does so, and none leads. An idle one looks at one index key every few seconds, and at
//! the moment when the next schedule is due. So it learns of the changes by other processes.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use mongodb::bson::Bson;
use tokio::sync::{Notify, oneshot};

use super::hub::Hub;
use crate::{
    base::{error::Result, sync::lock},
    report::{
        event::{Event, LogLevel, Sink},
        outage::Outage,
    },
    verbs::schedules::{
        due::{self, Due, DueSchedule, Soonest},
        fire::{self, Firing},
    },
    wake::hints::{Audience, Wake},
};

/// Time between two looks: less than the 5 s within which a change by another process is seen.
const LOOK_EVERY: Duration = Duration::from_millis(4_500);
/// Time that the calendar may take, and the jobs to be written, after the schedules were read.
const FRESH_FOR: Duration = Duration::from_secs(10);
/// The longest wait in which others may go first, if they were quicker.
const MOST_STAGGER: Duration = Duration::from_millis(40);
/// Time between two looks for an answer of the calendar's thread.
const WHILE_STUCK: Duration = Duration::from_millis(200);
/// Time for which schedules are passed over that nothing could be made of.
const PASSED_OVER_FOR: Duration = Duration::from_secs(60);
/// While the side collection can't be used.
const WHILE_UNUSABLE: Duration = Duration::from_secs(60);

/// The calendar's answer, for the task that waits for it.
#[derive(Default)]
struct Asked {
    batch: u32,
    answer: Option<oneshot::Sender<Vec<Firing>>>,
}

/// The firing of one engine.
#[derive(Default)]
pub(crate) struct Schedules {
    is_on: AtomicBool,
    is_begun: AtomicBool,
    last_batch: AtomicU32,
    /// Turned on or off, or a schedule has changed.
    changed: Notify,
    asked: Mutex<Asked>,
}

/// Memory of the task from one look to the next.
struct Memory {
    /// The schedule that was to be due next.
    expected: Option<Soonest>,
    /// The last time others had been quicker.
    is_contested: bool,
    /// Schedules that nothing can be made of, and until when they are passed over.
    passed_over: Vec<Bson>,
    until: Instant,
}

impl Schedules {
    /// True for the first time, when the task is to be begun.
    pub(crate) fn turn(&self, on: bool) -> bool {
        self.is_on.store(on, Ordering::Release);
        self.changed.notify_one();
        on && !self.is_begun.swap(true, Ordering::AcqRel)
    }

    /// A schedule was changed here.
    pub(crate) fn has_changed(&self) {
        self.changed.notify_one();
    }

    /// The calendar has answered.
    pub(crate) fn answered(&self, batch: u32, firings: Vec<Firing>) {
        let mut asked = lock(&self.asked);
        if asked.batch == batch
            && let Some(answer) = asked.answer.take()
        {
            // An answer that nothing waits for any more came too late.
            _ = answer.send(firings);
        }
    }

    /// The task. Ends when it is dropped.
    pub(crate) async fn run(&self, hub: Arc<Hub>, sink: Arc<dyn Sink>) {
        let mut outage = Outage::new("firing schedules");
        let mut memory =
            Memory { expected: None, is_contested: false, passed_over: Vec::new(), until: Instant::now() };
        loop {
            while !self.is_on.load(Ordering::Acquire) {
                self.changed.notified().await;
            }
            outage.begin();
            let wait = match self.round(&hub, sink.as_ref(), &mut memory).await {
                Ok(wait) => {
                    outage.succeeded(sink.as_ref());
                    wait
                }
                Err(error) if error.is_transient() => outage.failed(&error, sink.as_ref()),
                Err(error) => {
                    hub.upkeep.unusable(&error);
                    WHILE_UNUSABLE
                }
            };
            if !wait.is_zero() {
                _ = tokio::time::timeout(wait, self.changed.notified()).await;
            }
        }
    }

    /// One look, and its consequences. Returns the wait before the next one.
    async fn round(&self, hub: &Hub, sink: &dyn Sink, memory: &mut Memory) -> Result<Duration> {
        if sink.is_stuck() {
            return Ok(WHILE_STUCK);
        }
        if memory.until <= Instant::now() {
            memory.passed_over.clear();
        }
        let asked = Instant::now();
        let soonest = due::soonest(&hub.upkeep.side, &memory.passed_over).await?;
        memory.tell_of_others(hub, soonest.as_ref());
        memory.expected.clone_from(&soonest);
        let Some(soonest) = soonest else { return Ok(LOOK_EVERY) };
        let wait = soonest.wait();
        if !wait.is_zero() {
            return Ok((wait + memory.stagger()).min(LOOK_EVERY));
        }
        let due = due::due(&hub.upkeep.side, soonest.seen_at, &memory.passed_over).await?;
        self.fire(hub, sink, memory, due, &soonest, asked).await?;
        memory.expected = None;
        Ok(Duration::ZERO)
    }

    async fn fire(
        &self,
        hub: &Hub,
        sink: &dyn Sink,
        memory: &mut Memory,
        Due { schedules, unreadable }: Due,
        soonest: &Soonest,
        asked: Instant,
    ) -> Result<()> {
        for id in unreadable {
            memory.pass_over(sink, id, "its document is not one of durabl's");
        }
        let Some(firings) = self.ask_calendar(sink, &schedules, soonest).await? else {
            return Ok(());
        };
        for (place, schedule) in schedules.iter().enumerate() {
            if !firings.iter().any(|firing| firing.place == place) {
                memory.pass_over(sink, schedule.id.as_str().into(), "this version can't read its times");
            }
        }
        if asked.elapsed() >= FRESH_FOR {
            // Others may have made these jobs, and the jobs may have ended and be gone.
            return Ok(());
        }
        let fired = fire::make_jobs(&hub.store, &schedules, &firings).await?;
        hub.wakes.known_jobs.add(fired.ids.iter().map(String::as_str));
        for job_type in fired.types {
            hub.wakes.wake(&Wake::Type(job_type), Audience::Here);
        }
        let to_move = firings.len() - fired.refused.len();
        let moved = fire::move_on(&hub.upkeep.side, &schedules, &firings, &fired.refused).await?;
        memory.is_contested = moved < to_move as u64;
        for (id, error) in fired.refused {
            memory.pass_over(sink, id, &format!("its job can't be written: {error}"));
        }
        Ok(())
    }

    /// Hands schedules over to JavaScript. None if it has not answered in time.
    async fn ask_calendar(
        &self,
        sink: &dyn Sink,
        schedules: &[DueSchedule],
        soonest: &Soonest,
    ) -> Result<Option<Vec<Firing>>> {
        if schedules.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let mut documents = Vec::new();
        for schedule in schedules {
            documents.extend_from_slice(schedule.for_the_calendar()?.as_bytes());
        }
        let batch = self.last_batch.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let (answer, answered) = oneshot::channel();
        *lock(&self.asked) = Asked { batch, answer: Some(answer) };
        let now_ms = soonest.seen_at.timestamp_millis();
        sink.event(Event::SchedulesDue { batch, now_ms, documents });
        Ok(tokio::time::timeout(FRESH_FOR, answered).await.ok().and_then(std::result::Result::ok))
    }
}

impl Memory {
    /// Another process has moved on the schedule that was to be due next. Without a stream, the workers look for the
    /// jobs that it made.
    fn tell_of_others(&mut self, hub: &Hub, soonest: Option<&Soonest>) {
        let Some(expected) = self.expected.take() else { return };
        let is_later = soonest.is_none_or(|soonest| soonest.next_run_at > expected.next_run_at);
        let has_come = soonest.is_none_or(|soonest| soonest.seen_at >= expected.next_run_at);
        if is_later && has_come && !hub.is_pushed() {
            hub.wakes.wake(&Wake::Type(expected.job_type), Audience::Everyone);
        }
    }

    /// Spreads processes that wait for one moment: they come to it one after the other, so that the first one does it
    /// alone.
    fn stagger(&self) -> Duration {
        if self.is_contested { MOST_STAGGER.mul_f64(rand::random_range(0.0..=1.0)) } else { Duration::ZERO }
    }

    /// It stays due, and must not stand in the way of others.
    fn pass_over(&mut self, sink: &dyn Sink, id: Bson, why: &str) {
        if self.passed_over.is_empty() {
            self.until = Instant::now() + PASSED_OVER_FOR;
        }
        if self.passed_over.contains(&id) {
            return;
        }
        let fields = vec![("schedule", id.as_str().map_or_else(|| id.to_string(), str::to_owned))];
        let message = format!("a schedule can't come: {why}");
        sink.event(Event::Log { level: LogLevel::Error, message, fields });
        self.passed_over.push(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_task_begins_once_and_not_before_it_is_turned_on() {
        let schedules = Schedules::default();
        let begun = [false, true, true, false, true].map(|on| schedules.turn(on));
        assert_eq!(begun, [false, true, false, false, false]);
        assert!(schedules.is_on.load(Ordering::Acquire));
    }
}
