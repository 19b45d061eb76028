//! Removing jobs that ended long ago, and everything at once in tests.
//!
//! Two kinds of jobs stay though their time has come. A job of one kind has a dedupe key that is held beyond its end.
//! A job of the other has a schedule that has not gone past its occurrence, and would make it again. A document that is
//! no job stays too. An app may keep others in a collection named `jobs`, with a `type` and a `status`.

use std::collections::{BTreeSet, HashMap};

use mongodb::{
    bson::{Bson, DateTime, Document, RawDocument, RawDocumentBuf, doc},
    options::Hint,
};

use crate::{
    base::error::{Error, ErrorKind, Result},
    job::{
        document::{date, text},
        fields::{self, SCHEDULE},
        keys,
        retention::{occurrence, would_come_again},
        status::Status,
    },
    store::{
        collection::{Store, all},
        side::{ID, Kind, NEXT_RUN_AT, Side},
        spill,
        types::types_of,
    },
};

/// Jobs removed by one command.
const STEP: usize = 500;
/// A process that has read a schedule makes its jobs within seconds, or not at all; one that is frozen in between, perhaps later.
const STILL_POSSIBLE_MS: i64 = 600_000;

/// The jobs that have been kept for long enough.
#[derive(Debug, Clone)]
pub(crate) struct Old {
    pub(crate) job_type: String,
    pub(crate) status: Status,
    /// Time that they are kept after their end.
    pub(crate) kept_ms: i64,
}

impl Old {
    fn ended_at(&self) -> &'static str {
        match self.status {
            Status::Completed => fields::COMPLETED_AT,
            _ => fields::FAILED_AT,
        }
    }
}

/// Goes through old jobs of one type and status, the oldest first, a step at a time.
pub(crate) struct Removal<'a> {
    store: &'a Store,
    side: &'a Side,
    old: Old,
    /// The end of the last step.
    from: Option<DateTime>,
    is_over: bool,
}

impl<'a> Removal<'a> {
    pub(crate) fn new(store: &'a Store, side: &'a Side, old: Old) -> Self {
        Self { store, side, old, from: None, is_over: false }
    }

    /// Removes the next ones. Returns their number, or none if there are no more.
    pub(crate) async fn step(&mut self) -> Result<Option<u64>> {
        if self.is_over {
            return Ok(None);
        }
        let now = self.store.server_time().await?;
        let before =
            DateTime::from_millis(now.earliest().timestamp_millis().saturating_sub(self.old.kept_ms));
        let ended_at = self.old.ended_at();
        let mut range = doc! { "$lt": before };
        if let Some(from) = self.from {
            range.insert("$gte", from);
        }
        let filter = doc! {
            fields::STATUS: self.old.status.as_str(),
            fields::TYPE: &self.old.job_type,
            ended_at: range,
        };
        let found = self.oldest(filter, ended_at).await?;
        self.is_over = found.len() < STEP;
        let last = found.last().and_then(|job| date(job, ended_at));
        let spared =
            next_occurrences(self.side, found.iter().filter_map(|job| Some(occurrence(job)?.0))).await?;
        let is_free = |job: &&RawDocumentBuf| {
            let is_held = date(job, fields::DEDUPE_UNTIL).is_some_and(|until| until > now.earliest());
            is_job(job) && !is_held && !is_spared(job, &spared, now.earliest())
        };
        let id = |job: &RawDocumentBuf| Bson::try_from(job.get(ID).ok()??).ok();
        let free: Vec<&RawDocumentBuf> = found.iter().filter(is_free).collect();
        let ids: Vec<Bson> = free.iter().copied().filter_map(id).collect();
        let spilled: Vec<Bson> =
            free.into_iter().filter(|job| spill::is_marked(job)).filter_map(id).collect();
        // All that were found are kept: the next step goes beyond them.
        let is_stuck = ids.is_empty() && last == self.from;
        self.from = match last {
            Some(last) if is_stuck => Some(DateTime::from_millis(last.timestamp_millis() + 1)),
            last => last,
        };
        if ids.is_empty() {
            return Ok(if self.is_over { None } else { Some(0) });
        }
        // A job that was retried meanwhile is another job now.
        let mut filter = doc! {
            ID: { "$in": ids },
            fields::STATUS: self.old.status.as_str(),
            ended_at: { "$lt": before },
        };
        filter.extend(keys::keeps_none());
        // By themselves servers go through all ended jobs of that age: the oldest stand first there too.
        let by_id = Hint::Keys(doc! { ID: 1 });
        let remove = async { Ok(self.store.jobs().delete_many(filter).hint(by_id).await?.deleted_count) };
        let removed = self.store.bounded("removing old jobs", remove).await?;
        spill::remove_orphans(self.store, &spilled).await?;
        Ok(Some(removed))
    }

