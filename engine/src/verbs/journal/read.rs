//! Reading journals.

use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};

use crate::{
    base::error::Result,
    job::{
        fields,
        id_key::named,
        journal::{self, StoredStep},
    },
    store::{collection::Store, spill},
};

/// All that deciding about an append needs of a job.
pub(super) fn projection() -> Document {
    doc! { fields::STATUS: 1, fields::CLAIM_TOKEN: 1, fields::STEPS: 1, fields::JOURNAL_BYTES: 1 }
}

/// The journal of a job, in the order of its appends; empty if there is none, or no such job.
pub(crate) async fn steps_of(store: &Store, id: &str) -> Result<Vec<StoredStep>> {
    // A primary that has been replaced would forget a step, which would then run again.
    store.confirm().await?;
    match find(store, id, doc! { fields::STEPS: 1 }).await? {
        Some(job) => {
            let mut steps = journal::read(&job)?;
            spill::fill(store, id, &mut steps).await?;
            Ok(steps)
        }
        None => Ok(Vec::new()),
    }
}

pub(super) async fn find(store: &Store, id: &str, projection: Document) -> Result<Option<RawDocumentBuf>> {
    let filter: Bson = named(id);
    Ok(store.find(doc! { fields::ID: filter }, projection).await?.into_iter().next())
}
