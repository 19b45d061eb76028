//! Makes the jobs of occurrences, and moves their schedules on: in this order, and any process may do either again.
//!
//! The id of a job is that of its occurrence, so only one of the processes that make it succeeds. And a schedule moves
//! on only from the moment that was read. A process that dies in between leaves the rest to the next one that looks.

use std::collections::HashSet;

use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf, doc};

use super::{
    LAST_AT, REV, SKIPPED,
    due::DueSchedule,
    occurrence::{job_of, job_type},
};
use crate::{
    base::error::{Error, Result},
    store::{
        collection::Store,
        side::{ID, NEXT_RUN_AT, Side},
        write::{RefusalCause, Statement, Wait, accepted},
    },
};

/// The most jobs that one insert carries.
const MOST_JOBS: usize = 1_000;
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The calendar's answer about a schedule that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// The schedule's place among those that were handed over.
    pub place: usize,
    /// Occurrences to make jobs of, in milliseconds since the epoch, ascending.
    pub occurrences_ms: Vec<i64>,
    /// The newest occurrence that has come, made or not.
    pub last_ms: i64,
    /// The next one; none if there is none any more.
    pub next_ms: Option<i64>,
}

/// The result of firing.
#[derive(Debug, Default)]
pub(crate) struct Fired {
    /// The types of the new jobs, and their ids.
    pub(crate) types: HashSet<String>,
    pub(crate) ids: Vec<String>,
    /// Schedules whose job the server refuses for good, with the reasons.
    pub(crate) refused: Vec<(Bson, Error)>,
}

/// Jobs on their way into one insert.
#[derive(Default)]
struct Lot {
    jobs: Vec<RawDocumentBuf>,
    /// The schedule of each, by its place among the firings.
    of: Vec<usize>,
    bytes: usize,
}

/// Makes the jobs.
pub(crate) async fn make_jobs(store: &Store, due: &[DueSchedule], firings: &[Firing]) -> Result<Fired> {
    let now = store.server_time().await?.earliest();
    let (mut fired, mut lot) = (Fired::default(), Lot::default());
    for (index, firing) in firings.iter().enumerate() {
        let Some(schedule) = due.get(firing.place) else { continue };
        for ms in &firing.occurrences_ms {
            match job_of(&schedule.document, &schedule.id, DateTime::from_millis(*ms), now) {
                Ok(job) => lot.add(job, index),
                Err(error) => fired.refused.push((schedule.id.as_str().into(), error)),
            }
            if lot.is_full() {
                insert(store, std::mem::take(&mut lot), due, firings, &mut fired).await?;
            }
        }
    }
    insert(store, lot, due, firings, &mut fired).await?;
    Ok(fired)
}

impl Lot {
    fn add(&mut self, job: RawDocumentBuf, index: usize) {
        self.bytes += job.as_bytes().len();
        self.jobs.push(job);
        self.of.push(index);
    }

    fn is_full(&self) -> bool {
        self.jobs.len() >= MOST_JOBS || self.bytes >= MOST_BYTES
    }
}

async fn insert(
    store: &Store,
    lot: Lot,
    due: &[DueSchedule],
    firings: &[Firing],
    fired: &mut Fired,
) -> Result<()> {
    if lot.jobs.is_empty() {
        return Ok(());
    }
    let mut refusals = store.insert(&lot.jobs, Wait::Long).await?.refusals;
    let mut is_made = accepted(&refusals, lot.jobs.len());
    if refusals.iter().any(|refusal| matches!(refusal.cause, RefusalCause::IdExists)) {
        // Another process made it, and perhaps the primary has yet to take it back; no schedule may move on by that.
        // So a job that is not there any more is made.
        store.confirm().await?;
        refusals = store.insert(&lot.jobs, Wait::Long).await?.refusals;
        let made_now = accepted(&refusals, lot.jobs.len());
        is_made.iter_mut().zip(made_now).for_each(|(is_made, made_now)| *is_made |= made_now);
    }
    for refusal in refusals {
        match refusal.cause {
            // The job is there, or an earlier one of the schedule is outstanding: this occurrence is left out.
            RefusalCause::IdExists | RefusalCause::KeyHeld | RefusalCause::KeyKept => {}
            RefusalCause::Other(error) if error.is_transient() => return Err(error),
            RefusalCause::Other(error) => {
                let schedule = &due[firings[lot.of[refusal.index]].place];
                fired.refused.push((schedule.id.as_str().into(), error));
            }
        }
    }
    for ((job, index), _) in lot.jobs.iter().zip(&lot.of).zip(&is_made).filter(|(_, is_made)| **is_made) {
        fired.types.insert(job_type(&due[firings[*index].place].document).to_owned());
        fired.ids.extend(job.get_str(ID).ok().map(str::to_owned));
    }
    Ok(())
}

/// Moves the schedules on whose jobs are made. Those that others have moved, or changed, stay as they are. Returns the
/// number of the others.
pub(crate) async fn move_on(
    side: &Side,
    due: &[DueSchedule],
    firings: &[Firing],
    refused: &[(Bson, Error)],
) -> Result<u64> {
    let statements = firings
        .iter()
        .filter_map(|firing| due.get(firing.place).map(|schedule| (schedule, firing)))
        .filter(|(schedule, _)| !refused.iter().any(|(id, _)| id.as_str() == Some(&schedule.id)))
        .map(|(schedule, firing)| Statement::one(as_read(schedule), moved(firing)))
        .collect::<Vec<_>>();
    Ok(side.store().update(statements).await?.matched)
}

fn as_read(schedule: &DueSchedule) -> Document {
    doc! { ID: &schedule.id, REV: &schedule.rev, NEXT_RUN_AT: schedule.next_run_at }
}

fn moved(firing: &Firing) -> Document {
    let last_at = DateTime::from_millis(firing.last_ms);
    let mut update = doc! { "$set": { LAST_AT: last_at }, "$pull": { SKIPPED: { "$lte": last_at } } };
    match firing.next_ms {
        Some(next) => {
            let next = doc! { LAST_AT: last_at, NEXT_RUN_AT: DateTime::from_millis(next) };
            update.insert("$set", next);
        }
        None => _ = update.insert("$unset", doc! { NEXT_RUN_AT: "" }),
    }
    update
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(bytes: usize, count: usize) -> Lot {
        let job = RawDocumentBuf::try_from(&doc! { "data": "x".repeat(bytes) }).expect("it can be encoded");
        let mut lot = Lot::default();
        (0..count).for_each(|index| lot.add(job.clone(), index));
        lot
    }

    #[test]
    fn a_lot_is_full_by_its_jobs_or_by_their_bytes() {
        assert!(!filled(1, MOST_JOBS - 1).is_full());
        assert!(filled(1, MOST_JOBS).is_full());
        assert!(!filled(MOST_BYTES / 4, 3).is_full());
        assert!(filled(MOST_BYTES / 4, 4).is_full());
    }
}
