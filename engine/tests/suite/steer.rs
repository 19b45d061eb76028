//! Changes that an operator asks for: to run a job again, earlier, later, or not at all.

mod lost;
mod many;
mod races;

use std::time::Duration;

use durabl_engine::{Change, Due, Event, Status, Steered, Verdict};
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc, oid::ObjectId};

use crate::support::{Opened, TestQueue, active, documents::moment, pending};

pub(crate) const RETRY: Change = Change::Retry { payload: None, delay_ms: 0, max_attempts: None };

/// The document of a job that ended a minute ago.
pub(crate) fn ended(id: &str, status: &str) -> Document {
    let mut job = pending(id, "t");
    job.extend(doc! { "status": status, "attempt": 3, "claimToken": "old", "claimedAt": moment(-60_000) });
    let end = if status == "completed" { "completedAt" } else { "failedAt" };
    job.insert(end, moment(-60_000));
    job
}

pub(crate) fn keyed(mut job: Document, scope: &str) -> Document {
    job.extend(doc! { "dedupeKey": "k", "dedupeScope": scope });
    job
}

fn with_data(data: impl Into<Bson>) -> Change {
    let payload = RawDocumentBuf::try_from(&doc! { "data": data.into() }).expect("it can be encoded");
    Change::Retry { payload: Some(payload), delay_ms: 0, max_attempts: None }
}

fn later(ms: i64) -> Change {
    Change::Reschedule { due: Some(Due::After(ms)), priority: None }
}

async fn steer(opened: &Opened, id: &str, change: &Change) -> Steered {
    opened.engine.steer(id, change).await.expect("the server answers")
}

#[tokio::test]
async fn a_retried_job_bears_no_trace_of_its_end_and_keeps_what_tells_its_story() {
    let (queue, opened) = TestQueue::start().await;
    for status in ["completed", "failed", "superseded"] {
        let mut job = ended(status, status);
        job.extend(doc! {
            "failReason": "it broke", "ending": "exhausted", "result": 7, "cancelRequestedAt": moment(0),
            "cancelReason": "no more", "expiresAt": moment(-1), "lease": { "token": "old" },
            "errors": [{ "attempt": 3 }], "logs": [{ "message": "a line" }], "steps": { "a": 1 }, "progress": 50,
        });
        queue.insert([job]).await;
        assert_eq!(steer(&opened, status, &RETRY).await, Steered::Done);
        let mut job = queue.job(status).await;
        assert!(job.get_datetime("runAt").expect("a date") > &moment(-30_000));
        for field in ["runAt", "createdAt", "settledTokens"] {
            assert!(job.remove(field).is_some(), "{field}");
        }
        let kept = doc! {
            "_id": status, "type": "t", "data": null, "status": "pending", "priority": 0, "attempt": 0, "maxAttempts": 3,
            "errors": [{ "attempt": 3 }], "logs": [{ "message": "a line" }], "steps": { "a": 1 }, "progress": 50,
        };
        let sorted = |job: Document| {
            let mut fields: Vec<_> = job.into_iter().collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            fields
        };
        assert_eq!(sorted(job), sorted(kept));
        let claimed = opened.engine.claim_next("t").await.expect("the server answers").expect("it is due");
        assert_eq!((claimed.id(), claimed.attempt()), (status.to_owned(), 1));
    }
}

