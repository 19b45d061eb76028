//! The fence: the filter under which a write after a claim applies. The one place that builds it.

use mongodb::bson::{Bson, Document, doc};

use crate::{fields, status::Status};

/// Applies while the lease behind `token` is still this claim's.
pub(crate) fn held(id: &Bson, token: &str) -> Document {
    doc! { fields::ID: id, fields::CLAIM_TOKEN: token, fields::STATUS: Status::Active.as_str() }
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

/// For callers without a token, as the oldest API has them: applies until the job has ended.
pub(crate) fn not_ended(id: &Bson) -> Document {
    let open = [Status::Pending.as_str(), Status::Active.as_str()];
    doc! { fields::ID: id, fields::STATUS: { "$in": open } }
}

/// With a token [`held`], without one [`not_ended`].
pub(crate) fn for_caller(id: &Bson, token: Option<&str>) -> Document {
    match token {
        Some(token) => held(id, token),
        None => not_ended(id),
    }
}

/// Applies while a lease that was seen to be expired has neither been renewed nor changed hands, and still is
/// expired by the server's clock at the moment of the write.
pub(crate) fn expired(
    id: &Bson,
    token: Option<&str>,
    claimed_at: Bson,
    visibility_timeout_ms: i64,
) -> Document {
    // A filter of null matches a field that is null and one that is not there.
    let token = token.map_or(Bson::Null, Bson::from);
    doc! {
        fields::ID: id,
        fields::CLAIM_TOKEN: token,
        fields::CLAIMED_AT: claimed_at,
        fields::STATUS: Status::Active.as_str(),
        "$expr": lease_is_over(visibility_timeout_ms),
    }
}

/// Whether a lease has run out by the server's clock. A managed run's lease is as long as its mark says, and every
/// other one as long as `visibility_timeout_ms`. A job without a claim time was never claimed properly: it is over.
pub(crate) fn lease_is_over(visibility_timeout_ms: i64) -> Document {
    let mark = |field: &str| format!("${}.{field}", fields::LEASE);
    let is_managed = doc! { "$and": [
        { "$gt": [mark(fields::LEASE_MS), 0] },
        { "$eq": [mark(fields::LEASE_TOKEN), fields::value_of(fields::CLAIM_TOKEN)] },
        { "$eq": [mark(fields::LEASE_ATTEMPT), fields::value_of(fields::ATTEMPT)] },
    ] };
    let length = doc! { "$cond": [is_managed, mark(fields::LEASE_MS), visibility_timeout_ms] };
    doc! { "$lte": [fields::value_of(fields::CLAIMED_AT), { "$subtract": [fields::NOW, length] }] }
}
