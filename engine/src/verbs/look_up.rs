//! Looks jobs up by their ids.

use mongodb::bson::{Bson, RawDocumentBuf, doc, oid::ObjectId};

use crate::{
    base::error::Result,
    job::{fields, id_key::named},
    store::collection::Store,
};

/// One job, whole.
pub(crate) async fn whole(store: &Store, id: &str) -> Result<Option<RawDocumentBuf>> {
    let filter = doc! { fields::ID: named(id) };
    store.bounded("reading a job", async { Ok(store.jobs().find_one(filter).await?) }).await
}

/// How jobs ended, as far as they have: those of the ids that are stored.
pub(crate) async fn ends(store: &Store, ids: &[String]) -> Result<Vec<RawDocumentBuf>> {
    let object_ids = ids.iter().filter_map(|id| ObjectId::parse_str(id).ok()).map(Bson::from);
    let ids: Vec<Bson> = ids.iter().map(Bson::from).chain(object_ids).collect();
    store.find(doc! { fields::ID: { "$in": ids } }, fields::of_an_end()).await
}
