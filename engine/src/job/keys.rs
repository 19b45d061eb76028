//! Dedupe keys: filters for the jobs that hold one.
//!
//! Every filter names the scope and the status, or the planner could not use the partial indexes.

use mongodb::bson::{Document, RawDocument, doc};

use super::{
    document::{DedupeKey, text},
    fields,
    status::{DedupeScope, Status},
};

/// The filter for a job of scope `pending`, this key and this status.
pub(crate) fn single_flight(key: &str, status: Status) -> Document {
    doc! {
        fields::DEDUPE_KEY: key,
        fields::DEDUPE_SCOPE: DedupeScope::Pending.as_str(),
        fields::STATUS: status.as_str(),
    }
}

/// The job of scope `pending+active` and this key that has not ended.
fn exclusive(key: &str) -> Document {
    doc! {
        fields::DEDUPE_KEY: key,
        fields::DEDUPE_SCOPE: DedupeScope::PendingAndActive.as_str(),
        fields::STATUS: { "$in": [Status::Pending.as_str(), Status::Active.as_str()] },
    }
}

/// Any job that holds the key, one branch per unique index.
pub(crate) fn any_holder(key: &str) -> Document {
    doc! { "$or": [exclusive(key), single_flight(key, Status::Pending), single_flight(key, Status::Active)] }
}

/// Any job that leaves no room for one more pending job of the key: exactly the case that the unique index of its
/// scope refuses.
pub(crate) fn barring(dedupe: &DedupeKey) -> Document {
    match dedupe.scope {
        DedupeScope::PendingAndActive => exclusive(&dedupe.key),
        DedupeScope::Pending => single_flight(&dedupe.key, Status::Pending),
    }
}

/// Any job of any scope that leaves no room for one more of one of these keys: a branch per unique index.
pub(crate) fn barring_any(keys: &[&str]) -> [Document; 3] {
    let of_scope = |scope: DedupeScope, statuses: &[Status]| {
        let statuses: Vec<&str> = statuses.iter().map(|status| status.as_str()).collect();
        doc! {
            fields::DEDUPE_KEY: { "$in": keys },
            fields::DEDUPE_SCOPE: scope.as_str(),
            fields::STATUS: { "$in": statuses },
        }
    };
    [
        of_scope(DedupeScope::PendingAndActive, &[Status::Pending, Status::Active]),
        of_scope(DedupeScope::Pending, &[Status::Pending]),
        doc! { fields::DEDUPE_KEY: { "$in": keys }, fields::DEDUPE_UNTIL: { "$exists": true } },
    ]
}

/// The job that keeps the key held for others of its kind, even after its end. The unique index on such keys
/// refuses others.
pub(crate) fn keeping(key: &str) -> Document {
    doc! { fields::DEDUPE_KEY: key, fields::DEDUPE_UNTIL: { "$exists": true } }
}

/// The update that lets go of a key which has been kept for long enough, by the server's clock.
pub(crate) fn letting_go(key: &str) -> (Document, Document) {
    let mut filter = keeping(key);
    filter.insert("$expr", doc! { "$lte": [fields::value_of(fields::DEDUPE_UNTIL), fields::NOW] });
    (filter, doc! { "$unset": { fields::DEDUPE_UNTIL: "" } })
}

/// The condition that the job keeps no key, or has kept it for long enough: it may be removed.
pub(crate) fn keeps_none() -> Document {
    doc! { "$or": [
        { fields::DEDUPE_UNTIL: { "$exists": false } },
        { "$expr": { "$lte": [fields::value_of(fields::DEDUPE_UNTIL), fields::NOW] } },
    ] }
}

/// The pending job of this type that holds the key of scope `pending`, to be given other data.
pub(crate) fn replaceable(key: &str, job_type: &str) -> Document {
    let mut filter = single_flight(key, Status::Pending);
    // Under one key there may be jobs of several types, and data means something only to its own.
    filter.insert(fields::TYPE, job_type);
    filter
}

/// A stage for the update that ends a job about which only its end is known. It tells that a key is free if there is
/// one.
pub(crate) fn freeing_key() -> Document {
    let may_have_follower = doc! { "$and": [
        { "$eq": [fields::value_of(fields::DEDUPE_SCOPE), DedupeScope::Pending.as_str()] },
        { "$eq": [{ "$type": fields::value_of(fields::DEDUPE_KEY) }, "string"] },
    ] };
    doc! { "$set": { fields::KEY_FREED: { "$cond": [may_have_follower, fields::NOW, "$$REMOVE"] } } }
}

/// True if a job stands in the indexes of scope `pending`, with any key.
pub(crate) fn is_single_flight(job: &RawDocument) -> bool {
    text(job, fields::DEDUPE_SCOPE).and_then(DedupeScope::parse) == Some(DedupeScope::Pending)
        && matches!(job.get(fields::DEDUPE_KEY), Ok(Some(_)))
}

/// The dedupe key of a job, if its scope lets a follower wait behind it.
pub(crate) fn single_flight_key(job: &RawDocument) -> Option<&str> {
    let scope = DedupeScope::parse(text(job, fields::DEDUPE_SCOPE)?)?;
    (scope == DedupeScope::Pending).then(|| text(job, fields::DEDUPE_KEY)).flatten()
}

#[cfg(test)]
mod tests {
    use mongodb::bson::rawdoc;

    use super::*;

    #[test]
    fn only_a_key_of_scope_pending_lets_a_follower_wait() {
        for (job, is_in_index, key) in [
            (rawdoc! { "dedupeKey": "k", "dedupeScope": "pending" }, true, Some("k")),
            // Such a key takes part in the index; no caller of durabl wrote it.
            (rawdoc! { "dedupeKey": 7, "dedupeScope": "pending" }, true, None),
            (
                rawdoc! { "dedupeKey": "k", "dedupeScope": DedupeScope::PendingAndActive.as_str() },
                false,
                None,
            ),
            (rawdoc! { "dedupeKey": "k", "dedupeScope": "another" }, false, None),
            (rawdoc! { "dedupeKey": "k" }, false, None),
            (rawdoc! { "dedupeScope": "pending" }, false, None),
            (rawdoc! {}, false, None),
        ] {
            assert_eq!((is_single_flight(&job), single_flight_key(&job)), (is_in_index, key), "{job:?}");
        }
    }
}
