//! Noting the progress of a handler, on its job.

use mongodb::bson::{Bson, doc};

use crate::{
    base::error::Result,
    job::{fence, fields, id_key::named},
    store::{collection::Store, write::Statement},
};

/// Sets the progress. With a token only while the claim is the caller's, or once the caller has completed it.
pub(crate) async fn set(store: &Store, id: &str, token: Option<&str>, progress: &Bson) -> Result<()> {
    let id = named(id);
    let filter = match token {
        Some(token) => fence::held_or_completed(&id, token),
        None => doc! { fields::ID: id },
    };
    let update = vec![doc! { "$set": { fields::PROGRESS: { "$literal": progress } } }];
    store.update(vec![Statement::one(filter, update)]).await?;
    Ok(())
}
