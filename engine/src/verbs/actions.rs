//! Acts of operators: written down, and listed.

use mongodb::{
    bson::{Bson, Document, doc},
    options::ReturnDocument,
};

use crate::{
    base::error::{Error, Result},
    job::{document::new_id, fields},
    store::side::{EXPIRE_AT, ID, KIND, Kind, Side, SideWrite},
};

const KEPT_MS: i64 = 90 * 24 * 60 * 60 * 1_000;

/// An act of an operator.
#[derive(Debug, Clone)]
pub struct Action {
    /// The operator, if known.
    pub by: Option<String>,
    /// The name of the act.
    pub action: String,
    /// The target of the act.
    pub target: Option<String>,
    /// More about it.
    pub note: Option<String>,
}

/// Writes it down; its id.
pub(crate) async fn record(side: &Side, action: &Action) -> Result<String> {
    let id = new_id();
    let literal = |text: &Option<String>| -> Bson {
        text.as_ref().map_or(Bson::Null, |text| doc! { "$literal": text }.into())
    };
    let update = vec![doc! { "$set": {
        KIND: Kind::Action.as_str(),
        "at": fields::NOW,
        EXPIRE_AT: { "$add": [fields::NOW, KEPT_MS] },
        "by": literal(&action.by),
        "action": { "$literal": &action.action },
        "target": literal(&action.target),
        "note": literal(&action.note),
    } }];
    let filter = doc! { ID: Kind::Action.id(&id) };
    side.change(SideWrite { filter, update: update.into(), upsert: true }, ReturnDocument::After).await?;
    Ok(id)
}

/// Newest first, `most` of them, older than the one of this id.
pub(crate) async fn list(side: &Side, before: Option<&str>, most: i64) -> Result<Vec<Document>> {
    let mut filter = Kind::Action.all();
    if let (Some(before), Ok(ids)) = (before, filter.get_document_mut(ID)) {
        ids.insert("$lt", Kind::Action.id(before));
    }
    let store = side.store();
    store
        .bounded("listing actions", async {
            let mut cursor = store.jobs().find(filter).sort(doc! { ID: -1 }).limit(most).await?;
            let mut found = Vec::new();
            while cursor.advance().await? {
                found.push(Document::try_from(cursor.current()).map_err(Error::encoding)?);
            }
            Ok(found)
        })
        .await
}
