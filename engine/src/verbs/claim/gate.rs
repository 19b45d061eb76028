//! Gates: they keep a due job from being claimed although there is room for it.
//!
//! Today there is one kind, the dedupe key of scope `pending`, which lets one job through at a time. A unique index
//! decides if a gate is open; one that was found closed is passed over, with all jobs before it. Another kind of gate
//! is another case here: the claim itself knows none of them.

use std::collections::HashSet;

use mongodb::bson::{Document, RawDocument, doc};

use crate::{
    base::error::Result,
    job::{fields, keys, status::DedupeScope},
    store::{collection::Store, holders},
};

/// A gate that a job stands before.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Gate {
    /// Lets one job of this key through at a time.
    SingleFlight(String),
}

impl Gate {
    /// The gate of a job, if it has one that can be named.
    pub(super) fn of(job: &RawDocument) -> Option<Self> {
        keys::single_flight_key(job).map(|key| Self::SingleFlight(key.to_owned()))
    }

    /// True if an index may refuse to let the job through. Its gate need not have a name here: others write
    /// documents, too.
    pub(super) fn may_refuse(job: &RawDocument) -> bool {
        keys::is_single_flight(job)
    }

    /// Those of these gates that are closed.
    pub(super) async fn closed(store: &Store, gates: Vec<&Self>) -> Result<HashSet<Self>> {
        if gates.is_empty() {
            return Ok(HashSet::new());
        }
        let busy = holders::busy_keys(store, keys_of(gates)).await?;
        Ok(busy.into_iter().map(Self::SingleFlight).collect())
    }

    /// Selects the jobs before these gates, by one condition for each kind.
    pub(super) fn before(gates: &HashSet<Self>) -> Option<Document> {
        let (scope, keys) = (DedupeScope::Pending.as_str(), keys_of(gates));
        (!keys.is_empty()).then(|| doc! { fields::DEDUPE_SCOPE: scope, fields::DEDUPE_KEY: { "$in": keys } })
    }
}

fn keys_of<'a>(gates: impl IntoIterator<Item = &'a Gate>) -> Vec<&'a str> {
    gates.into_iter().map(|Gate::SingleFlight(key)| key.as_str()).collect()
}