#[tokio::test]
async fn each_change_leads_out_of_its_own_statuses_only() {
    let (queue, opened) = TestQueue::start().await;
    let all = |n: usize| {
        [
            pending(&format!("pending-{n}"), "t"),
            active(&format!("active-{n}"), "t", "token"),
            ended(&format!("completed-{n}"), "completed"),
            ended(&format!("failed-{n}"), "failed"),
            ended(&format!("superseded-{n}"), "superseded"),
        ]
    };
    let changes = [RETRY, Change::Promote, later(60_000)];
    let makes = [
        [false, false, true, true, true],
        [true, false, false, false, false],
        [true, false, false, false, false],
    ];
    for (number, (change, makes)) in changes.iter().zip(makes).enumerate() {
        queue.insert(all(number)).await;
        for (status, is_made) in Status::ALL.into_iter().zip(makes) {
            let id = format!("{}-{number}", status.as_str());
            let before = queue.job(&id).await;
            let expected = if is_made { Steered::Done } else { Steered::WrongStatus(status) };
            assert_eq!(steer(&opened, &id, change).await, expected, "{change:?} of {id}");
            assert_eq!(queue.job(&id).await == before, !is_made, "{change:?} of {id}");
        }
        assert_eq!(steer(&opened, "nobody", change).await, Steered::NotFound);
    }
    queue.insert(all(9)).await;
    for status in Status::ALL {
        let id = format!("{}-9", status.as_str());
        let expected = if status == Status::Active { Steered::WrongStatus(status) } else { Steered::Done };
        assert_eq!(opened.engine.remove(&id).await, Ok(expected), "{id}");
        assert_eq!(queue.find(&id).await.is_some(), status == Status::Active, "{id}");
        let again = if status == Status::Active { Steered::WrongStatus(status) } else { Steered::NotFound };
        assert_eq!(opened.engine.remove(&id).await, Ok(again), "{id}");
    }
}

#[tokio::test]
async fn a_held_key_is_an_answer_that_names_its_holder() {
    let (queue, opened) = TestQueue::start().await;
    // Scope, the status of the other job, and whether that leaves no room.
    let cases = [
        ("pending", "pending", true),
        ("pending", "active", false),
        ("pending", "failed", false),
        ("pending+active", "pending", true),
        ("pending+active", "active", true),
        ("pending+active", "completed", false),
    ];
    for (scope, status, is_held) in cases {
        let other = match status {
            "pending" => pending("other", "of another type"),
            "active" => active("other", "t", "token"),
            status => ended("other", status),
        };
        queue.insert([keyed(ended("job", "failed"), scope), keyed(other, scope)]).await;
        let expected = if is_held { Steered::KeyHeld("other".to_owned()) } else { Steered::Done };
        let before = queue.job("job").await;
        assert_eq!(steer(&opened, "job", &RETRY).await, expected, "{scope}, {status}");
        assert_eq!(queue.job("job").await == before, is_held);
        queue.jobs().delete_many(doc! {}).await.expect("they can be removed");
    }
}

#[tokio::test]
async fn a_retry_takes_other_terms_and_other_data_as_it_was_encoded() {
    let (queue, opened) = TestQueue::start().await;
    let data = doc! { "$set": { "status": "$$NOW" }, "a.b": [1_i64, { "$literal": 1 }], "c": null };
    let mut job = ended("job", "failed");
    job.insert("data", doc! { "old": 1, "$set": 2 });
    queue.insert([job, ended("to null", "failed")]).await;
    assert_eq!(steer(&opened, "job", &with_data(data.clone())).await, Steered::Done);
    assert_eq!(steer(&opened, "to null", &with_data(Bson::Null)).await, Steered::Done);
    assert_eq!(queue.job("job").await.get_document("data").ok(), Some(&data));
    assert_eq!(queue.job("to null").await.get("data"), Some(&Bson::Null));
    queue.insert([ended("later", "failed")]).await;
    let change = Change::Retry { payload: None, delay_ms: 60_000, max_attempts: Some(9) };
    assert_eq!(steer(&opened, "later", &change).await, Steered::Done);
    let job = queue.job("later").await;
    assert_eq!(job.get_i32("maxAttempts").ok(), Some(9));
    assert!(job.get_datetime("runAt").expect("a date") > &moment(50_000));
}

#[tokio::test]
async fn a_job_with_a_journal_keeps_its_data() {
    let (queue, opened) = TestQueue::start().await;
    let mut job = ended("job", "failed");
    job.insert("steps", doc! { "charge": { "result": 1 } });
    queue.insert([job]).await;
    let before = queue.job("job").await;
    assert_eq!(steer(&opened, "job", &with_data(1)).await, Steered::HasJournal);
    assert_eq!(queue.job("job").await, before);
    assert_eq!(steer(&opened, "job", &RETRY).await, Steered::Done);
    assert!(queue.job("job").await.get_document("steps").is_ok());
}

