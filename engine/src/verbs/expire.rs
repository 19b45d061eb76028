//! Ending jobs that were not started in time.

use mongodb::bson::{Document, doc};

use super::settle::writing::{Change, writing};
use crate::{
    base::error::Result,
    job::{document::Header, fence, fields, log::LogBounds, status::Status, transition::Transition},
    report::tally::Tallies,
    store::{
        collection::Store,
        write::{RefusalCause, Statement},
    },
};

/// Jobs that wait for their first start, and whose time has passed: as few index keys as there are of them.
pub(crate) fn expired() -> Document {
    doc! {
        fields::STATUS: Status::Pending.as_str(),
        fields::ATTEMPT: 0,
        fields::EXPIRES_AT: { "$exists": true },
        "$expr": { "$lte": [fields::value_of(fields::EXPIRES_AT), fields::NOW] },
    }
}

/// Ends up to so many of them. Returns the number found.
pub(crate) async fn expire(store: &Store, tallies: &Tallies, most: usize, log: LogBounds) -> Result<u64> {
    let find = async {
        let order = doc! { fields::EXPIRES_AT: 1 };
        let projection = Header::projection();
        let jobs = store.jobs();
        let mut cursor = jobs.find(expired()).sort(order).limit(most as i64).projection(projection).await?;
        let mut found = Vec::new();
        while cursor.advance().await? {
            found.push(Header::read(cursor.current())?);
        }
        Ok(found)
    };
    let found: Vec<Header> = store.bounded("looking for expired jobs", find).await?;
    let statement = |header: &Header| {
        let mut filter = expired();
        filter.extend(fence::in_status(&header.id, Status::Pending));
        let change = Change { notes: Some(log), ..Change::of(Transition::Expire, header) };
        Statement::one(filter, writing(change))
    };
    let statements: Vec<Statement> = found.iter().map(statement).collect();
    let reply = store.update(statements).await?;
    let ended = found.iter().map(|header| (header.job_type.as_str(), Transition::Expire));
    tallies.count_written(ended, reply.matched);
    for refusal in reply.refusals {
        if let RefusalCause::Other(error) = refusal.cause
            && error.is_transient()
        {
            return Err(error);
        }
    }
    Ok(reply.matched)
}
