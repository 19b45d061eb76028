//! The number of jobs in each state, and the lag of those that are due.

use mongodb::bson::{DateTime, doc};

use crate::{
    base::error::Result,
    job::{fields, status::Status},
    store::{collection::Store, soonest::oldest_due},
};

/// A picture of the queue, or of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Jobs that wait, those scheduled for later included.
    pub pending: u64,
    /// Claimed jobs.
    pub active: u64,
    /// Jobs that ended well and are still stored.
    pub completed: u64,
    /// Jobs that failed for good and are still stored.
    pub failed: u64,
    /// Jobs whose follower took over, and that are still stored.
    pub superseded: u64,
    /// Time at which the oldest job that is due became due, in milliseconds since the epoch.
    pub oldest_pending_run_at_ms: Option<i64>,
    /// Time since then by the server's clock; 0 if nothing is due.
    pub oldest_pending_lag_ms: i64,
}

/// Counts by index; the lag costs one key per priority.
pub(crate) async fn stats(store: &Store, job_type: Option<&str>) -> Result<Stats> {
    let count = |status| count(store, status, job_type);
    let (pending, active, completed, failed, superseded, lag) = tokio::try_join!(
        count(Status::Pending),
        count(Status::Active),
        count(Status::Completed),
        count(Status::Failed),
        count(Status::Superseded),
        lag(store, job_type),
    )?;
    let (oldest_pending_run_at_ms, oldest_pending_lag_ms) = lag;
    Ok(Stats {
        pending,
        active,
        completed,
        failed,
        superseded,
        oldest_pending_run_at_ms,
        oldest_pending_lag_ms,
    })
}

async fn count(store: &Store, status: Status, job_type: Option<&str>) -> Result<u64> {
    let mut filter = doc! { fields::STATUS: status.as_str() };
    if let Some(job_type) = job_type {
        filter.insert(fields::TYPE, job_type);
    }
    store.bounded("counting jobs", async { Ok(store.counted().count_documents(filter).await?) }).await
}

async fn lag(store: &Store, job_type: Option<&str>) -> Result<(Option<i64>, i64)> {
    let now: DateTime = store.server_time().await?.earliest();
    let oldest = oldest_due(store, job_type, now).await?.map(DateTime::timestamp_millis);
    Ok((oldest, oldest.map_or(0, |oldest| now.timestamp_millis().saturating_sub(oldest))))
}