#[tokio::test]
async fn a_promoted_job_is_due_keeps_its_attempts_and_does_not_lose_its_place() {
    let (queue, opened) = TestQueue::start().await;
    let mut waiting = pending("waits for its retry", "t");
    waiting.extend(doc! { "attempt": 2, "runAt": moment(3_600_000) });
    let mut odd = pending("never due", "t");
    odd.insert("runAt", Bson::MaxKey);
    let due = pending("due", "t");
    queue.insert([waiting, odd, due.clone()]).await;
    for id in ["waits for its retry", "never due", "due"] {
        assert_eq!(steer(&opened, id, &Change::Promote).await, Steered::Done);
    }
    assert_eq!(queue.job("due").await.get("runAt"), due.get("runAt"));
    let mut claimed = Vec::new();
    while let Some(job) = opened.engine.claim_next("t").await.expect("the server answers") {
        claimed.push((job.id(), job.attempt()));
    }
    claimed[1..].sort();
    let expected = [("due", 1), ("never due", 1), ("waits for its retry", 3)];
    assert_eq!(claimed, expected.map(|(id, attempt)| (id.to_owned(), attempt)));
}

#[tokio::test]
async fn a_rescheduled_job_has_another_time_another_priority_or_both() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([pending("job", "t")]).await;
    let run_at = async || *queue.job("job").await.get_datetime("runAt").expect("a date");
    let change = |due, priority| Change::Reschedule { due, priority };
    let before = run_at().await;
    assert_eq!(steer(&opened, "job", &change(None, Some(-5))).await, Steered::Done);
    assert_eq!((run_at().await, queue.job("job").await.get_i32("priority").ok()), (before, Some(-5)));
    assert_eq!(steer(&opened, "job", &change(None, Some(1 << 40))).await, Steered::Done);
    assert_eq!(queue.job("job").await.get_i64("priority").ok(), Some(1 << 40));
    assert_eq!(steer(&opened, "job", &later(60_000)).await, Steered::Done);
    assert!(run_at().await > moment(50_000));
    let tomorrow = moment(86_400_000);
    assert_eq!(steer(&opened, "job", &change(Some(Due::At(tomorrow)), Some(0))).await, Steered::Done);
    assert_eq!((run_at().await, queue.job("job").await.get_i32("priority").ok()), (tomorrow, Some(0)));
    // A moment in the past means now: the job may not overtake those that have waited since.
    let change = change(Some(Due::At(moment(-86_400_000))), None);
    assert_eq!(steer(&opened, "job", &change).await, Steered::Done);
    assert!((moment(-20_000)..=moment(1_000)).contains(&run_at().await));
}

#[tokio::test]
async fn a_job_of_a_foreign_id_or_status_is_found_by_the_text_of_its_id_or_not_at_all() {
    let (queue, opened) = TestQueue::start().await;
    let (foreign, twin) = (ObjectId::new(), ObjectId::new());
    let mut by_object_id = ended("", "failed");
    by_object_id.insert("_id", foreign);
    let mut other_twin = ended("", "failed");
    other_twin.insert("_id", twin);
    let mut odd = pending("odd", "t");
    odd.insert("status", "cancelled");
    queue.insert([by_object_id, other_twin, ended(&twin.to_hex(), "failed"), odd]).await;
    assert_eq!(steer(&opened, &foreign.to_hex(), &RETRY).await, Steered::Done);
    assert_eq!(queue.count(doc! { "_id": foreign, "status": "pending" }).await, 1);
    assert_eq!(opened.engine.remove(&foreign.to_hex()).await, Ok(Steered::Done));
    assert_eq!(steer(&opened, &twin.to_hex(), &RETRY).await, Steered::Done);
    assert_eq!(queue.count(doc! { "_id": twin, "status": "failed" }).await, 1, "the string is durabl's own");
    assert_eq!(steer(&opened, "odd", &Change::Promote).await, Steered::NotFound);
    assert_eq!(opened.engine.remove("odd").await, Ok(Steered::NotFound));
    assert_eq!(queue.count(doc! { "_id": "odd" }).await, 1);
}

