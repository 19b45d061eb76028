//! The names of a job's fields and the limits that shape them: the one place where they are spelt.

use mongodb::bson::{Bson, Document, doc};

pub(crate) const ID: &str = "_id";
pub(crate) const TYPE: &str = "type";
pub(crate) const DATA: &str = "data";
pub(crate) const STATUS: &str = "status";
pub(crate) const PRIORITY: &str = "priority";
pub(crate) const ATTEMPT: &str = "attempt";
pub(crate) const MAX_ATTEMPTS: &str = "maxAttempts";
pub(crate) const DEDUPE_KEY: &str = "dedupeKey";
pub(crate) const DEDUPE_SCOPE: &str = "dedupeScope";
/// Time until which the key stays held for new jobs that have this field too, even after the job's end.
pub(crate) const DEDUPE_UNTIL: &str = "dedupeUntil";
pub(crate) const BACKOFF: &str = "backoff";
pub(crate) const BACKOFF_DELAY: &str = "backoffDelay";
pub(crate) const BACKOFF_MAX_DELAY: &str = "backoffMaxDelay";
pub(crate) const RUN_AT: &str = "runAt";
pub(crate) const CREATED_AT: &str = "createdAt";
pub(crate) const CLAIMED_AT: &str = "claimedAt";
pub(crate) const CLAIM_TOKEN: &str = "claimToken";
pub(crate) const COMPLETED_AT: &str = "completedAt";
pub(crate) const FAILED_AT: &str = "failedAt";
pub(crate) const FAIL_REASON: &str = "failReason";
pub(crate) const LOGS: &str = "logs";

/// The occurrence of a schedule that made the job: `{ id, occurrenceAt }`.
pub(crate) const SCHEDULE: &str = "schedule";
pub(crate) const ID_OF_SCHEDULE: &str = "id";
pub(crate) const OCCURRENCE_AT: &str = "occurrenceAt";
/// The ending of a failed job: see [`Ending`](super::ending::Ending). Jobs of earlier versions lack it.
pub(crate) const ENDING: &str = "ending";
/// The newest failed attempts, oldest first: `{ attempt, at, reason, stack?, worker? }`.
pub(crate) const ERRORS: &str = "errors";

/// The mark of a running job that is to be cancelled: when that was asked for.
pub(crate) const CANCEL_REQUESTED_AT: &str = "cancelRequestedAt";
pub(crate) const CANCEL_REASON: &str = "cancelReason";

/// The mark of a managed run: `{ token, attempt, ms, turn? }`. It holds only while its token and attempt are still the
/// job's own. So a claim by another package, which does not write the mark, is never taken for a managed one.
pub(crate) const LEASE: &str = "lease";
pub(crate) const LEASE_TOKEN: &str = "token";
pub(crate) const LEASE_ATTEMPT: &str = "attempt";
pub(crate) const LEASE_MS: &str = "ms";
/// Count of its holder's changes of the length: a write that arrives late changes nothing back. Absent for 0.
pub(crate) const LEASE_TURN: &str = "turn";

/// The tokens of the claims that last gave the job back (retry or release), newest first, or made-up ones for callers
/// without a token. The writer of a settlement whose reply was lost recognises its own work by them, even if others
/// have had the job since.
pub(crate) const SETTLED_TOKENS: &str = "settledTokens";
/// The number of them that is kept. A writer that looks for its reply is told wrongly that it had lost its lease only
/// after as many runs by others.
pub(crate) const MOST_SETTLED_TOKENS: i32 = 8;

/// Set, with a fresh value, when a key of scope `pending` becomes free. The change stream looks for it, since an
/// update event names neither type nor key.
pub(crate) const KEY_FREED: &str = "keyFreed";

/// Set, with a fresh value, on a pending job by a transaction that found its key held by it. So of the transaction and
/// a claim of the job one must notice the other.
pub(crate) const KEY_HELD: &str = "keyHeld";

