//! The sweeps that remove old jobs: a minute apart, one process at a time, and never faster than a fifth of the time.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use mongodb::bson::doc;

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
const REST: u32 = 4;
/// Sweeps while a processor's queue has periods, until dropped.
pub(crate) async fn run(store: &Store, upkeep: &Upkeep, sink: &Arc<dyn Sink>) {
    let mut is_told = false;
    let mut pause = FIRST_PAUSE;
    loop {
        tokio::time::sleep(pause.mul_f64(rand::random_range(0.8..=1.0))).await;
        let policies = upkeep.roster.policies();
        pause = if policies.is_empty() { FIRST_PAUSE } else { SWEEP_EVERY };
        for policy in policies {
            match sweep(store, upkeep, &policy).await {
                Ok(()) => is_told = false,
                Err(error) => {
                    if !std::mem::replace(&mut is_told, true) {
                        let message = format!("old jobs could not be removed: {error}");
                        sink.event(Event::Log { level: LogLevel::Warn, message, fields: Vec::new() });
                    }
                }
            }
        }
    }
}

/// One sweep, if it is this process's turn.
pub(crate) async fn sweep(store: &Store, upkeep: &Upkeep, policy: &Policy) -> Result<()> {
    let mut turn = Turn { upkeep, id: Kind::Retention.id(&policy.key()), renewed: Instant::now() };
    if !turn.take().await? {
        return Ok(());
    }
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
            let mut removal = Removal::new(store, &upkeep.side, Old { job_type, status, kept_ms });
            loop {
                let began = Instant::now();
                let Some(_) = removal.step().await? else { break };
                tokio::time::sleep(began.elapsed() * REST).await;
                turn.renew().await?;
            }
        }
    }
    Ok(())
}

/// A process's turn to sweep, under one policy.
struct Turn<'a> {
    upkeep: &'a Upkeep,
    id: String,
    renewed: Instant,
}

impl Turn<'_> {
    async fn take(&self) -> Result<bool> {
        self.upkeep.side.take_turn(Kind::Retention, &self.id, TURN_MS).await
    }

    async fn renew(&mut self) -> Result<()> {
        if self.renewed.elapsed() < RENEW_EVERY {
            return Ok(());
        }
        self.renewed = Instant::now();
        self.keep().await
    }

    /// Keeps the turn until its next time. A policy that no queue has any more is forgotten.
    async fn keep(&self) -> Result<()> {
        let set = doc! { "$set": {
            "nextAt": { "$add": [fields::NOW, TURN_MS] },
            EXPIRE_AT: { "$add": [fields::NOW, 24 * 60 * TURN_MS] },
        } };
        self.upkeep.side.compare_and_set(&self.id, doc! {}, vec![set]).await.map(|_| ())
    }
}
