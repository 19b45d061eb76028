//! Jobs as a change finds them.

use mongodb::bson::{Bson, DateTime, Document, RawDocument, doc};

use crate::{
    base::error::{Error, Result},
    job::{
        document::{DedupeKey, Header, text},
        fields, id_key, parking,
        retention::occurrence,
        status::Status,
    },
    store::{collection::Store, spill},
    verbs::settle::proofs,
};

/// Name of the field, in a look's answer, that tells if there is a journal.
const HAS_JOURNAL: &str = "hasJournal";
/// Name of the field, in the same, that tells if it is parked.
const IS_PARKED: &str = "isParked";

/// Properties of a job that a change depends on.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, as the server computes it")]
pub(super) struct FoundJob {
    pub(super) id: Bson,
    pub(super) job_type: String,
    /// None for a word that durabl doesn't know.
    pub(super) status: Option<Status>,
    pub(super) dedupe: Option<DedupeKey>,
    /// As it is stored, null if it is not there.
    pub(super) created_at: Bson,
    pub(super) has_journal: bool,
    pub(super) is_parked: bool,
    /// Values of its steps stand in a collection of their own.
    pub(super) is_spilled: bool,
    /// The schedule that made it, and for which moment.
    pub(super) occurrence: Option<(String, DateTime)>,
    /// True if this very change was made of it.
    pub(super) is_changed: bool,
}

impl FoundJob {
    fn read(job: &RawDocument, proof: &str) -> Result<Self> {
        let Header { id, job_type, dedupe, .. } = Header::read(job)?;
        let created_at = match job.get(fields::CREATED_AT).map_err(Error::encoding)? {
            Some(value) => Bson::try_from(value).map_err(Error::encoding)?,
            None => Bson::Null,
        };
        Ok(Self {
            id,
            job_type,
            status: text(job, fields::STATUS).and_then(Status::parse),
            dedupe,
            created_at,
            occurrence: occurrence(job).map(|(id, at)| (id.to_owned(), at)),
            has_journal: job.get_bool(HAS_JOURNAL).unwrap_or(false),
            is_parked: job.get_bool(IS_PARKED).unwrap_or(false),
            is_spilled: spill::is_marked(job),
            is_changed: proofs::include(job, proof),
        })
    }
}

impl FoundJob {
    pub(super) fn has_status(&self, statuses: &[Status]) -> bool {
        self.status.is_some_and(|status| statuses.contains(&status))
    }
}

fn projection() -> Document {
    doc! {
        fields::TYPE: 1, fields::STATUS: 1, fields::DEDUPE_KEY: 1, fields::DEDUPE_SCOPE: 1, fields::CREATED_AT: 1,
        fields::SETTLED_TOKENS: 1, fields::SCHEDULE: 1,
        IS_PARKED: parking::is_parked(),
        spill::IS_SPILLED: spill::is_spilled(),
        // The field itself may be large.
        HAS_JOURNAL: { "$ne": [{ "$type": fields::value_of(fields::STEPS) }, "missing"] },
    }
}

/// The jobs of these ids as people know them.
pub(super) async fn by_names(store: &Store, ids: &[String], proof: &str) -> Result<Vec<FoundJob>> {
    let found = store.find(doc! { fields::ID: id_key::any_named(ids) }, projection()).await?;
    found.iter().map(|job| FoundJob::read(job, proof)).collect()
}

/// The job of one id.
pub(super) async fn by_name(store: &Store, id: &str, proof: &str) -> Result<Option<FoundJob>> {
    let jobs = by_names(store, &[id.to_owned()], proof).await?;
    // If a string and an ObjectId have one text, the string is durabl's own.
    Ok(jobs.into_iter().max_by_key(|job| matches!(job.id, Bson::String(_))))
}
