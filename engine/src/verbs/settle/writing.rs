//! The one update that takes a job out of `active`.

use std::time::Duration;

use mongodb::bson::{Document, doc};

use super::proofs;
use crate::job::{
    document::Header,
    fields,
    log::{LogBounds, appended, clipped, line_of},
    transition::Transition,
};

/// A line for the log of the job, written with the transition.
pub(crate) struct SettledLine {
    message: String,
    bounds: LogBounds,
}

impl SettledLine {
    /// None where there is nothing to say, or no log to say it in.
    pub(crate) fn of(
        transition: Transition,
        is_fatal: bool,
        reason: Option<&str>,
        bounds: Option<LogBounds>,
    ) -> Option<Self> {
        let bounds = bounds?;
        Some(Self { message: line_of(transition, is_fatal, reason)?, bounds })
    }
}

/// The update that carries a transition out. The one place where a job is written to leave `active`. Without a
/// `proof` nobody claims to have done it in the holder's name.
pub(crate) fn writing(
    transition: Transition,
    header: &Header,
    reason: Option<&str>,
    delay: Duration,
    proof: Option<&str>,
    line: Option<SettledLine>,
) -> Vec<Document> {
    let mut set = doc! { fields::STATUS: transition.target().as_str() };
    let mut unset = vec![fields::LEASE];
    if let Some(reason) = reason {
        set.insert(fields::FAIL_REASON, doc! { "$literal": reason });
    }
    if let Some(SettledLine { message, bounds }) = line {
        let message = clipped(&message, bounds.message_bytes);
        set.insert(fields::LOGS, appended([(message.as_ref(), Duration::ZERO)], bounds));
    }
    match transition {
        Transition::Complete => _ = set.insert(fields::COMPLETED_AT, fields::NOW),
        Transition::Fail | Transition::Supersede => _ = set.insert(fields::FAILED_AT, fields::NOW),
        Transition::Retry => {
            let run_at = doc! { "$add": [fields::NOW, delay.as_millis() as i64] };
            set.insert(fields::RUN_AT, run_at);
        }
        Transition::Release => {
            let attempt = doc! { "$max": [0, { "$subtract": [fields::whole_number(fields::ATTEMPT), 1] }] };
            set.insert(fields::ATTEMPT, attempt);
        }
        Transition::Recover => {}
    }
    let is_terminal = transition.target().is_terminal();
    if !is_terminal {
        // An explicit null would do for us, but others tell a claimed job by the field.
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
