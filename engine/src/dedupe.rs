//! Who holds a dedupe key. The unique indexes decide; these are looks before a write and after a refusal.
//!
//! Every filter names the scope and the status, or the planner could not use the partial indexes.

use std::collections::HashSet;

use mongodb::bson::{Document, RawDocument, RawDocumentBuf, doc, raw::cstr, rawdoc};

use crate::{
    error::{Error, Result},
    fields,
    job::{DedupeKey, NewJob, text},
    status::{DedupeScope, Status},
    store::{Store, Wait},
};

/// Whether a job of scope `pending` and this key has this status.
fn single_flight(key: &str, status: Status) -> Document {
    doc! {
        fields::DEDUPE_KEY: key,
        fields::DEDUPE_SCOPE: DedupeScope::Pending.as_str(),
        fields::STATUS: status.as_str(),
    }
}

/// The job of scope `pending+active` and this key that has not ended.
fn exclusive(key: &str) -> Document {
    doc! {
        fields::DEDUPE_KEY: key,
        fields::DEDUPE_SCOPE: DedupeScope::PendingAndActive.as_str(),
        fields::STATUS: { "$in": [Status::Pending.as_str(), Status::Active.as_str()] },
    }
}

/// Any job that holds the key, one branch per unique index.
fn any_holder(key: &str) -> Document {
    doc! { "$or": [exclusive(key), single_flight(key, Status::Pending), single_flight(key, Status::Active)] }
}

/// Any job that leaves no room for one more pending job of the key: exactly what the unique index of its scope refuses.
pub(crate) fn barring(dedupe: &DedupeKey) -> Document {
    match dedupe.scope {
        DedupeScope::PendingAndActive => exclusive(&dedupe.key),
        DedupeScope::Pending => single_flight(&dedupe.key, Status::Pending),
    }
}

/// The pending job of this type that holds the key of scope `pending`, to be given other data.
pub(crate) fn replaceable(key: &str, job_type: &str) -> Document {
    let mut filter = single_flight(key, Status::Pending);
    // Under one key there may be jobs of several types, and data means something only to its own.
    filter.insert(fields::TYPE, job_type);
    filter
}

/// A stage for the update that ends a job of which nothing is known but that it ends: it tells that a key is free where
/// one is.
pub(crate) fn freeing_key() -> Document {
    let may_have_follower = doc! { "$and": [
        { "$eq": [fields::value_of(fields::DEDUPE_SCOPE), DedupeScope::Pending.as_str()] },
        { "$eq": [{ "$type": fields::value_of(fields::DEDUPE_KEY) }, "string"] },
    ] };
    doc! { "$set": { fields::KEY_FREED: { "$cond": [may_have_follower, fields::NOW, "$$REMOVE"] } } }
}

/// The jobs under one key of scope `pending`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Holders {
    pub(crate) pending: bool,
    pub(crate) active: bool,
}

pub(crate) async fn single_flight_holders(store: &Store, key: &str) -> Result<Holders> {
    let filter = doc! { "$or": [single_flight(key, Status::Pending), single_flight(key, Status::Active)] };
    let found = store.find(filter, doc! { fields::STATUS: 1 }).await?;
    let has = |status: Status| found.iter().any(|job| text(job, fields::STATUS) == Some(status.as_str()));
    Ok(Holders { pending: has(Status::Pending), active: has(Status::Active) })
}

/// Whether a job of this type and key is pending or active.
pub(crate) async fn has_outstanding(store: &Store, job_type: &str, key: &str) -> Result<bool> {
    // The key is unique across types, so at most three documents come back, whatever the type.
    let found = store.find(any_holder(key), doc! { fields::TYPE: 1 }).await?;
    Ok(found.iter().any(|job| text(job, fields::TYPE) == Some(job_type)))
}

/// Which of these keys of scope `pending` have an active holder.
pub(crate) async fn busy_keys(store: &Store, keys: Vec<&str>) -> Result<HashSet<String>> {
    let filter = doc! {
        fields::DEDUPE_KEY: { "$in": keys },
        fields::DEDUPE_SCOPE: DedupeScope::Pending.as_str(),
        fields::STATUS: Status::Active.as_str(),
    };
    let found = store.find(filter, doc! { fields::ID: 0, fields::DEDUPE_KEY: 1 }).await?;
    Ok(found.iter().filter_map(|job| Some(text(job, fields::DEDUPE_KEY)?.to_owned())).collect())
}

/// The pending jobs under these keys of scope `pending`: their types and times.
pub(crate) async fn followers(store: &Store, keys: Vec<&str>) -> Result<Vec<RawDocumentBuf>> {
    let filter = doc! {
        fields::DEDUPE_KEY: { "$in": keys },
        fields::DEDUPE_SCOPE: DedupeScope::Pending.as_str(),
        fields::STATUS: Status::Pending.as_str(),
    };
    store.find(filter, doc! { fields::TYPE: 1, fields::RUN_AT: 1 }).await
}

/// Gives the pending holder of the key the data of `job`. False if there is none of the same type any more.
pub(crate) async fn replace_pending_data(store: &Store, job: &NewJob, key: &str, wait: Wait) -> Result<bool> {
    let filter = RawDocumentBuf::try_from(&replaceable(key, &job.job_type)).map_err(Error::encoding)?;
    // Raw, so that the data reaches the server as it was encoded; as an update document, not a pipeline, so that
    // nothing in it is taken for an expression.
    let mut changes = rawdoc! {};
    changes.append(cstr!("data"), job.data()?);
    let reply = store.update_raw(rawdoc! { "q": filter, "u": { "$set": changes } }, wait).await?;
    reply.unexpected().map_or(Ok(reply.matched > 0), |refusal| Err(refusal.clone()))
}

/// Whether a job stands in the indexes of scope `pending`, whatever its key is.
pub(crate) fn is_single_flight(job: &RawDocument) -> bool {
    text(job, fields::DEDUPE_SCOPE).and_then(DedupeScope::parse) == Some(DedupeScope::Pending)
        && matches!(job.get(fields::DEDUPE_KEY), Ok(Some(_)))
}

/// The dedupe key of a job, if its scope lets a follower wait behind it.
pub(crate) fn single_flight_key(job: &RawDocument) -> Option<&str> {
    let scope = DedupeScope::parse(text(job, fields::DEDUPE_SCOPE)?)?;
    (scope == DedupeScope::Pending).then(|| text(job, fields::DEDUPE_KEY)).flatten()
}