    async fn oldest(&self, filter: Document, ended_at: &str) -> Result<Vec<RawDocumentBuf>> {
        self.store
            .bounded("looking for old jobs", async {
                let order = doc! { fields::STATUS: 1, fields::TYPE: 1, ended_at: 1 };
                let projection = doc! {
                    ended_at: 1, fields::DEDUPE_UNTIL: 1, SCHEDULE: 1, fields::RUN_AT: 1,
                    spill::IS_SPILLED: spill::is_spilled(),
                };
                let find = self.store.jobs().find(filter).sort(order).projection(projection);
                all(find.limit(STEP as i64).batch_size(STEP as u32).await?).await
            })
            .await
    }
}

/// The next occurrences of schedules, by their ids. One that is gone, or paused, makes nothing again.
pub(crate) async fn next_occurrences(
    side: &Side,
    schedules: impl Iterator<Item = &str>,
) -> Result<HashMap<String, DateTime>> {
    let ids: BTreeSet<String> = schedules.map(|id| Kind::Schedule.id(id)).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<String> = ids.into_iter().collect();
    let found = side.store().find(doc! { ID: { "$in": ids } }, doc! { NEXT_RUN_AT: 1 }).await?;
    let prefix = Kind::Schedule.id("");
    let next = |schedule: &RawDocumentBuf| {
        Some((text(schedule, ID)?.strip_prefix(&prefix)?.to_owned(), date(schedule, NEXT_RUN_AT)?))
    };
    Ok(found.iter().filter_map(next).collect())
}

/// True for a document that has been a job: it had its time to run.
fn is_job(document: &RawDocument) -> bool {
    date(document, fields::RUN_AT).is_some()
}

/// True if the job's schedule has not gone past its occurrence.
fn is_spared(job: &RawDocument, next: &HashMap<String, DateTime>, now: DateTime) -> bool {
    let Some((id, occurrence_at)) = occurrence(job) else { return false };
    let is_fresh = occurrence_at.timestamp_millis() > now.timestamp_millis() - STILL_POSSIBLE_MS;
    is_fresh || would_come_again(next.get(id), occurrence_at)
}

/// Removes jobs that ended more than `max_age_ms` ago by the server's clock. Returns their number.
pub(crate) async fn remove_old(store: &Store, side: &Side, max_age_ms: i64) -> Result<u64> {
    // A user who may remove nothing learns it even while there is nothing to remove.
    store.jobs().delete_many(doc! { ID: Bson::MinKey }).await.map_err(Error::from)?;
    let mut removed = 0;
    for status in Status::ALL.into_iter().filter(|status| status.is_terminal()) {
        for job_type in types_of(store, status).await? {
            let mut removal = Removal::new(store, side, Old { job_type, status, kept_ms: max_age_ms });
            while let Some(count) = removal.step().await? {
                removed += count;
            }
        }
    }
    Ok(removed)
}

/// Removes every job and keeps the indexes.
pub(crate) async fn reset(store: &Store) -> Result<()> {
    store.jobs().delete_many(doc! {}).await.map_err(Error::from)?;
    match store.spilled().jobs().delete_many(doc! {}).await.map_err(Error::from) {
        // A caller without rights there has no values there.
        Err(error) if error.kind() != ErrorKind::Permission => Err(error),
        _ => Ok(()),
    }
}
