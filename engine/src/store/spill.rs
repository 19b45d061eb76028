//! The collection of step values that are too large for the document of their job, named as that of the jobs with `_steps` behind it.
//!
//! The journal on the job still decides: its record names the value. A value is written before its record, and by a
//! majority, so that no record ever names one that is not there. A value without a record is of no use, and goes with
//! its job. One whose job has gone without it is collected later (`engine/src/verbs/collect.rs`).

use std::collections::{BTreeSet, HashMap, HashSet};

use mongodb::bson::{Bson, Document, RawDocument, RawDocumentBuf, doc, oid::ObjectId};

use super::{
    collection::Store,
    write::{Acknowledged, RefusalCause, Wait, WriteReply},
};
use crate::{
    base::error::{Error, Result},
    job::{
        fields,
        id_key::{IdKey, any_named, name_of},
        journal::{StoredStep, damaged},
    },
};

const JOB: &str = "job";
const VALUE: &str = "value";

/// A value that is to be written.
pub(crate) struct SpilledValue<'a> {
    /// The job, as people know it.
    pub(crate) job: &'a str,
    /// The name of the value.
    pub(crate) value: ObjectId,
    /// A document with the one field `result`, or `error`.
    pub(crate) document: &'a RawDocumentBuf,
}

fn id(job: &str, value: impl Into<Bson>) -> Document {
    doc! { JOB: job, VALUE: value.into() }
}

/// Writes values; those of the reply's refusals were refused. One that is there already is no refusal: its reply was lost.
pub(crate) async fn write(jobs: &Store, values: &[SpilledValue<'_>]) -> Result<WriteReply> {
    jobs.note_spilling();
    let documents: Result<Vec<RawDocumentBuf>> = values.iter().map(document).collect();
    let mut reply =
        jobs.spilled().insert_acknowledged(&documents?, Wait::Long, Acknowledged::ByMajority).await?;
    reply.refusals.retain(|refusal| !matches!(refusal.cause, RefusalCause::IdExists));
    Ok(reply)
}

fn document(value: &SpilledValue<'_>) -> Result<RawDocumentBuf> {
    let id = id(value.job, value.value);
    let mut document = RawDocumentBuf::try_from(&doc! { fields::ID: id }).map_err(Error::encoding)?;
    for (field, value) in value.document.iter().map_while(std::result::Result::ok) {
        document.append(field, value);
    }
    Ok(document)
}

/// Puts the values into these records of one job. Costs nothing if all of them stand on the job.
pub(crate) async fn fill<'a>(
    jobs: &Store,
    job: &str,
    records: impl IntoIterator<Item = &'a mut StoredStep>,
) -> Result<()> {
    let mut missing: Vec<(ObjectId, &mut StoredStep)> =
        records.into_iter().filter_map(|record| Some((record.spilled?, record))).collect();
    if missing.is_empty() {
        return Ok(());
    }
    jobs.note_spilling();
    let ids: Vec<Document> = missing.iter().map(|(value, _)| id(job, *value)).collect();
    let found = jobs.spilled().find(doc! { fields::ID: { "$in": ids } }, doc! {}).await?;
    let mut found: HashMap<ObjectId, RawDocumentBuf> =
        found.into_iter().filter_map(|value| Some((name(&value)?, value))).collect();
    for (value, record) in &mut missing {
        let Some(document) = found.remove(value) else {
            return Err(damaged(format!(
                "the value of step {:?} is not in its collection",
                record.step.name
            )));
        };
        for (field, value) in document.iter().map_while(std::result::Result::ok) {
            if field.as_str() != fields::ID {
                record.step.value.append(field, value);
            }
        }
    }
    Ok(())
}

fn name(value: &RawDocumentBuf) -> Option<ObjectId> {
    value.get_document(fields::ID).ok()?.get_object_id(VALUE).ok()
}

/// Removes all values of these jobs, which have been removed.
pub(crate) async fn remove<'a>(jobs: &Store, ids: impl IntoIterator<Item = &'a Bson>) -> Result<()> {
    let deletes: Vec<Document> = ids.into_iter().map(|id| all_of(&name_of(id))).collect();
    if !deletes.is_empty() {
        jobs.note_spilling();
    }
    jobs.spilled().delete_all(deletes).await
}

/// Removes the values of those of these jobs that are not there any more: one that was to go may have been retried instead.
pub(crate) async fn remove_orphans(jobs: &Store, ids: &[Bson]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let left = jobs.find(doc! { fields::ID: { "$in": ids } }, doc! { fields::ID: 1 }).await?;
    let left: HashSet<IdKey<'_>> = left.iter().filter_map(|job| IdKey::of_job(job)).collect();
    remove(jobs, ids.iter().filter(|id| !left.contains(&IdKey::of(id)))).await
}

/// The ids of some values, in their order, from beyond this one.
pub(crate) async fn ids_beyond(jobs: &Store, id: &Document, most: usize) -> Result<Vec<Document>> {
    let beyond = doc! { fields::ID: { "$gt": id } };
    let found = jobs.spilled().find_by_id(beyond, most).await?;
    Ok(found
        .iter()
        .filter_map(|value| Document::try_from(value.get_document(fields::ID).ok()?).ok())
        .collect())
}

/// Those of these values whose job is not there.
pub(crate) async fn without_job(jobs: &Store, mut values: Vec<Document>) -> Result<Vec<Document>> {
    let names: BTreeSet<String> = values.iter().filter_map(job_of).map(str::to_owned).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = names.into_iter().collect();
    let left = jobs.find(doc! { fields::ID: any_named(&names) }, doc! { fields::ID: 1 }).await?;
    let id = |job: &RawDocumentBuf| Some(name_of(&Bson::try_from(job.get(fields::ID).ok()??).ok()?));
    let left: HashSet<String> = left.iter().filter_map(id).collect();
    values.retain(|value| job_of(value).is_some_and(|job| !left.contains(job)));
    Ok(values)
}

fn job_of(id: &Document) -> Option<&str> {
    id.get_str(JOB).ok()
}

/// Removes values by their ids.
pub(crate) async fn remove_values(jobs: &Store, ids: Vec<Document>) -> Result<u64> {
    jobs.spilled().delete(ids.into_iter().map(|id| doc! { fields::ID: id }).collect()).await
}

/// All values of a job, by a range of ids.
fn all_of(job: &str) -> Document {
    doc! { fields::ID: { "$gte": id(job, Bson::MinKey), "$lte": id(job, Bson::MaxKey) } }
}

/// Name of the field, in a look's answer, that is true if the journal of the job names values here.
pub(crate) const IS_SPILLED: &str = "isSpilled";

/// True if a look's answer says so.
pub(crate) fn is_marked(job: &RawDocument) -> bool {
    job.get_bool(IS_SPILLED).unwrap_or(false)
}

/// The expression behind [`IS_SPILLED`]. No odd document makes it fail.
pub(crate) fn is_spilled() -> Document {
    let values = format!("${}.{}", fields::STEPS, fields::SPILLED);
    doc! { "$cond": [{ "$isArray": &values }, { "$ne": [values, []] }, false] }
}
