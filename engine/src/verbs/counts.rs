//! The shared counts: the number of jobs of each type, counted by one process at a time and read by all.
//!
//! A count reads one key for each job that it counts. So it ends at a bound, and the next one does not come before 50
//! times its duration. Together they keep a connection busy for at most 2 % of the time.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    time::{Duration, Instant},
};

use mongodb::bson::{Bson, DateTime, Document, doc};

use super::pause;
use crate::{
    base::error::{Error, ErrorKind, Result},
    job::{
        document::text,
        ending, fields,
        status::{DedupeScope, Status},
    },
    store::{
        collection::Store,
        side::{ID, Kind, Side},
        soonest::oldest_due,
        types::types_of,
    },
};

/// Jobs of one type and status that are counted.
const MOST: u64 = 100_000;
/// Keys that are looked at for jobs behind them.
const MOST_KEYS: usize = 10_000;
const KEYS_AT_ONCE: usize = 1_000;
/// All counts together.
const BOUND: Duration = Duration::from_secs(5);
const LEAST_PAUSE_MS: i64 = 15_000;
const PAUSE_PER_COUNT: i64 = 50;
/// A process that counts and is gone holds the others up for no longer.
const TURN_MS: i64 = 30_000;
/// Time between two looks for another process's count.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The reliability of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precision {
    Exact,
    AtLeast,
    Estimate,
}

#[derive(Debug, Clone, Copy)]
struct Counted {
    count: u64,
    precision: Precision,
}

impl Counted {
    fn exactly(count: usize) -> Self {
        Self { count: count as u64, precision: Precision::Exact }
    }

    /// This count without those. If not all of them were counted, the rest is unknown.
    fn less(self, others: Self) -> Self {
        let is_exact = self.precision == Precision::Exact && others.precision == Precision::Exact;
        let precision = if is_exact { Precision::Exact } else { Precision::AtLeast };
        match others.precision {
            Precision::Exact => Self { count: self.count.saturating_sub(others.count), precision },
            Precision::AtLeast | Precision::Estimate => Self { count: 0, precision },
        }
    }

    fn document(self) -> Document {
        let precision = match self.precision {
            Precision::Exact => "exact",
            Precision::AtLeast => "at-least",
            Precision::Estimate => "estimate",
        };
        doc! { "count": self.count as i64, "precision": precision }
    }
}