/// The value that its handler returned, if that is kept.
pub(crate) const RESULT: &str = "result";
/// The moment from which a job that was never started is not worth starting.
pub(crate) const EXPIRES_AT: &str = "expiresAt";
/// Time limit of its handler, in milliseconds.
pub(crate) const TIMEOUT_MS: &str = "timeoutMs";
/// The trace in which it was made.
pub(crate) const TRACE: &str = "trace";
/// The newest progress that its handler has reported.
pub(crate) const PROGRESS: &str = "progress";
/// The journal of a handler that runs in steps.
pub(crate) const STEPS: &str = "steps";
/// In a step record: the name of its value, which stands in the collection of large step values.
pub(crate) const SPILLED: &str = "spilled";
/// The bytes that its records take.
pub(crate) const JOURNAL_BYTES: &str = "journalBytes";

/// The reason that a parked job waits: `{ kind, until }`. It counts only while the job is pending and due at
/// that moment.
pub(crate) const PARKED: &str = "parked";
pub(crate) const PARKED_KIND: &str = "kind";
pub(crate) const PARKED_UNTIL: &str = "until";

/// The server's own clock, in filters and pipeline updates.
pub(crate) const NOW: &str = "$$NOW";

/// Attempts of a job that doesn't say.
pub(crate) const DEFAULT_MAX_ATTEMPTS: i32 = 3;
/// First back-off of a job that doesn't say, in milliseconds.
pub(crate) const DEFAULT_BACKOFF_DELAY_MS: i64 = 1_000;
/// Longest back-off of a job that doesn't say, in milliseconds, unless its first is more than a sixtieth of it.
pub(crate) const DEFAULT_BACKOFF_MAX_DELAY_MS: i64 = 60_000;

/// The longest lease or delay that is believed, some 30,000 years. Longer ones are mistakes, and could take the
/// server's arithmetic of dates past its bounds.
pub(crate) const LONGEST_MS: i64 = 1_000_000_000_000_000;

/// The fields of a job that its run gets. All others cost no claim anything, however large they are: the log,
/// the engine's own marks, and the fields of a feature or another program. A new field stands here only if
/// runs need it.
const OF_A_RUN: [&str; 26] = [
    ID,
    TYPE,
    DATA,
    STATUS,
    PRIORITY,
    ATTEMPT,
    MAX_ATTEMPTS,
    DEDUPE_KEY,
    DEDUPE_SCOPE,
    BACKOFF,
    BACKOFF_DELAY,
    BACKOFF_MAX_DELAY,
    RUN_AT,
    CREATED_AT,
    CLAIMED_AT,
    CLAIM_TOKEN,
    COMPLETED_AT,
    FAILED_AT,
    FAIL_REASON,
    SCHEDULE,
    CANCEL_REQUESTED_AT,
    CANCEL_REASON,
    JOURNAL_BYTES,
    EXPIRES_AT,
    TIMEOUT_MS,
    TRACE,
];

/// The same, as a projection.
pub(crate) fn of_a_run() -> Document {
    projection(&OF_A_RUN)
}

/// The fields of a job in a list: all but the payload, the log and the history of errors, which may be large.
const OF_A_LIST: [&str; 19] = [
    ID,
    TYPE,
    STATUS,
    PRIORITY,
    ATTEMPT,
    MAX_ATTEMPTS,
    DEDUPE_KEY,
    DEDUPE_SCOPE,
    RUN_AT,
    CREATED_AT,
    CLAIMED_AT,
    CLAIM_TOKEN,
    COMPLETED_AT,
    FAILED_AT,
    FAIL_REASON,
    ENDING,
    CANCEL_REQUESTED_AT,
    EXPIRES_AT,
    SCHEDULE,
];

/// The same, as a projection.
pub(crate) fn of_a_list() -> Document {
    projection(&OF_A_LIST)
}

/// The fields of a job whose end a caller waits for.
pub(crate) fn of_an_end() -> Document {
    projection(&[ID, STATUS, ATTEMPT, MAX_ATTEMPTS, ENDING, FAIL_REASON, RESULT])
}

fn projection(names: &[&str]) -> Document {
    names.iter().map(|field| ((*field).to_owned(), Bson::Int32(1))).collect()
}

/// A field's value in an aggregation expression, as an integer; 0 for anything that can't be one. Other versions and
/// people write documents too, and one that makes an expression fail would fail every write it is part of.
pub(crate) fn whole_number(field: &str) -> Document {
    doc! { "$convert": { "input": value_of(field), "to": "int", "onError": 0, "onNull": 0 } }
}

/// `"$name"`: a field's value in an aggregation expression.
pub(crate) fn value_of(field: &str) -> String {
    format!("${field}")
}
