//! Removing jobs that ended long ago, and everything at once in tests.

use mongodb::bson::{DateTime, doc};

use crate::{
    base::error::{Error, Result},
    job::{fields, keys, status::Status},
    store::collection::Store,
};

/// Removes jobs that ended more than `max_age_ms` ago by the server's clock; how many.
pub(crate) async fn remove_old(store: &Store, max_age_ms: i64) -> Result<u64> {
    let now = store.server_time().await?.earliest().timestamp_millis();
    let before = DateTime::from_millis(now.saturating_sub(max_age_ms));
    let mut removed = 0;
    for status in Status::ALL.into_iter().filter(|status| status.is_terminal()) {
        let ended_at = match status {
            Status::Completed => fields::COMPLETED_AT,
            _ => fields::FAILED_AT,
        };
        // A type is a string: the range lets the index on type and time skip from one type to the next.
        let mut filter = doc! {
            fields::STATUS: status.as_str(),
            fields::TYPE: { "$gte": "" },
            ended_at: { "$lt": before },
        };
        filter.extend(keys::keeps_none());
        removed += store.jobs().delete_many(filter).await.map_err(Error::from)?.deleted_count;
    }
    Ok(removed)
}

/// Removes every job and keeps the indexes.
pub(crate) async fn reset(store: &Store) -> Result<()> {
    store.jobs().delete_many(doc! {}).await.map_err(Error::from)?;
    Ok(())
}
