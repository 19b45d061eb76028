//! The events that the server is asked to report, and their effects.

use mongodb::{
    bson::{Bson, Document, doc},
    change_stream::event::OperationType,
};
use serde::Deserialize;

use super::{changed::wake_at, interest::Interest};
use crate::{
    job::{fields, status::Status},
    store::collection::Store,
    wake::hints::{Audience, Wake, WakeHub},
};

/// One change, as far as it matters.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Change {
    pub(super) operation_type: OperationType,
    pub(super) document_key: Option<Document>,
    full_document: Option<Inserted>,
    update_description: Option<Updated>,
}

/// The fields of an update that are told apart.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Updated {
    updated_fields: Option<UpdatedFields>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdatedFields {
    cancel_requested_at: Option<Bson>,
}

impl Change {
    /// A running job was asked to be cancelled.
    pub(super) fn is_cancellation(&self) -> bool {
        let updated = self.update_description.as_ref().and_then(|update| update.updated_fields.as_ref());
        updated.is_some_and(|fields| fields.cancel_requested_at.is_some())
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inserted {
    #[serde(rename = "type")]
    job_type: Option<Bson>,
    run_at: Option<Bson>,
}

pub(super) fn pipeline(interest: &Interest) -> Vec<Document> {
    let pending = Status::Pending.as_str();
    let mut inserted = doc! { "operationType": "insert", "fullDocument.status": pending };
    if !interest.everything {
        let types: Vec<&String> = interest.types.iter().collect();
        inserted.insert("fullDocument.type", doc! { "$in": types });
    }
    let updated = |field: &str| format!("updateDescription.updatedFields.{field}");
    let wanted = doc! { "$or": [
        inserted,
        { "operationType": "update", updated(fields::STATUS): pending },
        { "operationType": "update", updated(fields::KEY_FREED): { "$exists": true } },
        // This includes changes by hand.
        { "operationType": "update", updated(fields::RUN_AT): { "$exists": true } },
        { "operationType": "update", updated(fields::CANCEL_REQUESTED_AT): { "$exists": true } },
        { "operationType": { "$nin": ["insert", "update", "delete"] } },
    ] };
    // The driver needs `_id` and `operationType` to resume.
    let needed = doc! {
        "operationType": 1,
        "documentKey": 1,
        "fullDocument.type": 1,
        "fullDocument.runAt": 1,
        updated(fields::CANCEL_REQUESTED_AT): 1,
    };
    vec![doc! { "$match": wanted }, doc! { "$project": needed }]
}

pub(super) async fn wake_for_insert(change: Change, wakes: &WakeHub, store: &Store) {
    let Some(Inserted { job_type: Some(Bson::String(job_type)), run_at }) = change.full_document else {
        return;
    };
    let id = change.document_key.as_ref().and_then(|key| key.get_str(fields::ID).ok());
    if id.is_some_and(|id| wakes.known_jobs.contains(id)) {
        return;
    }
    match run_at {
        Some(Bson::DateTime(run_at)) => wake_at(wakes, store, job_type, run_at).await,
        _ => wakes.wake(&Wake::Type(job_type), Audience::Everyone),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn matched(interest: &Interest) -> Vec<Document> {
        let stages = pipeline(interest);
        let wanted =
            stages[0].get_document("$match").and_then(|wanted| wanted.get_array("$or")).expect("a choice");
        wanted.iter().map(|branch| branch.as_document().expect("a condition").clone()).collect()
    }

    #[test]
    fn inserts_are_narrowed_to_the_types_that_a_worker_waits_for() {
        let types = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        let narrow = &matched(&Interest { types: types.clone(), everything: false })[0];
        assert_eq!(narrow.get_document("fullDocument.type").ok(), Some(&doc! { "$in": ["a", "b"] }));
        let wide = &matched(&Interest { types, everything: true })[0];
        assert!(!wide.contains_key("fullDocument.type"));
    }

    #[test]
    fn updates_are_narrowed_to_those_that_make_a_job_claimable_or_ask_for_its_end() {
        let branches = matched(&Interest::default());
        let updates: Vec<&Document> =
            branches.iter().filter(|branch| branch.get_str("operationType").ok() == Some("update")).collect();
        assert_eq!(updates[0].get_str("updateDescription.updatedFields.status").ok(), Some("pending"));
        assert!(updates[1].contains_key("updateDescription.updatedFields.keyFreed"));
        assert!(updates[2].contains_key("updateDescription.updatedFields.runAt"));
        assert!(updates[3].contains_key("updateDescription.updatedFields.cancelRequestedAt"));
        assert_eq!(updates.len(), 4);
    }

    #[test]
    fn payloads_do_not_travel_and_what_the_driver_resumes_by_does() {
        let stages = pipeline(&Interest::default());
        let kept = stages[1].get_document("$project").expect("a projection");
        assert!(kept.keys().all(|field| !field.contains("data") && field != "fullDocument"));
        assert!(
            kept.contains_key("operationType") && kept.get("_id").is_none(),
            "`_id` goes along by itself"
        );
    }
}
