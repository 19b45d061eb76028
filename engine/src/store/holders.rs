//! Looks at the holders of dedupe keys, before a write and after a refusal. The unique indexes decide.

use std::collections::HashSet;

use mongodb::bson::{Bson, Document, RawDocumentBuf, doc, raw::cstr, rawdoc};

use super::{
    collection::Store,
    write::{Statement, Update, Wait},
};
use crate::{
    base::error::{Error, Result},
    job::{
        document::{NewJob, text},
        fields, id_key,
        keys::{any_holder, barring_any, keeping, letting_go, replaceable, single_flight},
        status::{DedupeScope, Status},
    },
};

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

/// True if a job of this type and key is pending or active.
pub(crate) async fn has_outstanding(store: &Store, job_type: &str, key: &str) -> Result<bool> {
    // The key is unique across types, so at most three documents come back, for any type.
    let found = store.find(any_holder(key), doc! { fields::TYPE: 1 }).await?;
    Ok(found.iter().any(|job| text(job, fields::TYPE) == Some(job_type)))
}

/// Those of these keys of scope `pending` that have an active holder.
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

/// Tells if the data of a job went to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Replaced {
    /// To the pending holder of its key; its id is for callers that ask.
    Yes(Option<String>),
    /// There is none of the same type any more.
    No,
}

/// Gives the pending holder of the key the data of `job`.
pub(crate) async fn replace_pending_data(
    store: &Store,
    job: &NewJob,
    key: &str,
    wait: Wait,
) -> Result<Replaced> {
    let mut filter = replaceable(key, &job.job_type);
    let mut holder = None;
    if job.is_detailed {
        let Some(id) = pending_holder(store, filter.clone()).await? else { return Ok(Replaced::No) };
        holder = Some(id_key::name_of(&id));
        filter.insert(fields::ID, id);
    }
    let filter = RawDocumentBuf::try_from(&filter).map_err(Error::encoding)?;
    // Raw, so that the data reaches the server as it was encoded. It is an update document, not a pipeline, so that
    // nothing in it is taken for an expression.
    let mut changes = rawdoc! {};
    changes.append(cstr!("data"), job.data()?);
    let reply = store.update_raw(rawdoc! { "q": filter, "u": { "$set": changes } }, wait).await?;
    let is_replaced = reply.unexpected().map_or(Ok(reply.matched > 0), |refusal| Err(refusal.clone()))?;
    Ok(if is_replaced { Replaced::Yes(holder) } else { Replaced::No })
}

async fn pending_holder(store: &Store, filter: Document) -> Result<Option<Bson>> {
    let found = store.find(filter, doc! { fields::ID: 1 }).await?;
    let id = found.first().and_then(|job| job.get(fields::ID).ok().flatten());
    id.map(|id| Bson::try_from(id).map_err(Error::encoding)).transpose()
}

/// Lets go of a key that a job has kept for long enough. False if one keeps it still.
pub(crate) async fn let_go(store: &Store, key: &str, wait: Wait) -> Result<bool> {
    let (filter, update) = letting_go(key);
    let statement = Statement::one(filter, update);
    let reply = store.update(Update { wait, ..vec![statement].into() }).await?;
    if let Some(refusal) = reply.unexpected() {
        return Err(refusal.clone());
    }
    // Another call may have let go of it in the same moment.
    Ok(reply.matched > 0 || store.find(keeping(key), doc! { fields::ID: 1 }).await?.is_empty())
}

/// The jobs in the way of new ones with these keys or ids.
pub(crate) async fn in_the_way(
    store: &Store,
    ids: Vec<&str>,
    keys: Vec<&str>,
) -> Result<Vec<RawDocumentBuf>> {
    let mut filters = Vec::new();
    if !ids.is_empty() {
        filters.push(doc! { fields::ID: { "$in": ids } });
    }
    if !keys.is_empty() {
        filters.extend(barring_any(&keys));
    }
    let projection = doc! {
        fields::STATUS: 1, fields::DEDUPE_KEY: 1, fields::DEDUPE_SCOPE: 1, fields::DEDUPE_UNTIL: 1,
    };
    store.find(doc! { "$or": filters }, projection).await
}
