//! Parking: a job whose handler sleeps is pending, and due when it is to wake. Its mark gives the reason.

use mongodb::bson::{DateTime, Document, doc};

use super::fields;

/// The kind of a wait for a time.
const SLEEP: &str = "sleep";

/// The mark of a job that sleeps.
pub(crate) fn parked(until: DateTime) -> Document {
    doc! { fields::PARKED_KIND: SLEEP, fields::PARKED_UNTIL: until }
}

/// The condition that a pending job is parked. Its mark outlives the sleep, so it counts only while the job
/// is due at that very moment, which lies ahead.
pub(crate) fn is_parked() -> Document {
    let until = format!("${}.{}", fields::PARKED, fields::PARKED_UNTIL);
    let run_at = fields::value_of(fields::RUN_AT);
    doc! { "$and": [{ "$eq": [until, &run_at] }, { "$gt": [&run_at, fields::NOW] }] }
}
