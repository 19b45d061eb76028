//! Pausing a type and resuming it: one document of the side collection for each type that ever was paused.

use std::collections::HashSet;

use mongodb::{
    bson::{Bson, Document, doc},
    options::ReturnDocument,
};
use uuid::Uuid;

use crate::{
    base::{error::Result, patience::retrying},
    job::fields,
    store::side::{ID, KIND, Kind, Side, SideWrite},
};

const STATE: &str = "state";
const PAUSED: &str = "paused";
const RUNNING: &str = "running";
/// Made up for each call: shows a call that is tried again the effect of its first try.
const CHANGE: &str = "change";

/// The operator, and the reason.
#[derive(Debug, Clone)]
pub(crate) struct PauseRequest<'a> {
    pub(crate) job_type: &'a str,
    pub(crate) reason: Option<&'a str>,
    /// The process.
    pub(crate) by: Document,
}

/// Pauses a type. True if it was running.
pub(crate) async fn pause(
    side: &Side,
    request: PauseRequest<'_>,
    patience: std::time::Duration,
) -> Result<bool> {
    let PauseRequest { job_type, reason, by } = request;
    let change = Uuid::new_v4().to_string();
    let reason = reason.map_or_else(|| Bson::from("$$REMOVE"), |reason| literal(reason).into());
    let set = |by: Document| {
        let unless_paused = |field: &str, value: Bson| -> Bson {
            doc! { "$cond": [{ "$eq": [fields::value_of(STATE), PAUSED] }, fields::value_of(field), value] }
                .into()
        };
        doc! {
            KIND: Kind::Type.as_str(),
            fields::TYPE: literal(job_type),
            STATE: PAUSED,
            "reason": unless_paused("reason", reason.clone()),
            "by": unless_paused("by", doc! { "$literal": by }.into()),
            "at": unless_paused("at", fields::NOW.into()),
            "rev": unless_paused("rev", next_revision().into()),
            CHANGE: unless_paused(CHANGE, change.as_str().into()),
        }
    };
    let update = vec![doc! { "$set": set(by) }];
    let before =
        retrying(patience, || side.change(write(job_type, update.clone(), true), ReturnDocument::Before));
    Ok(before.await?.is_none_or(|before| !is_paused(&before) || is_ours(&before, &change)))
}

/// Resumes a type. True if it was paused.
pub(crate) async fn resume(
    side: &Side,
    request: PauseRequest<'_>,
    patience: std::time::Duration,
) -> Result<bool> {
    let PauseRequest { job_type, by, .. } = request;
    let change = Uuid::new_v4().to_string();
    let if_paused = |field: &str, value: Bson| -> Bson {
        doc! { "$cond": [{ "$eq": [fields::value_of(STATE), PAUSED] }, value, fields::value_of(field)] }
            .into()
    };
    let update = vec![doc! { "$set": {
        STATE: RUNNING,
        "reason": "$$REMOVE",
        "by": if_paused("by", doc! { "$literal": by }.into()),
        "at": if_paused("at", fields::NOW.into()),
        "rev": if_paused("rev", next_revision().into()),
        CHANGE: if_paused(CHANGE, change.as_str().into()),
    } }];
    let before =
        retrying(patience, || side.change(write(job_type, update.clone(), false), ReturnDocument::Before));
    Ok(before.await?.is_some_and(|before| is_paused(&before) || is_ours(&before, &change)))
}

/// The types that are paused.
pub(crate) async fn paused_types(side: &Side) -> Result<HashSet<String>> {
    let found = side.list(Kind::Type).await?;
    let paused = found.into_iter().filter(is_paused);
    Ok(paused.filter_map(|found| Some(found.get_str(fields::TYPE).ok()?.to_owned())).collect())
}

fn write(job_type: &str, update: Vec<Document>, upsert: bool) -> SideWrite {
    SideWrite { filter: doc! { ID: Kind::Type.id(job_type) }, update: update.into(), upsert }
}

fn next_revision() -> Document {
    doc! { "$add": [fields::whole_number("rev"), 1] }
}

fn literal(text: &str) -> Document {
    doc! { "$literal": text }
}

fn is_paused(found: &Document) -> bool {
    found.get_str(STATE).is_ok_and(|state| state == PAUSED)
}

fn is_ours(found: &Document, change: &str) -> bool {
    found.get_str(CHANGE).is_ok_and(|found| found == change)
}
