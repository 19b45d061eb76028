//! Write commands: their statements, and their replies.

use std::time::Duration;

use mongodb::bson::{Bson, Document};

use crate::{
    base::error::{Error, Result},
    connection::lanes::Lane,
    job::fields::{DEDUPE_KEY, DEDUPE_SCOPE},
};

/// The time that an open transaction of the app may hold a write up. Such a transaction has written to the same job
/// or under the same key. The server makes the write wait until that is over, and everything behind it in the same
/// command too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Until others would notice. Past it the error is one of which [`Error::is_time_limit`] is true, and writes done
    /// by then stay.
    Brief,
    /// As long as a try may take.
    Long,
    /// The same, by a write that is known to be held up: it keeps no other from a connection.
    HeldUp,
}

impl Wait {
    pub(crate) fn limit(self) -> Option<Duration> {
        match self {
            Self::Brief => Some(Duration::from_secs(1)),
            Self::Long | Self::HeldUp => None,
        }
    }

    pub(super) fn lane(self) -> Lane {
        match self {
            Self::Brief | Self::Long => Lane::Usual,
            Self::HeldUp => Lane::HeldUp,
        }
    }
}

/// One statement of an `update` command.
pub(crate) struct Statement {
    pub(crate) filter: Document,
    /// An update document, or a pipeline.
    pub(crate) update: Bson,
    pub(crate) multi: bool,
}

impl Statement {
    pub(crate) fn one(filter: Document, update: impl Into<Bson>) -> Self {
        Self { filter, update: update.into(), multi: false }
    }

    pub(crate) fn many(filter: Document, update: impl Into<Bson>) -> Self {
        Self { filter, update: update.into(), multi: true }
    }
}

/// Statements of one `update` command, and the terms on which it runs.
pub(crate) struct Update {
    pub(crate) statements: Vec<Statement>,
    /// The lane of the connection; none for that of the wait.
    pub(crate) lane: Option<Lane>,
    pub(crate) wait: Wait,
    pub(crate) acknowledged: Acknowledged,
}

/// On the usual terms: it may take as long as a try may, and is acknowledged as the app's writes are.
impl From<Vec<Statement>> for Update {
    fn from(statements: Vec<Statement>) -> Self {
        Self { statements, lane: None, wait: Wait::Long, acknowledged: Acknowledged::AsConfigured }
    }
}

impl Update {
    /// On the usual terms, by a connection of this lane.
    pub(crate) fn in_lane(lane: Lane, statements: Vec<Statement>) -> Self {
        Self { lane: Some(lane), ..statements.into() }
    }
}

/// The members that have a write before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acknowledged {
    /// As many as the app's write concern asks for, or the server's own.
    AsConfigured,
    /// The primary alone. Its write can still be taken back: code that relies on it has to confirm it.
    ByPrimary,
    /// Most members, under any concern of the app: no election takes it back.
    ByMajority,
}

/// The reason that one statement or document of a write command was refused.
#[derive(Debug, Clone)]
pub(crate) struct WriteRefusal {
    /// Place of the statement or document, counted from 0.
    pub(crate) index: usize,
    pub(crate) cause: RefusalCause,
}

#[derive(Debug, Clone)]
pub(crate) enum RefusalCause {
    /// A unique index on the dedupe key: the key is held.
    KeyHeld,
    /// The same, by a job that keeps the key for a time, which may have passed.
    KeyKept,
    /// A document of this id exists.
    IdExists,
    /// Anything else.
    Other(Error),
}

const DUPLICATE_KEY: i32 = 11_000;

/// The result of a write command.
#[derive(Debug, Default)]
pub(crate) struct WriteReply {
    /// Documents inserted or matched.
    pub(crate) matched: u64,
    /// Documents changed by updates.
    pub(crate) modified: u64,
    pub(crate) refusals: Vec<WriteRefusal>,
}

impl WriteReply {
    /// The first refusal that is neither a held key nor a known id.
    pub(crate) fn unexpected(&self) -> Option<&Error> {
        self.refusals.iter().find_map(|refusal| match &refusal.cause {
            RefusalCause::Other(error) => Some(error),
            RefusalCause::KeyHeld | RefusalCause::KeyKept | RefusalCause::IdExists => None,
        })
    }
}

/// The documents or statements of a write, of so many, that were not refused.
pub(crate) fn accepted(refusals: &[WriteRefusal], count: usize) -> Vec<bool> {
    let mut accepted = vec![true; count];
    for refusal in refusals {
        accepted[refusal.index] = false;
    }
    accepted
}

pub(super) fn read_write_reply(reply: &Document) -> Result<WriteReply> {
    let refusals = reply
        .get_array("writeErrors")
        .map(|errors| errors.iter().filter_map(Bson::as_document).map(read_refusal).collect())
        .unwrap_or_default();
    // The primary has the write, and the members that were asked for may not: not acknowledged.
    if let Ok(concern) = reply.get_document("writeConcernError") {
        return Err(unconfirmed(concern));
    }
    let count = |field| number(reply, field).unwrap_or(0) as u64;
    Ok(WriteReply { matched: count("n"), modified: count("nModified"), refusals })
}

fn read_refusal(error: &Document) -> WriteRefusal {
    let code = number(error, "code").unwrap_or(0) as i32;
    let pattern = error.get_document("keyPattern").ok();
    let cause = match pattern {
        Some(pattern) if code == DUPLICATE_KEY && pattern.contains_key(DEDUPE_KEY) => {
            if pattern.contains_key(DEDUPE_SCOPE) { RefusalCause::KeyHeld } else { RefusalCause::KeyKept }
        }
        Some(pattern) if code == DUPLICATE_KEY && pattern.contains_key("_id") => RefusalCause::IdExists,
        _ => RefusalCause::Other(server_error(error)),
    };
    WriteRefusal { index: number(error, "index").unwrap_or(0) as usize, cause }
}

fn server_error(error: &Document) -> Error {
    let code = number(error, "code").unwrap_or(0) as i32;
    let message = error.get_str("errmsg").unwrap_or("the server refused a write");
    Error::refused_by_rule(code, message, error.get_document("errInfo").ok())
}

fn unconfirmed(error: &Document) -> Error {
    let code = number(error, "code").unwrap_or(0) as i32;
    let text = |field| error.get_str(field).unwrap_or_default();
    Error::unconfirmed(code, text("codeName"), text("errmsg"), error.get_document("errInfo").ok())
}

/// A number, however the server chose to encode it.
pub(crate) fn number(document: &Document, field: &str) -> Option<i64> {
    match document.get(field)? {
        Bson::Int32(value) => Some(i64::from(*value)),
        Bson::Int64(value) => Some(*value),
        Bson::Double(value) => Some(*value as i64),
        _ => None,
    }
}
