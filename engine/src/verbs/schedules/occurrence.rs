//! The job of an occurrence: the schedule's own, with a moment.

use mongodb::bson::{
    DateTime, RawArrayBuf, RawBsonRef, RawDocument, RawDocumentBuf,
    raw::{CStr, cstr},
    rawdoc,
};

use super::JOB;
use crate::{
    base::error::{Error, ErrorKind, Result},
    job::{fields, status::Status},
    store::side::Kind,
};

/// Time after its `runAt` from which a job is not started any more.
const EXPIRES_IN_MS: &str = "expiresInMs";

/// Before the id of a schedule and a moment: the id of a job. `lib/schedule/spec.ts` has the same.
const PREFIX: &str = "durabl:schedule:";

/// The id that users know a schedule by, of that of its document.
fn name(document_id: &str) -> &str {
    document_id.strip_prefix(&Kind::Schedule.id("")).unwrap_or(document_id)
}

/// The id of an occurrence's job: the same in each process that makes it.
pub(super) fn job_id(document_id: &str, occurrence_at: DateTime) -> String {
    format!("{PREFIX}{}:{}", name(document_id), occurrence_at.timestamp_millis())
}

/// The job of an occurrence. Due at the moment of the occurrence, however late it is made.
pub(super) fn job_of(
    schedule: &RawDocument,
    document_id: &str,
    occurrence_at: DateTime,
    now: DateTime,
) -> Result<RawDocumentBuf> {
    let mut job = new_job(schedule, &job_id(document_id, occurrence_at), occurrence_at, now)?;
    job.append(cstr!("schedule"), rawdoc! { "id": name(document_id), "occurrenceAt": occurrence_at });
    Ok(job)
}

/// A job of a schedule. Its fields are in the order of those that were enqueued, as readers expect them.
pub(super) fn new_job(
    schedule: &RawDocument,
    id: &str,
    run_at: DateTime,
    now: DateTime,
) -> Result<RawDocumentBuf> {
    let template = schedule.get_document(JOB).map_err(Error::encoding)?;
    let mut job = RawDocumentBuf::new();
    job.append(cstr!("_id"), id);
    append(&mut job, cstr!("type"), required(template, fields::TYPE)?);
    append(&mut job, cstr!("data"), required(template, fields::DATA)?);
    job.append(cstr!("status"), Status::Pending.as_str());
    append(&mut job, cstr!("priority"), required(template, fields::PRIORITY)?);
    job.append(cstr!("attempt"), 0_i32);
    append(&mut job, cstr!("maxAttempts"), required(template, fields::MAX_ATTEMPTS)?);
    job.append(cstr!("runAt"), run_at);
    job.append(cstr!("createdAt"), now);
    if let Ok(Some(ms)) = template.get(EXPIRES_IN_MS).map(|value| value.and_then(whole_ms)) {
        let at = run_at.timestamp_millis().saturating_add(ms);
        job.append(cstr!("expiresAt"), DateTime::from_millis(at));
    }
    for (field, key) in [
        (fields::DEDUPE_KEY, cstr!("dedupeKey")),
        (fields::DEDUPE_SCOPE, cstr!("dedupeScope")),
        (fields::BACKOFF, cstr!("backoff")),
        (fields::BACKOFF_DELAY, cstr!("backoffDelay")),
        (fields::BACKOFF_MAX_DELAY, cstr!("backoffMaxDelay")),
        (fields::TIMEOUT_MS, cstr!("timeoutMs")),
    ] {
        if let Some(value) = template.get(field).map_err(Error::encoding)? {
            append(&mut job, key, value);
        }
    }
    job.append(cstr!("logs"), RawArrayBuf::new());
    Ok(job)
}

fn whole_ms(value: RawBsonRef<'_>) -> Option<i64> {
    value.as_i64().or(value.as_i32().map(i64::from)).or(value.as_f64().map(|ms| ms as i64))
}

/// The type of a schedule's jobs.
pub(super) fn job_type(schedule: &RawDocument) -> &str {
    let template = schedule.get_document(JOB).ok();
    template.and_then(|template| template.get_str(fields::TYPE).ok()).unwrap_or_default()
}

fn append(job: &mut RawDocumentBuf, key: &CStr, value: RawBsonRef<'_>) {
    job.append(key, value);
}

fn required<'a>(template: &'a RawDocument, field: &str) -> Result<RawBsonRef<'a>> {
    let value = template.get(field).map_err(Error::encoding)?;
    value.ok_or_else(|| Error::new(ErrorKind::Internal, format!("the job of a schedule has no {field}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_says_which_occurrence_it_is() {
        let schedule = rawdoc! { "job": {
            "type": "t", "data": { "n": 1 }, "priority": 5, "maxAttempts": 7, "dedupeKey": "k", "dedupeScope": "pending",
            "timeoutMs": 500, "expiresInMs": 5_000,
        } };
        let (at, now) = (DateTime::from_millis(60_000), DateTime::from_millis(60_003));
        let job = job_of(&schedule, "schedule:a:b", at, now).expect("the schedule is whole");
        let expected = rawdoc! {
            "_id": "durabl:schedule:a:b:60000", "type": "t", "data": { "n": 1 }, "status": "pending", "priority": 5,
            "attempt": 0, "maxAttempts": 7, "runAt": at, "createdAt": now, "expiresAt": DateTime::from_millis(65_000),
            "dedupeKey": "k", "dedupeScope": "pending", "timeoutMs": 500, "logs": [], "schedule": { "id": "a:b", "occurrenceAt": at },
        };
        assert_eq!(job, expected);
        assert_eq!(job_type(&schedule), "t");
    }

    #[test]
    fn a_job_without_data_is_refused() {
        let schedule = rawdoc! { "job": { "type": "t", "priority": 5, "maxAttempts": 7 } };
        let at = DateTime::from_millis(60_000);
        assert!(job_of(&schedule, "schedule:a", at, at).is_err());
    }
}