/// The counts: those of a moment ago if they are new enough, else new ones.
pub(crate) async fn counts(store: &Store, side: &Side) -> Result<Document> {
    let deadline = Instant::now() + BOUND + Duration::from_millis(TURN_MS as u64);
    loop {
        let (known, is_due) = known(side).await?;
        if let (Some(known), false) = (&known, is_due) {
            return Ok(known.clone());
        }
        if side.take_turn(Kind::Counts, Kind::Counts.as_str(), TURN_MS).await? {
            return count_all(store, side).await;
        }
        match known {
            // Another process counts at this moment.
            Some(known) if known.contains_key("at") => return Ok(known),
            _ if Instant::now() >= deadline => {
                return Err(Error::new(ErrorKind::Timeout, "counting the jobs took too long"));
            }
            _ => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

/// The last count, and true if it is too old.
async fn known(side: &Side) -> Result<(Option<Document>, bool)> {
    let store = side.store();
    let projection = doc! {
        "at": 1, "completedTotal": 1, "types": 1,
        "isDue": { "$lte": [{ "$ifNull": ["$nextAt", fields::NOW] }, fields::NOW] },
    };
    let found = store.find(doc! { ID: Kind::Counts.as_str() }, projection).await?.pop();
    let Some(found) = found else { return Ok((None, true)) };
    let found = Document::try_from(found.as_ref()).map_err(Error::encoding)?;
    let is_due = found.get_bool("isDue").unwrap_or(true) || !found.contains_key("at");
    Ok((Some(found), is_due))
}

async fn count_all(store: &Store, side: &Side) -> Result<Document> {
    let began = Instant::now();
    let now = store.server_time().await?.earliest();
    // Most collections have no such jobs, and then no type is counted for them.
    let has_set_apart =
        !store.find_up_to(ending::set_apart(), doc! { ID: 0, fields::STATUS: 1 }, 1).await?.is_empty();
    let counting = Counting { store, now, until: began + BOUND, has_set_apart };
    let mut names = BTreeSet::new();
    for status in [Status::Pending, Status::Active, Status::Failed, Status::Completed] {
        names.extend(types_of(store, status).await?);
    }
    let paused = pause::paused_types(side).await?;
    let blocked = counting.blocked().await?;
    let (mut types, mut open) = (Vec::new(), 0);
    for job_type in &names {
        let (document, counted) = counting.of_type(job_type, &paused, &blocked).await?;
        open += counted;
        types.push(document);
    }
    let total = counting.total().await?;
    let completed = Counted { count: total.saturating_sub(open), precision: Precision::Estimate };
    let took_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
    let result = doc! { "at": now, "completedTotal": completed.document(), "types": types };
    let next = LEAST_PAUSE_MS.max(PAUSE_PER_COUNT.saturating_mul(took_ms));
    let mut set = Document::new();
    for (field, value) in &result {
        set.insert(field, doc! { "$literal": value });
    }
    set.extend(doc! { "tookMs": took_ms, "nextAt": { "$add": [fields::NOW, next] } });
    side.compare_and_set(Kind::Counts.as_str(), doc! {}, vec![doc! { "$set": set }]).await?;
    Ok(result)
}

/// One round of counting.
struct Counting<'a> {
    store: &'a Store,
    now: DateTime,
    until: Instant,
    has_set_apart: bool,
}

fn set_apart(job_type: &str) -> Document {
    let mut filter = ending::set_apart();
    filter.insert(fields::TYPE, job_type);
    filter
}

impl Counting<'_> {
    async fn of_type(
        &self,
        job_type: &str,
        paused: &HashSet<String>,
        blocked: &Blocked,
    ) -> Result<(Document, u64)> {
        let of = |status: Status| doc! { fields::STATUS: status.as_str(), fields::TYPE: job_type };
        let mut due = of(Status::Pending);
        due.insert(fields::RUN_AT, doc! { "$lte": self.now });
        let is_paused = paused.contains(job_type);
        let oldest = if is_paused { None } else { oldest_due(self.store, Some(job_type), self.now).await? };
        let pending = self.count(of(Status::Pending)).await?;
        let active = self.count(of(Status::Active)).await?;
        let failed = self.count(of(Status::Failed)).await?;
        let set_apart =
            if self.has_set_apart { self.count(set_apart(job_type)).await? } else { Counted::exactly(0) };
        let superseded = self.count(of(Status::Superseded)).await?;
        let lag = oldest.map_or(0, |oldest| self.now.timestamp_millis() - oldest.timestamp_millis());
        let document = doc! {
            "type": job_type,
            "state": if is_paused { "paused" } else { "running" },
            "pending": pending.document(),
            "due": self.count(due).await?.document(),
            "blocked": blocked.of_type(job_type).document(),
            "active": active.document(),
            "failed": failed.less(set_apart).document(),
            "oldestDueAt": oldest.map_or(Bson::Null, Bson::from),
            "lagMs": lag.max(0),
        };
        Ok((document, pending.count + active.count + failed.count + superseded.count))
    }

    /// A count that has no time left, or runs out of it, is a bound from below.
    async fn count(&self, filter: Document) -> Result<Counted> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Counted { count: 0, precision: Precision::AtLeast });
        }
        let counted = self.store.counted().count_documents(filter).limit(MOST).max_time(left);
        let counted = self.store.bounded("counting jobs", async { Ok(counted.await?) }).await;
        match counted {
            Ok(count) if count >= MOST => Ok(Counted { count, precision: Precision::AtLeast }),
            Ok(count) => Ok(Counted { count, precision: Precision::Exact }),
            Err(error) if error.is_time_limit() => Ok(Counted { count: 0, precision: Precision::AtLeast }),
            Err(error) => Err(error),
        }
    }

    /// All documents, by the collection's own number.
    async fn total(&self) -> Result<u64> {
        let total = async { Ok(self.store.counted().estimated_document_count().await?) };
        self.store.bounded("counting jobs", total).await
    }

    /// The jobs that are due and wait behind an active one of their key: there is one for each key at most.
    async fn blocked(&self) -> Result<Blocked> {
        let held = doc! {
            fields::DEDUPE_KEY: { "$exists": true },
            fields::DEDUPE_SCOPE: DedupeScope::Pending.as_str(),
            fields::STATUS: Status::Active.as_str(),
        };
        let projection = doc! { ID: 0, fields::DEDUPE_KEY: 1 };
        let held = self.store.find_up_to(held, projection, MOST_KEYS).await?;
        let keys: Vec<&str> = held.iter().filter_map(|job| text(job, fields::DEDUPE_KEY)).collect();
        let mut blocked = Blocked { is_all: held.len() < MOST_KEYS, ..Blocked::default() };
        for keys in keys.chunks(KEYS_AT_ONCE) {
            let behind = doc! {
                fields::DEDUPE_KEY: { "$in": keys },
                fields::DEDUPE_SCOPE: DedupeScope::Pending.as_str(),
                fields::STATUS: Status::Pending.as_str(),
                fields::RUN_AT: { "$lte": self.now },
            };
            for job in self.store.find(behind, doc! { ID: 0, fields::TYPE: 1 }).await? {
                let job_type = text(&job, fields::TYPE).unwrap_or_default();
                *blocked.by_type.entry(job_type.to_owned()).or_default() += 1;
            }
        }
        Ok(blocked)
    }
}

#[derive(Debug, Default)]
struct Blocked {
    by_type: HashMap<String, usize>,
    is_all: bool,
}

impl Blocked {
    fn of_type(&self, job_type: &str) -> Counted {
        let count = Counted::exactly(self.by_type.get(job_type).copied().unwrap_or(0));
        if self.is_all { count } else { Counted { precision: Precision::AtLeast, ..count } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(count: u64, precision: Precision) -> Counted {
        Counted { count, precision }
    }

    #[test]
    fn failures_are_never_told_as_more_than_there_are() {
        use Precision::{AtLeast, Exact};
        let cases = [
            // Of 10 that failed, 3 were cancelled or have expired.
            (counted(10, Exact), counted(3, Exact), counted(7, Exact)),
            // There are more of both by the time of the second count.
            (counted(10, Exact), counted(12, Exact), counted(0, Exact)),
            // Of 100,000 or more, 3 were: 99,997 or more failed.
            (counted(MOST, AtLeast), counted(3, Exact), counted(MOST - 3, AtLeast)),
            // All of them may have been.
            (counted(MOST, AtLeast), counted(MOST, AtLeast), counted(0, AtLeast)),
            (counted(10, Exact), counted(0, AtLeast), counted(0, AtLeast)),
        ];
        for (failed, set_apart, expected) in cases {
            assert_eq!(failed.less(set_apart).document(), expected.document(), "{failed:?} {set_apart:?}");
        }
    }
}
