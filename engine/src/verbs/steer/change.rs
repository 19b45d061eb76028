//! The changes themselves: the statuses that each leads out of, its fence and its update.

use mongodb::bson::{Bson, DateTime, Document, RawArrayBuf, RawDocumentBuf, doc, raw::cstr, rawdoc};

use crate::{
    base::error::{Error, Result},
    job::{fields, parking, status::Status},
    verbs::settle::proofs,
};

/// The moment at which a job is to be due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// This many milliseconds from now, by the server's clock.
    After(i64),
    /// At a moment; one that has passed stands for now.
    At(DateTime),
}

/// A change of a job that ends in its being pending.
#[derive(Debug, Clone)]
pub enum Change {
    /// A job that has ended begins again, as if it had never been claimed.
    Retry {
        /// A document with the one field `data`, to take the place of the old data; none to keep that.
        payload: Option<RawDocumentBuf>,
        /// Time until it is due, in milliseconds.
        delay_ms: i64,
        /// The most starts that it may have from now on; none for as many as before.
        max_attempts: Option<i32>,
    },
    /// A pending job is due at once.
    Promote,
    /// A pending job gets another time, another priority, or both.
    Reschedule {
        /// None to keep its time.
        due: Option<Due>,
        /// None to keep its priority.
        priority: Option<i64>,
    },
}

/// The fields that belong to an earlier life of a job. Its errors, its log and its journal stay.
const OF_AN_EARLIER_LIFE: [&str; 11] = [
    fields::CLAIM_TOKEN,
    fields::CLAIMED_AT,
    fields::LEASE,
    fields::COMPLETED_AT,
    fields::FAILED_AT,
    fields::FAIL_REASON,
    fields::ENDING,
    fields::RESULT,
    fields::CANCEL_REQUESTED_AT,
    fields::CANCEL_REASON,
    // It binds only before the first start.
    fields::EXPIRES_AT,
];

