//! Looks jobs up by their ids.

use mongodb::bson::{RawDocumentBuf, doc};

use crate::{
    base::error::Result,
    job::{
        fields,
        id_key::{any_named, named},
    },
    store::collection::Store,
};

/// One job, whole.
pub(crate) async fn whole(store: &Store, id: &str) -> Result<Option<RawDocumentBuf>> {
    let filter = doc! { fields::ID: named(id) };
    store.bounded("reading a job", async { Ok(store.jobs().find_one(filter).await?) }).await
}

/// The ends of those jobs of the ids that are stored and have ended.
pub(crate) async fn ends(store: &Store, ids: &[String]) -> Result<Vec<RawDocumentBuf>> {
    store.find(doc! { fields::ID: any_named(ids) }, fields::of_an_end()).await
}
