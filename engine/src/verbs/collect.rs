//! Collecting values of steps that have outlived their job: its removal was interrupted, or it had no record that named
//! them.

use mongodb::bson::Document;

use crate::{
    base::error::Result,
    store::{collection::Store, spill},
};

/// Values looked at by one command.
const STEP: usize = 500;

/// Looks at the values beyond this one, and removes those whose job is not there. Returns the place to go on at; none at the
/// end.
///
/// A job is there before any of its values, and as long as one can be appended. So a value that was there before a look
/// that has not found its job is of no use any more.
pub(crate) async fn collect(store: &Store, beyond: &Document) -> Result<Option<Document>> {
    let found = spill::ids_beyond(store, beyond, STEP).await?;
    let next = (found.len() == STEP).then(|| found.last().cloned()).flatten();
    let orphans = spill::without_job(store, found).await?;
    if !orphans.is_empty() {
        // A primary that has lost its majority may show removals that will be taken back.
        store.confirm().await?;
        let orphans = spill::without_job(store, orphans).await?;
        spill::remove_values(store, orphans).await?;
    }
    Ok(next)
}
