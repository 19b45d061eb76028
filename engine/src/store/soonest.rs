//! The time at which the next job of a type is due: idle workers look at that instead of trying to claim.
//!
//! Both looks skip from one priority to the next in the claim index, so they cost one key per distinct priority,
//! however many jobs wait. A look at all types costs one key per distinct type more (`types.rs`).
//!
//! They bring the server's clock along, since a job is due by that and by no other. A clock that was read before may
//! have been set since, or be another server's by now. A wait by that would end too early or too late.

use std::time::{Duration, Instant};

use mongodb::bson::{Bson, DateTime, Document, RawBsonRef, RawDocument, doc};

use super::{collection::Store, types::types_of};
use crate::{
    base::error::{Error, Result},
    job::{fields, status::Status},
};

/// More than the reading of the server's clock is ever wrong.
const MARGIN: Duration = Duration::from_secs(10);
/// The types that sort after dates, by their numbers: timestamps, regular expressions, pointers, code, and the last of all.
const LATER_THAN_DATES: [i32; 6] = [17, 11, 12, 13, 15, 127];
/// Jobs found in one look that will never be due.
const MOST_NEVER_DUE: i64 = 100;
/// Name of the field for the server's clock in the looks.
const SEEN_AT: &str = "seenAt";

/// The time at which a job is due, and the server's clock at the look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Soonest {
    run_at: DateTime,
    seen_at: DateTime,
}

impl Soonest {
    /// Time from the look until then; zero if it was due. Counted from when the answer came, it is surely due.
    pub(crate) fn wait(self) -> Duration {
        let ms = self.run_at.timestamp_millis().saturating_sub(self.seen_at.timestamp_millis());
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }

    /// Surely not after the time that the server's clock showed so long before the answer came.
    fn seen_ago(self, ago: Duration) -> DateTime {
        let ago = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX).saturating_add(1);
        DateTime::from_millis(self.seen_at.timestamp_millis().saturating_sub(ago))
    }
}

/// The earliest time at which a pending job of the type is due; it may be past. A job without a time is due. Some of those
/// that never will be come along.
pub(crate) async fn soonest(store: &Store, job_type: &str) -> Result<(Option<Soonest>, Vec<Bson>)> {
    let Look { earliest, without_dates } = look(store, waiting(job_type)).await?;
    let mut never_due = Vec::new();
    for priority in without_dates {
        let mut filter = waiting(job_type);
        filter.insert(fields::PRIORITY, priority);
        never_due.extend(find_never_due(store, filter).await?);
    }
    Ok((earliest, never_due))
}

/// They sort behind all dates, so they are seen when nothing else of their priority is left.
async fn find_never_due(store: &Store, mut filter: Document) -> Result<Vec<Bson>> {
    filter.insert(fields::RUN_AT, doc! { "$type": LATER_THAN_DATES.to_vec() });
    store
        .bounded("looking for jobs that are never due", async {
            let mut cursor =
                store.jobs().find(filter).projection(doc! { fields::ID: 1 }).limit(MOST_NEVER_DUE).await?;
            let mut found = Vec::new();
            while cursor.advance().await? {
                let id =
                    cursor.current().get(fields::ID).map_err(Error::encoding)?.unwrap_or(RawBsonRef::Null);
                found.push(Bson::try_from(id).map_err(Error::encoding)?);
            }
            Ok(found)
        })
        .await
}

/// The same, only for jobs that were not due yet at a moment ago.
pub(crate) async fn soonest_since(store: &Store, job_type: &str, asked: Instant) -> Result<Option<Soonest>> {
    // From well before, by the clock as it is known here; the answer tells the moment by the server's own.
    let well_before = store.server_time().await?.earliest_ago(asked.elapsed().saturating_add(MARGIN));
    let found = soonest_after(store, job_type, well_before).await?;
    match found.map(|found| (found.run_at, found.seen_ago(asked.elapsed()))) {
        Some((run_at, asked_at)) if run_at <= asked_at => soonest_after(store, job_type, asked_at).await,
        _ => Ok(found),
    }
}

async fn soonest_after(store: &Store, job_type: &str, moment: DateTime) -> Result<Option<Soonest>> {
    let mut filter = waiting(job_type);
    filter.insert(fields::RUN_AT, doc! { "$gt": moment });
    earliest(store, filter).await
}

