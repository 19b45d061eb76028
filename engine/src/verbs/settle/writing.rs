//! The one update that takes a job out of `active`, or ends one that waits.

use std::time::Duration;

use mongodb::bson::{Bson, DateTime, Document, doc};

use super::proofs;
use crate::job::{
    document::Header,
    errors::{self, FailedAttempt},
    fields,
    log::{self, LogBounds, clipped, line_of},
    parking,
    transition::Transition,
};

/// The reason of a job that was cancelled without one.
const CANCELLED: &str = "cancelled";
/// The reason of a job that has expired.
const EXPIRED: &str = "it was not started in time";

/// One transition of one job, and the notes to be left on it.
#[derive(Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) transition: Transition,
    pub(crate) header: &'a Header,
    /// No retry would have mended it.
    pub(crate) is_fatal: bool,
    pub(crate) reason: Option<&'a str>,
    pub(crate) stack: Option<&'a str>,
    /// Kept with a completed job.
    pub(crate) result: Option<&'a Bson>,
    /// Until the job is due again.
    pub(crate) delay: Duration,
    /// The moment until which it parks, in place of the delay.
    pub(crate) parked_until: Option<DateTime>,
    /// None if the write is not made in the holder's name.
    pub(crate) proof: Option<&'a str>,
    /// Bounds of the log; none if nothing is left there, nor among the failed attempts.
    pub(crate) notes: Option<LogBounds>,
}

impl<'a> Change<'a> {
    pub(crate) fn of(transition: Transition, header: &'a Header) -> Self {
        Self {
            transition,
            header,
            is_fatal: false,
            reason: None,
            stack: None,
            result: None,
            delay: Duration::ZERO,
            parked_until: None,
            proof: None,
            notes: None,
        }
    }

    fn line(&self) -> Option<Document> {
        let bounds = self.notes?;
        let message = line_of(self.transition, self.is_fatal, self.reason)?;
        let message = clipped(&message, bounds.message_bytes);
        Some(log::appended([(message.as_ref(), Duration::ZERO)], bounds))
    }

    /// The error of an attempt that failed, even one whose holder is gone.
    fn error(&self) -> Option<Document> {
        self.notes?;
        match self.transition {
            Transition::Retry | Transition::Fail | Transition::Recover | Transition::Supersede => {}
            Transition::Complete | Transition::Release | Transition::Cancel | Transition::Expire => {
                return None;
            }
        }
        let Header { attempt, token, .. } = self.header;
        let failed = FailedAttempt {
            attempt: *attempt,
            reason: self.reason?,
            stack: self.stack,
            token: token.as_deref(),
        };
        Some(errors::appended(failed))
    }

    fn fail_reason(&self) -> Option<&'a str> {
        match self.transition {
            // For a job that waits again, only its log and its failed attempts give the reason.
            Transition::Recover => None,
            Transition::Cancel => Some(self.reason.unwrap_or(CANCELLED)),
            Transition::Expire => Some(EXPIRED),
            _ => self.reason,
        }
    }
}

fn due_in(delay: Duration) -> Document {
    let ms = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX).min(fields::LONGEST_MS);
    doc! { "$add": [fields::NOW, ms] }
}

/// The update that carries a transition out. The one place where a job is written to leave `active`.
pub(crate) fn writing(change: Change<'_>) -> Vec<Document> {
    let Change { transition, header, proof, .. } = change;
    let mut set = doc! { fields::STATUS: transition.target().as_str() };
    let mut unset = vec![fields::LEASE];
    if let Some(reason) = change.fail_reason() {
        set.insert(fields::FAIL_REASON, doc! { "$literal": reason });
    }
    if let Some(logs) = change.line() {
        set.insert(fields::LOGS, logs);
    }
    if let Some(errors) = change.error() {
        set.insert(fields::ERRORS, errors);
    }
    if let Some(ending) = transition.ending(change.is_fatal) {
        set.insert(fields::ENDING, ending.as_str());
    }
    match transition {
        Transition::Complete => {
            set.insert(fields::COMPLETED_AT, fields::NOW);
            if let Some(result) = change.result {
                set.insert(fields::RESULT, doc! { "$literal": result });
            }
        }
        Transition::Fail | Transition::Supersede | Transition::Cancel | Transition::Expire => {
            set.insert(fields::FAILED_AT, fields::NOW);
        }
        Transition::Retry => {
            set.insert(fields::RUN_AT, due_in(change.delay));
        }
        Transition::Release => {
            let attempt = doc! { "$max": [0, { "$subtract": [fields::whole_number(fields::ATTEMPT), 1] }] };
            set.insert(fields::ATTEMPT, attempt);
            if let Some(until) = change.parked_until {
                set.insert(fields::RUN_AT, until);
                set.insert(fields::PARKED, parking::parked(until));
                // The job has been started: its time limit for that is of no more use.
                unset.push(fields::EXPIRES_AT);
            } else if !change.delay.is_zero() {
                set.insert(fields::RUN_AT, due_in(change.delay));
            }
        }
        Transition::Recover => {}
    }
    let is_terminal = transition.target().is_terminal();
    if !is_terminal {
        // An explicit null would do here, but other programs tell a claimed job by the field.
        unset.extend([fields::CLAIM_TOKEN, fields::CLAIMED_AT]);
    } else if header.may_have_follower() {
        set.insert(fields::KEY_FREED, fields::NOW);
    }
    match proof {
        // The claim token stays, and is proof enough.
        Some(_) if is_terminal && header.token.is_some() => {}
        Some(proof) => _ = set.insert(fields::SETTLED_TOKENS, proofs::with(proof)),
        // A lease that was taken away must never look as if its holder had given it back.
        None => _ = set.insert(fields::SETTLED_TOKENS, proofs::without_holder()),
    }
    vec![doc! { "$set": set }, doc! { "$unset": unset }]
}
