//! The sweeps that remove old jobs: a minute apart, one process at a time, and never faster than a fifth of the time.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::{Duration, Instant},
};

use mongodb::bson::{Bson, Document, doc};

use super::upkeep::Upkeep;
use crate::{
    base::error::Result,
    job::{fields, status::Status},
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

const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// A sweep that takes longer says so while it goes on, or another process would begin one.
const TURN_MS: i64 = 60_000;
const RENEW_EVERY: Duration = Duration::from_secs(20);
/// A rest after each step, as a multiple of the time that it took.
const REST: u32 = 4;
const STATUSES: [(Status, &str); 3] =
    [(Status::Completed, "completedMs"), (Status::Failed, "failedMs"), (Status::Superseded, "supersededMs")];

/// How long jobs are kept that have ended, in milliseconds. None for good.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RetentionRule {
    /// Of one type, or of all that have no rule.
    pub job_type: Option<String>,
    /// After completion.
    pub completed_ms: Option<i64>,
    /// After a job has failed for good.
    pub failed_ms: Option<i64>,
    /// After a follower took over.
    pub superseded_ms: Option<i64>,
}

/// The rules by type, those of all others under none. A type with a rule keeps for good what that rule does not name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Policy(BTreeMap<Option<String>, HashMap<&'static str, i64>>);

impl Policy {
    pub(crate) fn of(rules: &[RetentionRule]) -> Self {
        let mut policy = Self::default();
        for rule in rules {
            let periods = [rule.completed_ms, rule.failed_ms, rule.superseded_ms];
            let named = STATUSES.iter().zip(periods);
            let named = named.filter_map(|((_, name), period)| Some((*name, period?)));
            policy.0.insert(rule.job_type.clone(), named.collect());
        }
        policy.0.retain(|job_type, periods| job_type.is_some() || !periods.is_empty());
        policy
    }

    fn read(document: &Document) -> Self {
        let mut policy = Self::default();
        let periods = |from: &Document| {
            let period =
                |name| from.get(name).and_then(|ms: &Bson| ms.as_i64().or(ms.as_i32().map(i64::from)));
            STATUSES.iter().filter_map(|(_, name)| Some((*name, period(name)?))).collect()
        };
        policy.0.insert(None, periods(document));
        for rule in document.get_array("types").into_iter().flatten().filter_map(Bson::as_document) {
            if let Ok(job_type) = rule.get_str(fields::TYPE) {
                policy.0.insert(Some(job_type.to_owned()), periods(rule));
            }
        }
        policy
    }

    /// As other processes read it.
    pub(crate) fn document(&self) -> Document {
        let mut document = Document::new();
        let mut types = Vec::new();
        for (job_type, periods) in &self.0 {
            let periods = STATUSES
                .iter()
                .filter_map(|(_, name)| Some(((*name).to_owned(), (*periods.get(name)?).into())));
            match job_type {
                None => document.extend(periods),
                Some(job_type) => {
                    let mut rule = doc! { fields::TYPE: job_type };
                    rule.extend(periods);
                    types.push(rule);
                }
            }
        }
        document.insert("types", types);
        document
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.values().all(HashMap::is_empty)
    }

    fn period(&self, job_type: &str, name: &str) -> Option<i64> {
        self.0.get(&Some(job_type.to_owned())).or_else(|| self.0.get(&None))?.get(name).copied()
    }

    /// Which others do not share this one: for the turns.
    fn key(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.document().to_string().hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}

/// Sweeps while a processor's queue has periods, until dropped.
pub(crate) async fn run(store: &Store, upkeep: &Upkeep, sink: &Arc<dyn Sink>) {
    let mut is_told = false;
    loop {
        tokio::time::sleep(SWEEP_EVERY.mul_f64(rand::random_range(0.1..=1.0))).await;
        for policy in upkeep.roster.policies() {
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
            // Where processes disagree, the longest period wins.
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

    /// Until it is taken again; and a policy that nobody has any more is forgotten.
    async fn keep(&self) -> Result<()> {
        let set = doc! { "$set": {
            "nextAt": { "$add": [fields::NOW, TURN_MS] },
            EXPIRE_AT: { "$add": [fields::NOW, 24 * 60 * TURN_MS] },
        } };
        self.upkeep.side.compare_and_set(&self.id, doc! {}, vec![set]).await.map(|_| ())
    }
}