#[tokio::test]
async fn a_job_that_becomes_due_wakes_the_workers_of_the_process() {
    let (queue, opened) = TestQueue::start().await;
    opened.process_with("t", |config| config.poll_interval = Some(Duration::from_secs(600)));
    let run = async |id: &str| {
        let job = opened.recorder.next_job().await;
        assert_eq!(job.id(), id);
        opened.finish(job.run_id, Verdict::Complete);
        opened.recorder.outcome(job.run_id).await.expect("the server answers");
    };
    let in_an_hour = |id: &str| {
        let mut job = pending(id, "t");
        job.insert("runAt", moment(3_600_000));
        job
    };
    // An idle worker that has looked already.
    opened.engine.enqueue(crate::support::Job::of("t").into()).await.expect("enqueued");
    let first = opened.recorder.next_job().await;
    opened.finish(first.run_id, Verdict::Complete);
    opened.recorder.outcome(first.run_id).await.expect("the server answers");
    queue.insert([ended("retried", "failed"), ended("retried later", "failed")]).await;
    queue.insert(["promoted", "sooner", "at a moment"].map(in_an_hour)).await;
    steer(&opened, "retried", &RETRY).await;
    run("retried").await;
    steer(&opened, "retried later", &Change::Retry { payload: None, delay_ms: 100, max_attempts: None })
        .await;
    run("retried later").await;
    steer(&opened, "promoted", &Change::Promote).await;
    run("promoted").await;
    steer(&opened, "sooner", &later(100)).await;
    run("sooner").await;
    let due = Some(Due::At(moment(100)));
    steer(&opened, "at a moment", &Change::Reschedule { due, priority: None }).await;
    run("at a moment").await;
}

#[tokio::test]
async fn a_change_of_nothing_wakes_no_worker() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([active("running", "t", "token")]).await;
    opened.engine.watch(true);
    let told = || opened.recorder.events().iter().filter(|event| matches!(event, Event::Wake(_))).count();
    for change in [RETRY, Change::Promote, later(0)] {
        assert_eq!(steer(&opened, "running", &change).await, Steered::WrongStatus(Status::Active));
    }
    assert_eq!(told(), 0);
    queue.insert([pending("waiting", "t")]).await;
    steer(&opened, "waiting", &later(60_000)).await;
    assert_eq!(told(), 0);
    steer(&opened, "waiting", &Change::Promote).await;
    let is_told = |event: &Event| matches!(event, Event::Wake(Some(told)) if told == "t").then_some(());
    opened.recorder.event("the promoted job", is_told).await;
}

/// Far less than an idle worker's next look.
#[tokio::test]
async fn a_worker_with_push_in_another_process_hears_of_it() {
    let (queue, other) = TestQueue::start().await;
    let pushed = queue.engine_with_push();
    pushed.engine.startup().await.expect("the server can be worked with");
    pushed.process_with("t", |config| config.poll_interval = Some(Duration::from_secs(600)));
    let hour = doc! { "runAt": moment(3_600_000) };
    queue
        .insert(["first", "promoted", "by hand"].map(|id| pending(id, "t")).map(|mut job| {
            if job.get_str("_id").is_ok_and(|id| id != "first") {
                job.extend(hour.clone());
            }
            job
        }))
        .await;
    let run = async |id: &str| {
        let job = pushed.recorder.next_job().await;
        assert_eq!(job.id(), id);
        pushed.finish(job.run_id, Verdict::Complete);
        pushed.recorder.outcome(job.run_id).await.expect("the server answers");
    };
    run("first").await;
    steer(&other, "first", &RETRY).await;
    run("first").await;
    steer(&other, "promoted", &Change::Promote).await;
    run("promoted").await;
    let due = doc! { "$set": { "runAt": moment(0) } };
    queue.jobs().update_one(doc! { "_id": "by hand" }, due).await.expect("it can be written");
    run("by hand").await;
}
