//! Writes for a transaction of the app. A transaction belongs to a session, and a session to the client
//! that made it. So they are shaped here, where the documents are known, and run by the app's own driver.
//!
//! A duplicate-key error ends a whole transaction on the server. So a keyed job is no plain insert that may be
//! refused. It is an upsert that finds the holder of the key, by the very predicate of the unique index. Of two
//! transactions that meet on a free key the server lets one go on, and has the other begin again (`WriteConflict`).

use mongodb::bson::{Bson, Document, RawBsonRef, RawDocumentBuf, doc, raw::cstr, rawdoc};

use super::settle::prepared;
use crate::{
    base::error::{Error, Result},
    job::{
        document::{Header, NewJob, new_id, new_token},
        fields, keys,
        server_time::ServerTime,
        status::DedupeScope,
    },
};

/// The writes that make one job.
#[derive(Debug, Clone)]
pub struct PlannedJob {
    /// The new job's id.
    pub id: String,
    /// The writes to run, in this order: an insert, `{ insert }`, or an update, `{ q, u, upsert }`. The job
    /// was made if the last of them inserted a document; if it matched one instead, its key is held.
    pub writes: Vec<RawDocumentBuf>,
}

pub(crate) fn enqueue(job: &NewJob, now: ServerTime) -> Result<PlannedJob> {
    let id = job.id.clone().unwrap_or_else(new_id);
    let document = job.pending(&id, now)?;
    let mut writes = Vec::with_capacity(2);
    // Any of these in its way, and the job is not made.
    let mut barriers: Vec<Document> = job.id.iter().map(|id| doc! { fields::ID: id }).collect();
    if let Some(dedupe) = &job.dedupe {
        if job.coalesce_latest {
            let filter = keys::replaceable(&dedupe.key, &job.job_type);
            let mut changes = rawdoc! {};
            changes.append(cstr!("data"), job.data()?);
            writes.push(update(&filter, rawdoc! { "$set": changes }, false)?);
        }
        if let Some(key) = job.lasting_key() {
            let (filter, letting_go) = keys::letting_go(key);
            writes.push(update(&filter, raw(&letting_go)?, false)?);
            barriers.push(keys::keeping(key));
        }
        barriers.push(keys::barring(dedupe));
    }
    writes.push(match barriers.len() {
        0 => insert(&document),
        1 => upsert(job, &barriers.remove(0), document)?,
        _ => upsert(job, &doc! { "$or": barriers }, document)?,
    });
    Ok(PlannedJob { id, writes })
}

fn upsert(job: &NewJob, barrier: &Document, document: RawDocumentBuf) -> Result<RawDocumentBuf> {
    let mut upsert = rawdoc! { "$setOnInsert": document };
    if job.dedupe.as_ref().is_some_and(|dedupe| dedupe.scope == DedupeScope::Pending) {
        // The holder is to run after this transaction. Only read, it could be claimed before the commit, and run
        // without having seen the writes of the transaction.
        upsert.append(cstr!("$set"), raw(&doc! { fields::KEY_HELD: new_token() })?);
    }
    update(barrier, upsert, true)
}

/// The write that completes a job in a transaction: the one statement `{ q, u }`, fenced as every settlement is.
pub(crate) fn completion(id: &str, token: Option<&str>, result: Option<Bson>) -> Result<RawDocumentBuf> {
    let (filter, mut stages) = prepared::completing(Header::known_by(id, token), result);
    stages.push(keys::freeing_key());
    raw(&doc! { "q": filter, "u": stages })
}

fn insert(document: &RawDocumentBuf) -> RawDocumentBuf {
    let mut write = rawdoc! {};
    write.append(cstr!("insert"), RawBsonRef::Document(document));
    write
}

fn update(filter: &Document, update: RawDocumentBuf, upsert: bool) -> Result<RawDocumentBuf> {
    Ok(rawdoc! { "q": raw(filter)?, "u": update, "upsert": upsert })
}

fn raw(document: &Document) -> Result<RawDocumentBuf> {
    RawDocumentBuf::try_from(document).map_err(Error::encoding)
}
