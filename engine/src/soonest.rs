//! When the next job of a type is due: what idle workers look at instead of trying to claim.
//!
//! Both looks skip from one priority to the next in the claim index, so they cost one key per distinct priority,
//! however many jobs wait.

use mongodb::bson::{DateTime, Document, doc};

use crate::{
    error::Result,
    fields,
    job::date,
    status::Status,
    store::{Store, bounded},
};

/// The earliest time at which a pending job of the type is due; it may be past.
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
        let found = soonest(store, &job_type).await?.filter(|run_at| *run_at <= now);
        oldest = oldest.into_iter().chain(found).min();
    }
    Ok(oldest)
}

/// One key per type.
async fn pending_types(store: &Store) -> Result<Vec<String>> {
    bounded("listing the types of pending jobs", async {
        let types =
            store.jobs().distinct(fields::TYPE, doc! { fields::STATUS: Status::Pending.as_str() }).await?;
        Ok(types.iter().filter_map(|found| found.as_str().map(str::to_owned)).collect())
    })
    .await
}

fn waiting(job_type: &str) -> Document {
    doc! { fields::STATUS: Status::Pending.as_str(), fields::TYPE: job_type }
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
    bounded("looking for the next job", async {
        let mut cursor = store.jobs().aggregate(first_of_each_priority).await?;
        let mut earliest: Option<DateTime> = None;
        while cursor.advance().await? {
            if let Some(run_at) = date(cursor.current(), fields::RUN_AT) {
                earliest = Some(earliest.map_or(run_at, |known| known.min(run_at)));
            }
        }
        Ok(earliest)
    })
    .await
}