/// The time since which the oldest pending job has been due, of one type or of all, if any is due by `now`.
pub(crate) async fn oldest_due(
    store: &Store,
    job_type: Option<&str>,
    now: DateTime,
) -> Result<Option<DateTime>> {
    let types = match job_type {
        Some(job_type) => vec![job_type.to_owned()],
        None => types_of(store, Status::Pending).await?,
    };
    let mut oldest: Option<DateTime> = None;
    for job_type in types {
        let mut filter = waiting(&job_type);
        filter.insert(fields::RUN_AT, doc! { "$lte": now });
        let found = earliest(store, filter).await?.map(|found| found.run_at);
        oldest = oldest.into_iter().chain(found).min();
    }
    Ok(oldest)
}

fn waiting(job_type: &str) -> Document {
    doc! { fields::STATUS: Status::Pending.as_str(), fields::TYPE: job_type }
}

/// In the order of the claims' comparison: a value that sorts before all dates is due, and one that sorts after them
/// never will be.
fn due_at(job: &RawDocument) -> Option<DateTime> {
    match job.get(fields::RUN_AT).ok().flatten() {
        Some(RawBsonRef::DateTime(run_at)) => Some(run_at),
        Some(
            RawBsonRef::Timestamp(_)
            | RawBsonRef::RegularExpression(_)
            | RawBsonRef::DbPointer(_)
            | RawBsonRef::JavaScriptCode(_)
            | RawBsonRef::JavaScriptCodeWithScope(_)
            | RawBsonRef::MaxKey,
        ) => None,
        _ => Some(DateTime::MIN),
    }
}

/// The jobs that a look has seen.
#[derive(Debug, Default)]
struct Look {
    earliest: Option<Soonest>,
    /// Priorities whose first job is due at no time.
    without_dates: Vec<Bson>,
}

async fn earliest(store: &Store, filter: Document) -> Result<Option<Soonest>> {
    Ok(look(store, filter).await?.earliest)
}

async fn look(store: &Store, filter: Document) -> Result<Look> {
    // Grouped by one field only: the server skips from group to group for a single field, and reads all for two.
    let first_of_each_priority = [
        doc! { "$match": filter },
        // The claim index's own order.
        doc! { "$sort": { fields::STATUS: 1, fields::TYPE: 1, fields::PRIORITY: 1, fields::RUN_AT: 1 } },
        doc! { "$group": {
            fields::ID: fields::value_of(fields::PRIORITY),
            fields::RUN_AT: { "$first": fields::value_of(fields::RUN_AT) },
        } },
        doc! { "$addFields": { SEEN_AT: fields::NOW } },
    ];
    store
        .bounded("looking for the next job", async {
            let mut cursor = store.jobs().aggregate(first_of_each_priority).await?;
            let mut look = Look::default();
            while cursor.advance().await? {
                look.add(cursor.current())?;
            }
            Ok(look)
        })
        .await
}

impl Look {
    /// The first job of a priority.
    fn add(&mut self, job: &RawDocument) -> Result<()> {
        let seen_at = job.get_datetime(SEEN_AT).map_err(Error::encoding)?;
        match due_at(job) {
            Some(run_at) => {
                let found = Some(Soonest { run_at, seen_at });
                self.earliest = self.earliest.into_iter().chain(found).min_by_key(|found| found.run_at);
            }
            None => {
                let priority = job.get(fields::ID).map_err(Error::encoding)?.unwrap_or(RawBsonRef::Null);
                self.without_dates.push(Bson::try_from(priority).map_err(Error::encoding)?);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{RawDocumentBuf, Timestamp};

    use super::*;

    #[test]
    fn the_wait_is_by_the_servers_clock() {
        let at = |run_at: i64| Soonest {
            run_at: DateTime::from_millis(run_at),
            seen_at: DateTime::from_millis(1_000),
        };
        assert_eq!(at(1_020).wait(), Duration::from_millis(20));
        assert_eq!([at(1_000).wait(), at(400).wait()], [Duration::ZERO; 2]);
        assert_eq!(Soonest { run_at: DateTime::MIN, ..at(0) }.wait(), Duration::ZERO);
        assert_eq!(at(0).seen_ago(Duration::from_micros(9_500)).timestamp_millis(), 990);
    }

    #[test]
    fn a_job_is_due_when_a_claim_would_take_it() {
        let now = DateTime::now();
        let due_at = |job| due_at(&RawDocumentBuf::try_from(&job).expect("it can be encoded"));
        assert_eq!(due_at(doc! { "runAt": now }), Some(now));
        for early in [Bson::Null, Bson::Int32(7), "2026".into(), Bson::Boolean(true)] {
            assert_eq!(due_at(doc! { "runAt": early }), Some(DateTime::MIN));
        }
        assert_eq!(due_at(doc! {}), Some(DateTime::MIN));
        assert_eq!(due_at(doc! { "runAt": Timestamp { time: 1, increment: 1 } }), None);
        assert_eq!(due_at(doc! { "runAt": Bson::MaxKey }), None);
    }
}
