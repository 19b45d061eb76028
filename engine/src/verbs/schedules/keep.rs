//! Schedules as their callers change them: read, decided on in JavaScript, and written if nothing has changed since.

use futures_util::future::try_join_all;
use mongodb::bson::{DateTime, Document, RawDocumentBuf, doc};

use super::{JOB, REV};
use crate::{
    base::error::{Error, Result},
    job::fields,
    store::{
        side::{ID, Kind, NEXT_RUN_AT, Side},
        write::{RefusalCause, Statement, Wait},
    },
};

/// Changes on their way at once.
const MOST_AT_ONCE: usize = 16;

/// A schedule as it was read: a change applies to this and no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its revision.
    pub rev: String,
    /// Its next occurrence, in milliseconds since the epoch, if it had one.
    pub next_ms: Option<i64>,
}

/// A change of one schedule.
#[derive(Debug, Clone)]
pub enum ScheduleChange {
    /// There was none: it is made.
    Make {
        /// The whole document, with its id and revision.
        document: RawDocumentBuf,
    },
    /// There was one, and it changes.
    Set {
        /// The name that users know it by.
        name: String,
        /// As it was read.
        seen: Seen,
        /// Its new fields, among them a new revision.
        fields: Document,
        /// Fields that it has no more.
        unset: Vec<String>,
    },
    /// There was one, and it goes.
    Remove {
        /// The name that users know it by.
        name: String,
        /// As it was read.
        seen: Seen,
    },
}

/// Schedules without their payloads, by these names, or all of them by id.
pub(crate) async fn read(side: &Side, names: Option<&[String]>) -> Result<Vec<RawDocumentBuf>> {
    side.refuse_others().await?;
    let filter = match names {
        Some(names) => {
            let ids: Vec<String> = names.iter().map(|name| Kind::Schedule.id(name)).collect();
            doc! { ID: { "$in": ids } }
        }
        None => Kind::Schedule.all(),
    };
    let mut found = side.store().find(filter, doc! { format!("{JOB}.{}", fields::DATA): 0 }).await?;
    // The server gives them so already, as it goes by their ids; it just does not promise to.
    found.sort_by(|one, other| one.get_str(ID).ok().cmp(&other.get_str(ID).ok()));
    Ok(found)
}

/// Writes the changes, and tells for each if it was applied. May be tried again: a change that an earlier try applied
/// is recognised by its revision.
pub(crate) async fn write(side: &Side, changes: &[ScheduleChange]) -> Result<Vec<bool>> {
    side.refuse_others().await?;
    let mut applied = Vec::with_capacity(changes.len());
    for part in changes.chunks(MOST_AT_ONCE) {
        applied.extend(try_join_all(part.iter().map(|change| write_one(side, change))).await?);
    }
    Ok(applied)
}

async fn write_one(side: &Side, change: &ScheduleChange) -> Result<bool> {
    match change {
        ScheduleChange::Make { document } => {
            let reply = side.store().insert([document], Wait::Long).await?;
            match reply.refusals.into_iter().next().map(|refusal| refusal.cause) {
                None => Ok(true),
                Some(RefusalCause::Other(error)) => Err(error),
                Some(RefusalCause::IdExists | RefusalCause::KeyHeld | RefusalCause::KeyKept) => {
                    let text = |field| document.get_str(field).map_err(Error::encoding);
                    has_revision(side, text(ID)?, text(REV)?).await
                }
            }
        }
        ScheduleChange::Set { name, seen, fields, unset } => {
            let mut update = doc! { "$set": fields.clone() };
            if !unset.is_empty() {
                let unset: Document = unset.iter().map(|field| (field.clone(), "".into())).collect();
                update.insert("$unset", unset);
            }
            let reply = side.store().update(vec![Statement::one(as_seen(name, seen), update)]).await?;
            if let Some(error) = reply.unexpected() {
                return Err(error.clone());
            }
            let rev = fields.get_str(REV).map_err(Error::encoding)?;
            Ok(reply.matched > 0 || has_revision(side, &Kind::Schedule.id(name), rev).await?)
        }
        ScheduleChange::Remove { name, seen } => {
            let remove = async { Ok(side.store().jobs().delete_one(as_seen(name, seen)).await?) };
            let removed = side.store().bounded("removing a schedule", remove).await?.deleted_count > 0;
            // One that another has removed is gone as well.
            Ok(removed || side.get(&Kind::Schedule.id(name)).await?.is_none())
        }
    }
}

fn as_seen(name: &str, Seen { rev, next_ms }: &Seen) -> Document {
    let mut filter = doc! { ID: Kind::Schedule.id(name), REV: rev };
    match next_ms {
        Some(ms) => _ = filter.insert(NEXT_RUN_AT, DateTime::from_millis(*ms)),
        None => _ = filter.insert(NEXT_RUN_AT, doc! { "$exists": false }),
    }
    filter
}

async fn has_revision(side: &Side, id: &str, rev: &str) -> Result<bool> {
    Ok(!side.store().find(doc! { ID: id, REV: rev }, doc! { ID: 1 }).await?.is_empty())
}
