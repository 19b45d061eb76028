//! The indexes that the engine's own replace: dropped, and never under the hands of a process that makes them.
//!
//! A process of the older package may be starting at the same time. A drop of an index that it is building makes it
//! fail. So an index is hidden before it is dropped. The server hides none while anything is built on the collection,
//! and tells one process only that it was this one who hid it. An index that is hidden is complete, so no process
//! builds it, and only that process drops it.

use std::{collections::HashSet, time::Duration};

use mongodb::bson::doc;

use super::codes::{INDEX_NOT_FOUND, NAMESPACE_NOT_FOUND};
use crate::{
    base::error::{Error, Result},
    store::collection::Store,
};

/// Indexes of the TypeScript package and of earlier versions.
const REPLACED: [&str; 6] = [
    "claim_next_idx",
    "claim_next_v2_idx",
    "stats_idx",
    "visibility_timeout_idx",
    "cleanup_completed_idx",
    "cleanup_failed_idx",
];

const BEING_BUILT: i32 = 12_587;
/// The most tries to drop an index that this process may not drop yet.
const TRIES: usize = 10;
const PAUSE: Duration = Duration::from_millis(100);

/// The result of hiding an index.
enum Hidden {
    /// Complete, and this process may drop it.
    ByUs,
    /// Another process hid it, and is about to drop it or has died since.
    ByAnother,
    /// Something is built on the collection, perhaps this very index.
    NotNow,
    Gone,
}

/// Drops those of them that are `present`. An index that is still being built after a second is left to the next
/// process that starts.
pub(super) async fn drop_replaced(store: &Store, present: &HashSet<String>) -> Result<()> {
    let mut left: Vec<&str> = REPLACED.into_iter().filter(|name| present.contains(*name)).collect();
    for left_tries in (0..TRIES).rev() {
        let mut later = Vec::new();
        for name in left {
            match hide(store, name).await? {
                Hidden::ByUs => drop_one(store, name).await?,
                // The process that hid it would have dropped it by now.
                Hidden::ByAnother if left_tries == 0 => drop_one(store, name).await?,
                Hidden::ByAnother | Hidden::NotNow => later.push(name),
                Hidden::Gone => {}
            }
        }
        left = later;
        if left.is_empty() {
            break;
        }
        if left_tries > 0 {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

async fn hide(store: &Store, name: &str) -> Result<Hidden> {
    let command = doc! { "collMod": store.jobs().name(), "index": { "name": name, "hidden": true } };
    match store.database().run_command(command).await.map_err(Error::from) {
        // The reply has the former state only if it was changed; a router's never has it, and so costs a second.
        Ok(reply) => Ok(if reply.get_bool("hidden_old").is_ok() { Hidden::ByUs } else { Hidden::ByAnother }),
        Err(error) => match error.server_code() {
            Some(BEING_BUILT) => Ok(Hidden::NotNow),
            Some(INDEX_NOT_FOUND | NAMESPACE_NOT_FOUND) => Ok(Hidden::Gone),
            _ => Err(error),
        },
    }
}

async fn drop_one(store: &Store, name: &str) -> Result<()> {
    match store.jobs().drop_index(name).await.map_err(Error::from) {
        Err(error) if matches!(error.server_code(), Some(INDEX_NOT_FOUND | NAMESPACE_NOT_FOUND)) => Ok(()),
        done => done,
    }
}
