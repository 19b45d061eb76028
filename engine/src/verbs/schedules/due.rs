//! Looks for schedules that are due.

use std::time::Duration;

use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf, doc, raw::cstr};

use super::{JOB, REV, SKIPPED, SPEC};
use crate::{
    base::error::{Error, Result},
    job::fields,
    store::side::{ID, KIND, Kind, NEXT_RUN_AT, Side},
};

/// Schedules that are handed over at once, and their bytes: each may carry a payload.
const MOST_SCHEDULES: usize = 500;
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The server's clock in an answer.
const SEEN_AT: &str = "seenAt";

/// The schedule that comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Soonest {
    pub(crate) next_run_at: DateTime,
    /// The type of its jobs.
    pub(crate) job_type: String,
    /// The time on the server's clock.
    pub(crate) seen_at: DateTime,
}

impl Soonest {
    /// Time from the look until then; zero if it was due.
    pub(crate) fn wait(&self) -> Duration {
        let ms = self.next_run_at.timestamp_millis().saturating_sub(self.seen_at.timestamp_millis());
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }
}

/// A schedule that is due, as it was read.
#[derive(Debug, Clone)]
pub(crate) struct DueSchedule {
    pub(crate) id: String,
    pub(crate) rev: String,
    pub(crate) next_run_at: DateTime,
    pub(crate) document: RawDocumentBuf,
}

impl DueSchedule {
    /// None for a document that this package has not written so.
    fn read(document: RawDocumentBuf) -> Option<Self> {
        let id = document.get_str(ID).ok()?.to_owned();
        let rev = document.get_str(REV).ok()?.to_owned();
        let next_run_at = document.get_datetime(NEXT_RUN_AT).ok()?;
        document.get_document(JOB).ok()?;
        Some(Self { id, rev, next_run_at, document })
    }

    /// The part of it by which its occurrences are found.
    pub(crate) fn for_the_calendar(&self) -> Result<RawDocumentBuf> {
        let mut part = RawDocumentBuf::new();
        part.append(cstr!("_id"), self.id.as_str());
        part.append(cstr!("nextRunAt"), self.next_run_at);
        for (name, key) in [(SPEC, cstr!("spec")), (SKIPPED, cstr!("skipped"))] {
            if let Some(value) = self.document.get(name).map_err(Error::encoding)? {
                part.append(key, value);
            }
        }
        Ok(part)
    }
}

/// The schedules that a look found due, and those that nothing can be made of.
#[derive(Debug, Default)]
pub(crate) struct Due {
    pub(crate) schedules: Vec<DueSchedule>,
    pub(crate) unreadable: Vec<Bson>,
}

/// The schedule that comes next, but for these: one index key, however many there are.
pub(crate) async fn soonest(side: &Side, without: &[Bson]) -> Result<Option<Soonest>> {
    side.refuse_others().await?;
    let filter = coming(doc! { "$gt": DateTime::MIN }, without);
    let job_type = format!("{JOB}.{}", fields::TYPE);
    let shown = doc! { ID: 0, NEXT_RUN_AT: 1, job_type: 1, SEEN_AT: fields::NOW };
    let look = async {
        let look = side.store().jobs().find_one(filter).sort(doc! { NEXT_RUN_AT: 1 }).projection(shown);
        Ok(look.await?)
    };
    let Some(found) = side.store().bounded("looking for the next schedule", look).await? else {
        return Ok(None);
    };
    let date = |field| found.get_datetime(field).map_err(Error::encoding);
    let job = found.get_document(JOB).ok();
    let job_type = job.and_then(|job| job.get_str(fields::TYPE).ok()).unwrap_or_default().to_owned();
    Ok(Some(Soonest { next_run_at: date(NEXT_RUN_AT)?, job_type, seen_at: date(SEEN_AT)? }))
}

/// The schedules that were due at this moment by the server's clock, the earliest first, as many as go together.
pub(crate) async fn due(side: &Side, seen_at: DateTime, without: &[Bson]) -> Result<Due> {
    let filter = coming(doc! { "$lte": seen_at }, without);
    side.store()
        .bounded("reading the schedules that are due", async {
            let read = side.store().jobs().find(filter).sort(doc! { NEXT_RUN_AT: 1 });
            let mut cursor = read.limit(MOST_SCHEDULES as i64).batch_size(MOST_SCHEDULES as u32).await?;
            let (mut due, mut bytes) = (Due::default(), 0);
            while bytes < MOST_BYTES && cursor.advance().await? {
                let document = cursor.current().to_owned();
                bytes += document.as_bytes().len();
                let id = document.get(ID).ok().flatten().and_then(|id| Bson::try_from(id).ok());
                match DueSchedule::read(document) {
                    Some(schedule) => due.schedules.push(schedule),
                    None => due.unreadable.extend(id),
                }
            }
            Ok(due)
        })
        .await
}

fn coming(next_run_at: Document, without: &[Bson]) -> Document {
    let mut filter = doc! { KIND: Kind::Schedule.as_str(), NEXT_RUN_AT: next_run_at };
    if !without.is_empty() {
        filter.insert(ID, doc! { "$nin": without.to_vec() });
    }
    filter
}

#[cfg(test)]
mod tests {
    use mongodb::bson::rawdoc;

    use super::*;

    #[test]
    fn the_wait_is_by_the_servers_clock() {
        let at = |next_run_at| Soonest {
            next_run_at: DateTime::from_millis(next_run_at),
            job_type: String::new(),
            seen_at: DateTime::from_millis(1_000),
        };
        assert_eq!(at(1_020).wait(), Duration::from_millis(20));
        assert_eq!([at(1_000).wait(), at(400).wait()], [Duration::ZERO; 2]);
    }

    #[test]
    fn the_calendar_sees_no_payload() {
        let document = rawdoc! {
            "_id": "schedule:s", "rev": "1", "nextRunAt": DateTime::from_millis(5), "spec": { "everyMs": 1000 },
            "job": { "type": "t", "data": "large" },
        };
        let part = DueSchedule::read(document).expect("it is whole").for_the_calendar().expect("as above");
        let expected = rawdoc! {
            "_id": "schedule:s", "nextRunAt": DateTime::from_millis(5), "spec": { "everyMs": 1000 },
        };
        assert_eq!(part, expected);
    }

    #[test]
    fn a_document_that_says_no_job_is_no_schedule() {
        let document = rawdoc! { "_id": "schedule:s", "rev": "1", "nextRunAt": DateTime::from_millis(5) };
        assert!(DueSchedule::read(document).is_none());
    }
}
