//! The sweeps that remove old jobs, and step values that have outlived theirs: a minute apart, and in one process at a time.
//!
//! A sweep works for a fiftieth of the time, so that claims beside it are as fast as ever, also at their 95th
//! percentile. A sweep that goes on for an hour can't keep pace with the jobs that end, and works for a fifth.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use mongodb::bson::{Document, doc};

use super::upkeep::Upkeep;
use crate::{
    base::error::Result,
    job::{
        fields,
        retention::{Policy, STATUSES},
    },
    report::event::{Event, LogLevel, Sink},
    store::{
        collection::Store,
        side::{EXPIRE_AT, Kind},
        types::types_of,
    },
    verbs::{
        collect::collect,
        register,
        retain::{Old, Removal},
    },
};

/// While nothing is to be removed, and before the first sweep.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// A sweep that takes longer says so while it goes on, or another process would begin one.
const TURN_MS: i64 = 60_000;
const RENEW_EVERY: Duration = Duration::from_secs(20);
/// A rest after each step, as a multiple of the time that it took.
const REST: u32 = 49;
/// The rest in a sweep that is behind.
const SHORT_REST: u32 = 4;
const BEHIND_AFTER: Duration = Duration::from_secs(3_600);

/// Sweeps while a processor's queue has periods, until dropped.
pub(crate) async fn run(store: &Store, upkeep: &Upkeep, sink: &Arc<dyn Sink>) {
    let mut jobs = Complaint { what: "old jobs", is_told: false };
    let mut values = Complaint { what: "values of jobs that are gone", is_told: false };
    let mut pause = FIRST_PAUSE;
    loop {
        tokio::time::sleep(pause.mul_f64(rand::random_range(0.8..=1.0))).await;
        let policies = upkeep.roster.policies();
        let collects = store.has_spilled() && upkeep.roster.has_processors();
        pause = if policies.is_empty() && !collects { FIRST_PAUSE } else { SWEEP_EVERY };
        for policy in policies {
            jobs.hear(sweep(store, upkeep, &policy).await, sink);
        }
        if collects {
            values.hear(collect_values(store, upkeep).await, sink);
        }
    }
}

/// A failure is told once, until it has passed.
struct Complaint {
    what: &'static str,
    is_told: bool,
}

impl Complaint {
    fn hear(&mut self, outcome: Result<()>, sink: &Arc<dyn Sink>) {
        let Err(error) = outcome else {
            self.is_told = false;
            return;
        };
        if !std::mem::replace(&mut self.is_told, true) {
            let message = format!("{} could not be removed: {error}", self.what);
            sink.event(Event::Log { level: LogLevel::Warn, message, fields: Vec::new() });
        }
    }
}

/// Collects values of jobs that are gone, if it is this process's turn. A turn that does not get through all values
/// leaves the rest to the next one.
async fn collect_values(store: &Store, upkeep: &Upkeep) -> Result<()> {
    const BEYOND: &str = "beyond";
    let id = Kind::Values.as_str();
    if !upkeep.side.take_turn(Kind::Values, id, TURN_MS).await? {
        return Ok(());
    }
    let turn = upkeep.side.get(id).await?.unwrap_or_default();
    let mut beyond = Some(turn.get_document(BEYOND).cloned().unwrap_or_default());
    let started = Instant::now();
    while let Some(from) = beyond.as_ref().filter(|_| started.elapsed() < RENEW_EVERY) {
        let began = Instant::now();
        beyond = collect(store, from).await?;
        tokio::time::sleep(began.elapsed() * REST).await;
    }
    let next_ms = if beyond.is_some() { TURN_MS } else { 60 * TURN_MS };
    let mut set = next_turn_in(next_ms);
    set.insert(BEYOND, doc! { "$literal": beyond.unwrap_or_default() });
    upkeep.side.compare_and_set(id, doc! {}, vec![doc! { "$set": set }]).await.map(|_| ())
}

