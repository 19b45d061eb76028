//! The fence: the filter under which a write after a claim applies. No other file builds one.

use mongodb::bson::{Bson, Document, doc};

use super::{fields, status::Status, transition::Transition};

/// Applies while the job is in this status, under any holder: for calls that steer jobs.
pub(crate) fn in_status(id: &Bson, status: Status) -> Document {
    doc! { fields::ID: id, fields::STATUS: status.as_str() }
}

/// Applies while the lease behind `token` is still this claim's.
pub(crate) fn held(id: &Bson, token: &str) -> Document {
    doc! { fields::ID: id, fields::CLAIM_TOKEN: token, fields::STATUS: Status::Active.as_str() }
}

/// As [`held`], and even once the claim has completed its job.
pub(crate) fn held_or_completed(id: &Bson, token: &str) -> Document {
    let own = [Status::Active.as_str(), Status::Completed.as_str()];
    doc! { fields::ID: id, fields::CLAIM_TOKEN: token, fields::STATUS: { "$in": own } }
}

/// As [`held`], for many jobs claimed under one token.
pub(crate) fn all_held(ids: Vec<Bson>, token: &str) -> Document {
    doc! { fields::ID: { "$in": ids }, fields::CLAIM_TOKEN: token, fields::STATUS: Status::Active.as_str() }
}

/// As [`held`], for many jobs of many claims, all of them this process's own.
pub(crate) fn any_held(ids: Vec<Bson>, tokens: Vec<&str>) -> Document {
    doc! {
        fields::ID: { "$in": ids },
        fields::CLAIM_TOKEN: { "$in": tokens },
        fields::STATUS: Status::Active.as_str(),
    }
}

/// The same, and only while the job was not asked to be cancelled.
pub(crate) fn uncancelled(mut fence: Document) -> Document {
    fence.insert(fields::CANCEL_REQUESTED_AT, Bson::Null);
    fence
}

/// For callers without a token, as the oldest API has them. Applies while the job has one of the statuses that the
/// transition leads out of. It applies once: not after a write that left `proof`.
pub(crate) fn without_token(id: &Bson, transition: Transition, proof: &str) -> Document {
    let sources: Vec<&str> = transition.sources().iter().map(|status| status.as_str()).collect();
    doc! { fields::ID: id, fields::STATUS: { "$in": sources }, fields::SETTLED_TOKENS: { "$ne": proof } }
}

/// Applies while a lease that was seen to be expired has neither been renewed nor changed hands. It must
/// still be expired by the server's clock at the moment of the write. Token and time are compared as they
/// were found, in any type; null stands for a field that is not there.
pub(crate) fn expired(id: &Bson, token: Bson, claimed_at: Bson, visibility_timeout_ms: i64) -> Document {
    doc! {
        fields::ID: id,
        fields::CLAIM_TOKEN: { "$eq": token },
        fields::CLAIMED_AT: { "$eq": claimed_at },
        fields::STATUS: Status::Active.as_str(),
        "$expr": lease_is_over(visibility_timeout_ms),
    }
}

/// The condition that a lease has expired by the server's clock. A managed run's lease is as long as its mark
/// says, and every other one as long as `visibility_timeout_ms`. A job without a claim time was never claimed
/// properly: its lease is over. With a timeout of 0 every lease is over, even a managed one, and one whose
/// time lies ahead.
///
/// No part of it may fail, with any values in the fields: one odd document would hide all others from the
/// reapers.
pub(crate) fn lease_is_over(visibility_timeout_ms: i64) -> Document {
    if visibility_timeout_ms == 0 {
        return doc! { "$literal": true };
    }
    let mark = |field: &str| format!("${}.{field}", fields::LEASE);
    let is_managed = doc! { "$and": [
        { "$isNumber": mark(fields::LEASE_MS) },
        { "$gt": [mark(fields::LEASE_MS), 0] },
        { "$lte": [mark(fields::LEASE_MS), fields::LONGEST_MS] },
        { "$eq": [mark(fields::LEASE_TOKEN), fields::value_of(fields::CLAIM_TOKEN)] },
        { "$eq": [mark(fields::LEASE_ATTEMPT), fields::value_of(fields::ATTEMPT)] },
    ] };
    let timeout = visibility_timeout_ms.min(fields::LONGEST_MS);
    let length = doc! { "$cond": [is_managed, mark(fields::LEASE_MS), timeout] };
    let claimed_at = fields::value_of(fields::CLAIMED_AT);
    doc! { "$or": [
        { "$lte": [&claimed_at, { "$subtract": [fields::NOW, length] }] },
        { "$ne": [{ "$type": &claimed_at }, "date"] },
    ] }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A write that is not fenced by these could hit another holder's claim, even if all other fields match.
    fn names(fence: &Document, fields: &[&str]) -> bool {
        fields.iter().all(|field| fence.contains_key(field))
    }

    #[test]
    fn every_fence_names_the_job_and_an_open_status() {
        let id = Bson::from("a");
        let fences = [
            held(&id, "token"),
            all_held(vec![id.clone()], "token"),
            any_held(vec![id.clone()], vec!["token"]),
            without_token(&id, Transition::Complete, "proof"),
            expired(&id, Bson::Null, Bson::Null, 1_000),
        ];
        for fence in fences {
            assert!(names(&fence, &[fields::ID, fields::STATUS]), "{fence}");
            let status = fence.get(fields::STATUS).map(ToString::to_string).unwrap_or_default();
            assert!(!Status::ALL.iter().any(|known| known.is_terminal() && status.contains(known.as_str())));
        }
    }

    #[test]
    fn a_claim_is_fenced_by_its_token_and_an_expired_one_by_its_age_as_well() {
        let id = Bson::from("a");
        assert_eq!(held(&id, "t").get_str(fields::CLAIM_TOKEN).ok(), Some("t"));
        assert_eq!(all_held(vec![id.clone()], "t").get_str(fields::CLAIM_TOKEN).ok(), Some("t"));
        let expired = expired(&id, Bson::Null, Bson::Null, 1_000);
        assert!(names(&expired, &[fields::CLAIM_TOKEN, fields::CLAIMED_AT, "$expr"]));
    }
}
