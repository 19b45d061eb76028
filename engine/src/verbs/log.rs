//! The log of a job: its newest messages, kept in the job's own document and bounded there.

use mongodb::bson::{Bson, doc};

use crate::{
    base::error::Result,
    job::{fence, fields},
    store::{collection::Store, write::Statement},
};

/// How much a job's log may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogBounds {
    /// Older entries go.
    pub entries: u32,
    /// Longer messages are cut at a character's boundary.
    pub message_bytes: usize,
}

impl Default for LogBounds {
    fn default() -> Self {
        Self { entries: 1_000, message_bytes: 4_000 }
    }
}

/// A job that has grown this large takes no more messages: what ends it must still fit into the document's 16 MiB.
const MOST_JOB_BYTES: i64 = 16 * 1024 * 1024 - 32 * 1024;

/// Adds a message. With a token only while the claim is the caller's, or once the caller has completed it: what a handler
/// logs within a transaction is written after it. Whether there was a job to add it to.
pub(crate) async fn append(
    store: &Store,
    id: &str,
    token: Option<&str>,
    message: &str,
    bounds: LogBounds,
) -> Result<bool> {
    let id = Bson::from(id);
    let filter = match token {
        Some(token) => fence::held_or_completed(&id, token),
        None => doc! { fields::ID: id },
    };
    let message = &message[..message.floor_char_boundary(bounds.message_bytes)];
    let entry = doc! { "timestamp": fields::NOW, "message": { "$literal": message } };
    // As a pipeline, for the server's clock. A log that isn't an array is replaced: it is for people only.
    let logs = fields::value_of(fields::LOGS);
    let known = doc! { "$cond": [{ "$isArray": logs.as_str() }, logs.as_str(), []] };
    let newest = doc! { "$concatArrays": [&known, [entry]] };
    let kept = doc! { "$slice": [newest, -i64::from(bounds.entries.max(1))] };
    let has_room = doc! { "$lt": [{ "$bsonSize": "$$ROOT" }, MOST_JOB_BYTES - message.len() as i64] };
    let kept = doc! { "$cond": [has_room, kept, known] };
    let update = vec![doc! { "$set": { fields::LOGS: kept } }];
    let reply = store.update(vec![Statement::one(filter, update)]).await?;
    Ok(reply.matched > 0)
}
