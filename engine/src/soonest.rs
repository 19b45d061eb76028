//! When the next job of a type is due: what idle workers look at instead of trying to claim.
//!
//! Both looks skip from one priority to the next in the claim index, so they cost one key per distinct priority,
//! however many jobs wait.

use mongodb::bson::{DateTime, Document, RawBsonRef, RawDocument, doc};

use crate::{error::Result, fields, status::Status, store::Store};

/// The earliest time at which a pending job of the type is due; it may be past. A job without a time is due.
pub(crate) async fn soonest(store: &Store, job_type: &str) -> Result<Option<DateTime>> {
    earliest(store, waiting(job_type)).await
}

/// The same, of those due after `moment` only.
pub(crate) async fn soonest_after(
    store: &Store,
    job_type: &str,
    moment: DateTime,
) -> Result<Option<DateTime>> {
    let mut filter = waiting(job_type);
    filter.insert(fields::RUN_AT, doc! { "$gt": moment });
    earliest(store, filter).await
}

/// When the oldest pending job was due, of one type or of all, if any is due by `now`.
pub(crate) async fn oldest_due(
    store: &Store,
    job_type: Option<&str>,
    now: DateTime,
) -> Result<Option<DateTime>> {
    let types = match job_type {
        Some(job_type) => vec![job_type.to_owned()],
        None => pending_types(store).await?,
    };
    let mut oldest: Option<DateTime> = None;
    for job_type in types {
        let mut filter = waiting(&job_type);
        filter.insert(fields::RUN_AT, doc! { "$lte": now });
        oldest = oldest.into_iter().chain(earliest(store, filter).await?).min();
    }
    Ok(oldest)
}

/// One key per type.
async fn pending_types(store: &Store) -> Result<Vec<String>> {
    store
        .bounded("listing the types of pending jobs", async {
            let types = store
                .jobs()
                .distinct(fields::TYPE, doc! { fields::STATUS: Status::Pending.as_str() })
                .await?;
            Ok(types.iter().filter_map(|found| found.as_str().map(str::to_owned)).collect())
        })
        .await
}

fn waiting(job_type: &str) -> Document {
    doc! { fields::STATUS: Status::Pending.as_str(), fields::TYPE: job_type }
}

/// As the claims' comparison has it: whatever sorts before all dates is due, and what sorts after them never will be.
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

async fn earliest(store: &Store, filter: Document) -> Result<Option<DateTime>> {
    // Grouped by one field only: the server skips from group to group for a single field, and reads all for two.
    let first_of_each_priority = [
        doc! { "$match": filter },
        // The claim index's own order.
        doc! { "$sort": { fields::STATUS: 1, fields::TYPE: 1, fields::PRIORITY: 1, fields::RUN_AT: 1 } },
        doc! { "$group": {
            fields::ID: fields::value_of(fields::PRIORITY),
            fields::RUN_AT: { "$first": fields::value_of(fields::RUN_AT) },
        } },
    ];
    store
        .bounded("looking for the next job", async {
            let mut cursor = store.jobs().aggregate(first_of_each_priority).await?;
            let mut earliest: Option<DateTime> = None;
            while cursor.advance().await? {
                earliest = earliest.into_iter().chain(due_at(cursor.current())).min();
            }
            Ok(earliest)
        })
        .await
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Bson, RawDocumentBuf, Timestamp};

    use super::*;

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
