//! Completing a job whose orchestration has returned.

use mongodb::bson::doc;

use crate::{
    base::error::Result,
    job::{document::text, fields, id_key::named, keys, status::Status},
    store::{collection::Store, write::Statement},
};

/// The ending of a job whose attempts were used up.
const EXHAUSTED: &str = "exhausted";

/// Completes an active job of this claim. It even completes one that a sweep has failed under it because its attempts
/// were used up: the work is done. False if it is neither. This is the one exception to the rule that no settlement
/// leads out of a terminal status.
pub(crate) async fn complete(store: &Store, id: &str, token: &str) -> Result<bool> {
    let given_up = doc! {
        fields::STATUS: Status::Failed.as_str(),
        fields::ENDING: { "$in": [null, EXHAUSTED] },
        fields::CANCEL_REQUESTED_AT: null,
    };
    let filter = doc! {
        fields::ID: named(id),
        fields::CLAIM_TOKEN: token,
        "$or": [{ fields::STATUS: Status::Active.as_str() }, given_up],
    };
    let completed = doc! { fields::STATUS: Status::Completed.as_str(), fields::COMPLETED_AT: fields::NOW };
    let cleared = vec![fields::LEASE, fields::FAIL_REASON, fields::FAILED_AT, fields::ENDING];
    let update = vec![doc! { "$set": completed }, doc! { "$unset": cleared }, keys::freeing_key()];
    let reply = store.update(vec![Statement::one(filter, update)]).await?;
    if reply.matched > 0 {
        return Ok(true);
    }
    if let Some(error) = reply.unexpected() {
        return Err(error.clone());
    }
    // The reply of an earlier try may have been lost: nothing but its holder completes a claim under its token.
    let found = store
        .find(doc! { fields::ID: named(id) }, doc! { fields::STATUS: 1, fields::CLAIM_TOKEN: 1 })
        .await?;
    Ok(found.first().is_some_and(|job| {
        text(job, fields::STATUS) == Some(Status::Completed.as_str())
            && text(job, fields::CLAIM_TOKEN) == Some(token)
    }))
}
