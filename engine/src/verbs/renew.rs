//! Renewing leases: many in one statement, or one by its handle.

use std::time::Duration;

use mongodb::bson::{Bson, Document, doc};

use crate::{
    base::error::Result,
    connection::lanes::Lane,
    job::{
        fence, fields,
        id_key::{any_named, named},
        lease::{LeaseLength, LeaseTerms},
        status::Status,
    },
    store::{
        collection::Store,
        write::{Statement, Update, Wait},
    },
};

/// The statement that renews managed leases of this length.
pub(crate) fn renewing(ids: Vec<Bson>, tokens: Vec<&str>, length: LeaseLength) -> Statement {
    Statement::many(fence::any_held(ids, tokens), vec![doc! { "$set": marked(length) }])
}

/// Claimed now, and managed; this also turns a claim made by hand into a managed one. A write that its sender has
/// given up may still arrive after the same holder has made the lease longer. Then it leaves the length as it is.
fn marked(LeaseLength { length, turn }: LeaseLength) -> Document {
    let mark = |field| format!("${}.{field}", fields::LEASE);
    let mut lease = doc! {
        fields::LEASE_TOKEN: fields::value_of(fields::CLAIM_TOKEN),
        fields::LEASE_ATTEMPT: fields::value_of(fields::ATTEMPT),
        fields::LEASE_MS: length.as_millis() as i64,
    };
    if turn > 0 {
        lease.insert(fields::LEASE_TURN, turn);
    }
    let is_late = doc! { "$and": [
        { "$isNumber": mark(fields::LEASE_TURN) },
        { "$gt": [mark(fields::LEASE_TURN), turn] },
        { "$eq": [mark(fields::LEASE_TOKEN), fields::value_of(fields::CLAIM_TOKEN)] },
    ] };
    doc! {
        fields::CLAIMED_AT: fields::NOW,
        fields::LEASE: { "$cond": [is_late, fields::value_of(fields::LEASE), lease] },
    }
}

/// Renews one lease once: a handler's or a handle's own heartbeat. Without a token it renews any active claim. The
/// kind of the lease stays.
pub(crate) async fn heartbeat(store: &Store, id: &str, token: Option<&str>) -> Result<bool> {
    let id = named(id);
    let filter = match token {
        Some(token) => fence::held(&id, token),
        None => doc! { fields::ID: id, fields::STATUS: Status::Active.as_str() },
    };
    let update = vec![doc! { "$set": { fields::CLAIMED_AT: fields::NOW } }];
    let statements = vec![Statement::one(filter, update)];
    let reply = store.update(Update::in_lane(Lane::Heartbeat, statements)).await?;
    Ok(reply.matched > 0)
}

/// Marks a claim made by hand as managed, and renews it. False if it is not the caller's.
pub(crate) async fn adopt(store: &Store, id: &str, token: &str, terms: LeaseTerms) -> Result<bool> {
    renew_one(store, Lane::Heartbeat, &named(id), token, LeaseLength::first(terms.length), Wait::Long).await
}

/// Renews a managed lease, for as long as this. False if it is not the caller's.
pub(crate) async fn renew_one(
    store: &Store,
    lane: Lane,
    id: &Bson,
    token: &str,
    length: LeaseLength,
    wait: Wait,
) -> Result<bool> {
    let update = vec![doc! { "$set": marked(length) }];
    let statements = vec![Statement::one(fence::held(id, token), update)];
    let update = Update { wait, ..Update::in_lane(lane, statements) };
    Ok(store.update(update).await?.matched > 0)
}

/// Makes a managed lease of this length shorter, from the moment of its last renewal. No change if it is not the caller's, or of
/// another length.
pub(crate) async fn shorten(
    store: &Store,
    id: &Bson,
    token: &str,
    from: Duration,
    to: Duration,
) -> Result<()> {
    let mark = |field| format!("{}.{field}", fields::LEASE);
    let mut filter = fence::held(id, token);
    filter.insert(mark(fields::LEASE_TOKEN), token);
    filter.insert(mark(fields::LEASE_MS), from.as_millis() as i64);
    let update = doc! { "$set": { mark(fields::LEASE_MS): to.as_millis() as i64 } };
    store.update(Update::in_lane(Lane::Heartbeat, vec![Statement::one(filter, update)])).await?;
    Ok(())
}

/// Renews active jobs under any holder, as the batch call of the public API does, and counts them.
pub(crate) async fn heartbeat_many(store: &Store, ids: &[String]) -> Result<u64> {
    let filter = doc! { fields::ID: any_named(ids), fields::STATUS: Status::Active.as_str() };
    let update = vec![doc! { "$set": { fields::CLAIMED_AT: fields::NOW } }];
    let statements = vec![Statement::many(filter, update)];
    Ok(store.update(Update::in_lane(Lane::Heartbeat, statements)).await?.matched)
}
