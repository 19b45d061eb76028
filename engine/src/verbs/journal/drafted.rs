//! Records that are to be written, and the result of each.

use mongodb::bson::{Bson, DateTime, RawDocumentBuf, oid::ObjectId};

use crate::{
    base::error::{Error, Result},
    job::journal::{NewStep, StoredStep},
};

/// A record of more bytes never stands on the job, if it may spill.
const ALWAYS_FROM: i64 = 16 * 1024;
/// A journal of more bytes takes up no further values, if they may spill.
const MOST_ON_THE_JOB: i64 = 256 * 1024;
/// A record of fewer bytes would not get smaller by much.
const NEVER_BELOW: i64 = 256;

/// A step to be recorded under a claim.
#[derive(Debug, Clone)]
pub struct Append {
    /// The job.
    pub id: String,
    /// The claim.
    pub token: String,
    /// The step.
    pub step: NewStep,
    /// The most bytes that the journal may take on the job.
    pub limit: i64,
    /// A large value goes into a collection of its own.
    pub may_spill: bool,
}

/// The effect of an append.
#[derive(Debug, Clone, PartialEq)]
pub enum Appended {
    /// The record is in the journal, and the lease is renewed.
    Appended,
    /// There is a record at that place, perhaps of another name.
    Recorded(StoredStep),
    /// The job is not active under this token.
    LeaseLost,
    /// The journal would take this many bytes.
    TooLarge(i64),
}

/// An append, the record that is written for it, and its result.
pub(crate) struct Drafted {
    pub(super) append: Append,
    ts: DateTime,
    pub(super) record: RawDocumentBuf,
    pub(super) spilled: Option<Spilled>,
    pub(super) outcome: Option<Result<Appended>>,
    /// It is tried by itself: together with others of its job it was refused.
    pub(super) is_alone: bool,
    /// The server may have written it before it refused others.
    pub(super) may_be_written: bool,
    pub(super) riddles: u32,
}

/// The value of a record, that stands in a collection of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spilled {
    pub(super) value: ObjectId,
    pub(super) is_written: bool,
}

impl Drafted {
    pub(crate) fn new(append: Append, ts: DateTime) -> Self {
        let record = append.step.record(ts, None);
        let mut drafted = Self {
            append,
            ts,
            record,
            spilled: None,
            outcome: None,
            is_alone: false,
            may_be_written: false,
            riddles: 0,
        };
        if drafted.bytes() > ALWAYS_FROM {
            drafted.spill();
        }
        drafted
    }

    pub(super) fn bytes(&self) -> i64 {
        i64::try_from(self.record.as_bytes().len()).unwrap_or(i64::MAX)
    }

    fn may_still_spill(&self) -> bool {
        self.append.may_spill && self.spilled.is_none() && self.bytes() > NEVER_BELOW
    }

    /// Has the value stand in a collection of its own, if it may.
    pub(super) fn spill(&mut self) -> bool {
        if !self.may_still_spill() {
            return false;
        }
        let value = ObjectId::new();
        self.record = self.append.step.record(self.ts, Some(value));
        self.spilled = Some(Spilled { value, is_written: false });
        true
    }

    /// The most bytes that the journal may take with the record as it is.
    pub(super) fn limit(&self) -> i64 {
        let Append { limit, .. } = self.append;
        if self.may_still_spill() { limit.min(MOST_ON_THE_JOB) } else { limit }
    }

    pub(crate) fn into_outcome(self) -> Result<Appended> {
        self.outcome.unwrap_or_else(|| Err(Error::interrupted()))
    }
}

/// A size, as a driver would store it.
pub(super) fn whole(value: i64) -> Bson {
    i32::try_from(value).map_or(Bson::Int64(value), Bson::Int32)
}
