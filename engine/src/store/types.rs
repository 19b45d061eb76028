//! The types of jobs, found by skipping from one to the next in the index of their status. That costs one key per
//! type, for any number of jobs.
//!
//! `distinct` would skip as well, but the server's stable API lacks it. An app with `serverApi: { version: '1',
//! strict: true }` may not send it.

use mongodb::bson::{RawBsonRef, doc};

use super::collection::Store;
use crate::{
    base::error::Result,
    job::{fields, status::Status},
};

/// In their order. A type that is no text is no job's of this package.
pub(crate) async fn types_of(store: &Store, status: Status) -> Result<Vec<String>> {
    types_up_to(store, status, usize::MAX).await
}

/// The same, up to this number of them.
pub(crate) async fn types_up_to(store: &Store, status: Status, most: usize) -> Result<Vec<String>> {
    let mut types: Vec<String> = Vec::new();
    while types.len() < most
        && let Some(next) = next_type(store, status, types.last()).await?
    {
        types.push(next);
    }
    Ok(types)
}

async fn next_type(store: &Store, status: Status, last: Option<&String>) -> Result<Option<String>> {
    let behind = last.map_or_else(|| doc! { "$gte": "" }, |last| doc! { "$gt": last });
    let filter = doc! { fields::STATUS: status.as_str(), fields::TYPE: behind };
    store
        .bounded("listing the types of jobs", async {
            let look = store.jobs().find_one(filter).sort(doc! { fields::STATUS: 1, fields::TYPE: 1 });
            let found = look.projection(doc! { fields::ID: 0, fields::TYPE: 1 }).await?;
            let job_type = found.as_ref().and_then(|job| job.get(fields::TYPE).ok().flatten());
            Ok(job_type.and_then(RawBsonRef::as_str).map(str::to_owned))
        })
        .await
}