/// The time of the next turn. A turn that no process takes for a day is forgotten.
fn next_turn_in(ms: i64) -> Document {
    doc! {
        "nextAt": { "$add": [fields::NOW, ms] },
        EXPIRE_AT: { "$add": [fields::NOW, 24 * 60 * TURN_MS] },
    }
}

/// One sweep, if it is this process's turn.
pub(crate) async fn sweep(store: &Store, upkeep: &Upkeep, policy: &Policy) -> Result<()> {
    let id = Kind::Retention.id(&policy.key());
    if !upkeep.side.take_turn(Kind::Retention, &id, TURN_MS).await? {
        return Ok(());
    }
    let began = Instant::now();
    let mut turn = Turn { upkeep, policy, id, began, renewed: began };
    turn.keep().await?;
    let others: Vec<Policy> = register::workers(&upkeep.side)
        .await?
        .iter()
        .filter_map(|worker| worker.get_document("retention").ok())
        .map(Policy::read)
        .collect();
    for (status, name) in STATUSES {
        for job_type in types_of(store, status).await? {
            let Some(own) = policy.period(&job_type, name) else { continue };
            // If processes disagree, the longest period wins.
            let longest = others.iter().filter_map(|other| other.period(&job_type, name)).max();
            let kept_ms = longest.map_or(own, |longest| longest.max(own));
            turn.remove(Removal::new(store, &upkeep.side, Old { job_type, status, kept_ms })).await?;
        }
    }
    Ok(())
}

/// The rest after a step, in a sweep that has gone on for so long.
fn rest(step: Duration, going_on: Duration) -> Duration {
    step * if going_on < BEHIND_AFTER { REST } else { SHORT_REST }
}

/// A process's turn to sweep, under one policy.
struct Turn<'a> {
    upkeep: &'a Upkeep,
    policy: &'a Policy,
    id: String,
    began: Instant,
    renewed: Instant,
}

impl Turn<'_> {
    /// Removes these jobs, as long as a queue has these periods: all may be shut down meanwhile.
    async fn remove(&mut self, mut removal: Removal<'_>) -> Result<()> {
        while self.upkeep.roster.policies().iter().any(|policy| **policy == *self.policy) {
            let step = Instant::now();
            if removal.step().await?.is_none() {
                break;
            }
            tokio::time::sleep(rest(step.elapsed(), self.began.elapsed())).await;
            if self.renewed.elapsed() >= RENEW_EVERY {
                self.renewed = Instant::now();
                self.keep().await?;
            }
        }
        Ok(())
    }

    /// Keeps the turn until its next time. A policy that no queue has any more is forgotten.
    async fn keep(&self) -> Result<()> {
        let set = doc! { "$set": next_turn_in(TURN_MS) };
        self.upkeep.side.compare_and_set(&self.id, doc! {}, vec![set]).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{error::Error, sync::lock},
        report::event::Heard,
    };

    #[test]
    fn a_sweep_that_can_not_keep_pace_rests_less() {
        let step = Duration::from_millis(10);
        assert_eq!(rest(step, Duration::from_secs(3_599)), Duration::from_millis(490));
        assert_eq!(rest(step, Duration::from_secs(3_600)), Duration::from_millis(40));
    }

    #[test]
    fn a_failure_is_told_once_until_it_has_passed() {
        let heard = Arc::new(Heard::default());
        let sink: Arc<dyn Sink> = heard.clone();
        let mut complaint = Complaint { what: "old jobs", is_told: false };
        let failure = || Err(Error::encoding("the reason"));
        for (outcome, told) in
            [(Ok(()), 0), (failure(), 1), (failure(), 1), (Ok(()), 1), (failure(), 2), (failure(), 2)]
        {
            complaint.hear(outcome, &sink);
            assert_eq!(lock(&heard.0).len(), told);
        }
        let message = lock(&heard.0).remove(0);
        assert!(message.starts_with("old jobs could not be removed: "), "{message}");
    }
}