impl Change {
    /// The statuses that it leads out of.
    #[must_use]
    pub fn sources(&self) -> &'static [Status] {
        match self {
            Self::Retry { .. } => &[Status::Completed, Status::Failed, Status::Superseded],
            Self::Promote | Self::Reschedule { .. } => &[Status::Pending],
        }
    }

    /// True if it changes when a pending job is due. One that is parked wakes at its own time.
    pub(super) fn moves_pending(&self) -> bool {
        matches!(self, Self::Promote | Self::Reschedule { .. })
    }

    /// True if it can't be made of a job that has a journal: that records the work on the old data.
    pub(super) fn replaces_data(&self) -> bool {
        matches!(self, Self::Retry { payload: Some(_), .. })
    }

    /// The filter under which it applies to a job, and once: not after a write that left `proof`, even if that arrives
    /// late.
    pub(super) fn fence(&self, id: &Bson, proof: &str) -> Document {
        let sources: Vec<&str> = self.sources().iter().map(|status| status.as_str()).collect();
        let mut fence = doc! {
            fields::ID: id,
            fields::STATUS: { "$in": sources },
            fields::SETTLED_TOKENS: { "$ne": proof },
        };
        if self.moves_pending() {
            fence.insert("$expr", doc! { "$not": [parking::is_parked()] });
        }
        if self.replaces_data() {
            fence.insert(fields::STEPS, doc! { "$exists": false });
        }
        fence
    }

    /// The update, but for new data.
    pub(super) fn update(&self, proof: &str) -> Vec<Document> {
        let mut set = doc! { fields::SETTLED_TOKENS: proofs::with(proof) };
        match self {
            Self::Retry { delay_ms, max_attempts, .. } => {
                set.insert(fields::SETTLED_TOKENS, proofs::with_end(proof));
                set.insert(fields::STATUS, Status::Pending.as_str());
                set.insert(fields::ATTEMPT, 0);
                set.insert(fields::RUN_AT, after(*delay_ms));
                if let Some(most) = max_attempts {
                    set.insert(fields::MAX_ATTEMPTS, *most);
                }
                return vec![doc! { "$set": set }, doc! { "$unset": OF_AN_EARLIER_LIFE.to_vec() }];
            }
            // One that is due keeps its place among the others.
            Self::Promote => {
                let run_at = doc! { "$min": [fields::value_of(fields::RUN_AT), fields::NOW] };
                set.insert(fields::RUN_AT, run_at);
            }
            Self::Reschedule { due, priority } => {
                match due {
                    Some(Due::After(ms)) => _ = set.insert(fields::RUN_AT, after(*ms)),
                    Some(Due::At(moment)) => {
                        _ = set.insert(fields::RUN_AT, doc! { "$max": [*moment, fields::NOW] });
                    }
                    None => {}
                }
                if let Some(priority) = priority {
                    set.insert(fields::PRIORITY, small(*priority));
                }
            }
        }
        vec![doc! { "$set": set }]
    }

    /// Fence and update as one statement of an `update` command. New data reaches the server as it was encoded.
    pub(super) fn raw_statement(&self, id: &Bson, proof: &str) -> Result<RawDocumentBuf> {
        let encoded = |document: &Document| RawDocumentBuf::try_from(document).map_err(Error::encoding);
        let mut update = RawArrayBuf::new();
        for stage in self.update(proof) {
            update.push(encoded(&stage)?);
        }
        if let Self::Retry { payload: Some(payload), .. } = self {
            let data = payload.get(fields::DATA).map_err(Error::encoding)?;
            let mut literal = rawdoc! {};
            literal.append(cstr!("$literal"), data.unwrap_or(mongodb::bson::RawBsonRef::Null));
            update.push(rawdoc! { "$set": { "data": literal } });
        }
        let mut statement = rawdoc! {};
        statement.append(cstr!("q"), encoded(&self.fence(id, proof))?);
        statement.append(cstr!("u"), update);
        statement.append(cstr!("hint"), encoded(&doc! { fields::ID: 1 })?);
        Ok(statement)
    }
}

fn after(ms: i64) -> Bson {
    if ms > 0 { doc! { "$add": [fields::NOW, ms] }.into() } else { fields::NOW.into() }
}

/// As the Node driver would store it: the smallest integer that holds it.
fn small(value: i64) -> Bson {
    i32::try_from(value).map_or(Bson::Int64(value), Bson::Int32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes() -> [Change; 4] {
        let payload = rawdoc! { "data": { "$set": 1 } };
        [
            Change::Retry { payload: None, delay_ms: 0, max_attempts: None },
            Change::Retry { payload: Some(payload), delay_ms: 5, max_attempts: Some(2) },
            Change::Promote,
            Change::Reschedule { due: Some(Due::After(5)), priority: Some(-1) },
        ]
    }

    #[test]
    fn no_change_leads_out_of_active_and_each_applies_once() {
        for change in changes() {
            assert!(!change.sources().contains(&Status::Active));
            let fence = change.fence(&"a".into(), "proof");
            assert_eq!(fence.get_str(fields::ID).ok(), Some("a"));
            assert_eq!(fence.get_document(fields::SETTLED_TOKENS).ok(), Some(&doc! { "$ne": "proof" }));
            assert!(format!("{:?}", change.update("proof")).contains("proof"));
        }
    }

    #[test]
    fn new_data_is_no_expression_and_refuses_a_journal() {
        let [kept, replaced, ..] = changes();
        assert!(!kept.fence(&"a".into(), "p").contains_key(fields::STEPS));
        assert!(replaced.fence(&"a".into(), "p").contains_key(fields::STEPS));
        let statement = replaced.raw_statement(&"a".into(), "p").expect("it can be encoded");
        let statement = Document::try_from(&statement).expect("it can be read");
        assert!(statement.to_string().contains("$literal"));
    }
}
