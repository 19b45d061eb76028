//! The failed attempts of a job, kept in its own document and bounded there.

use mongodb::bson::{Document, doc};

use super::{fields, log::MOST_JOB_BYTES};

/// Older ones go.
const MOST_ERRORS: i32 = 10;
/// A longer reason is cut.
const MOST_REASON_BYTES: usize = 4 * 1024;
/// A longer stack is cut.
const MOST_STACK_BYTES: usize = 8 * 1024;
/// Names and numbers of one entry, in bytes of BSON, at most.
const OVERHEAD_BYTES: i64 = 512;

/// One attempt that failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FailedAttempt<'a> {
    pub(crate) attempt: i32,
    pub(crate) reason: &'a str,
    pub(crate) stack: Option<&'a str>,
    /// The claim token of the attempt.
    pub(crate) token: Option<&'a str>,
}

/// A job's failed attempts with this one behind them: an expression, for the server's clock and the document's size.
pub(crate) fn appended(failed: FailedAttempt<'_>) -> Document {
    let reason = clipped(failed.reason, MOST_REASON_BYTES);
    let mut entry = doc! { "attempt": failed.attempt, "at": fields::NOW, "reason": { "$literal": reason } };
    let mut bytes = OVERHEAD_BYTES + reason.len() as i64;
    if let Some(stack) = failed.stack {
        let stack = clipped(stack, MOST_STACK_BYTES);
        bytes += stack.len() as i64;
        entry.insert("stack", doc! { "$literal": stack });
    }
    if let Some(worker) = failed.token.and_then(worker_of) {
        entry.insert("worker", doc! { "$literal": worker });
    }
    let errors = fields::value_of(fields::ERRORS);
    // A value that isn't an array is replaced: it is for people only.
    let known = doc! { "$cond": [{ "$isArray": errors.as_str() }, errors.as_str(), []] };
    let newest = doc! { "$slice": [{ "$concatArrays": [&known, [entry]] }, -MOST_ERRORS] };
    let has_room = doc! { "$lt": [{ "$bsonSize": "$$ROOT" }, MOST_JOB_BYTES - bytes] };
    doc! { "$cond": [has_room, newest, known] }
}

/// The worker that a claim token names, in the part before its first dot. The rest proves the lease, and is
/// never shown.
fn worker_of(token: &str) -> Option<&str> {
    token.split_once('.').map(|(worker, _)| worker).filter(|worker| !worker.is_empty())
}

fn clipped(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_worker_and_is_never_shown_itself() {
        assert_eq!(worker_of("worker-7.secret.more"), Some("worker-7"));
        for token in ["a-token-without-a-dot", ".secret", ""] {
            assert_eq!(worker_of(token), None, "{token}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "\u{20ac}".repeat(10_000);
        let failed = FailedAttempt { attempt: 1, reason: &long, stack: Some(&long), token: None };
        let appended = appended(failed).to_string();
        let shown = appended.matches('\u{20ac}').count() * 3;
        assert!(
            shown <= MOST_REASON_BYTES + MOST_STACK_BYTES && shown > MOST_REASON_BYTES + MOST_STACK_BYTES - 6
        );
    }

    #[test]
    fn an_attempt_is_noted_only_where_its_texts_have_room() {
        let room = |reason, stack| {
            let appended = appended(FailedAttempt { attempt: 1, reason, stack, token: None });
            let condition = appended.get_array("$cond").expect("a condition")[0].as_document();
            condition.expect("a comparison").get_array("$lt").expect("its sides")[1].as_i64()
        };
        assert_eq!(room("12345678", None), Some(MOST_JOB_BYTES - OVERHEAD_BYTES - 8));
        assert_eq!(room("12345678", Some("123")), Some(MOST_JOB_BYTES - OVERHEAD_BYTES - 11));
    }
}
