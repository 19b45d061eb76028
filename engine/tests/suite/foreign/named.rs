//! Jobs that only a person can help: they are named, and no other job waits for them.

use durabl_engine::{Event, LogLevel};

use super::*;
use crate::support::{Job, recorder::Delivered};

/// Nothing that is written from now on may have this id.
async fn forbid(queue: &TestQueue, id: &str) {
    let rule = doc! { "collMod": "jobs", "validator": { "_id": { "$ne": id } } };
    queue.database.run_command(rule).await.expect("the rule can be set");
}

/// The warnings that name this job.
fn warnings(events: &[Event], id: &str) -> Vec<String> {
    let name = format!("\"{id}\"");
    let warning = |event: &Event| match event {
        Event::Log { level: LogLevel::Warn, message, .. } if message.contains(&name) => Some(message.clone()),
        _ => None,
    };
    events.iter().filter_map(warning).collect()
}

async fn named(opened: &Opened, id: &str) {
    let is_named = |events: &[Event]| (!warnings(events, id).is_empty()).then_some(());
    opened.recorder.events_until("a warning that names the job", is_named).await;
}

async fn finish_next(opened: &Opened) -> Delivered {
    let job = opened.recorder.next_job().await;
    opened.finish(job.run_id, Verdict::Complete);
    opened.recorder.outcome(job.run_id).await.expect("the server answers");
    job
}

#[tokio::test]
async fn a_job_that_no_claim_can_write_is_named_once_and_leaves_its_worker_idle() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([pending("forbidden", "t")]).await;
    forbid(&queue, "forbidden").await;
    opened.process_with("t", |config| config.poll_interval = Some(Duration::from_secs(600)));
    named(&opened, "forbidden").await;
    assert_eq!(opened.engine.claim_next("t").await.map(|job| job.is_none()), Ok(true));
    // The worker's next look of its own is ten minutes away, so only wake-ups and timers bring these.
    for delay in [0, 0, 200, 0, 200, 0] {
        opened.engine.enqueue(Job::of("t").delay_ms(delay).into()).await.expect("enqueued");
        finish_next(&opened).await;
    }
    assert_eq!(queue.status("forbidden").await, "pending");
    let events = opened.recorder.events();
    let is_warning = |event: &&Event| matches!(event, Event::Log { level: LogLevel::Warn, .. });
    let told: Vec<_> = events.iter().filter(is_warning).collect();
    // A worker that takes the refusal for an outage tells of that, and backs off.
    assert_eq!((told.len(), warnings(&events, "forbidden").len()), (1, 1), "{told:?}");
}

#[tokio::test]
async fn a_job_that_no_sweep_can_write_is_named_beside_those_that_are_recovered() {
    let (queue, opened) = TestQueue::start().await;
    let stuck = |id: &str| {
        let mut job = active(id, "t", "token");
        job.insert("claimedAt", moment(-600_000));
        job
    };
    queue.insert(["forbidden", "a", "b"].map(stuck)).await;
    forbid(&queue, "forbidden").await;
    for recovered in [2, 0] {
        let sweep = opened.engine.recover_stuck_jobs(Duration::from_secs(60), 10).await;
        assert_eq!(sweep.map(|sweep| sweep.handled), Ok(recovered));
        assert_eq!(warnings(&opened.recorder.events(), "forbidden").len(), 1);
    }
    assert_eq!(queue.status("forbidden").await, "active");
}

#[tokio::test]
async fn jobs_that_are_never_due_are_named_by_an_idle_worker() {
    let (queue, opened) = TestQueue::start().await;
    let timed = |id: &str, run_at: Bson| {
        let mut job = pending(id, "t");
        job.insert("runAt", run_at);
        job
    };
    let timestamp = Bson::Timestamp(Timestamp { time: 1, increment: 1 });
    queue.insert([timed("a timestamp", timestamp), timed("the last of all", Bson::MaxKey)]).await;
    queue
        .insert([timed("never asked for", Bson::MaxKey)].map(|mut job| {
            job.insert("type", "another");
            job
        }))
        .await;
    opened.process_with("t", |config| config.poll_interval = Some(Duration::from_millis(100)));
    for id in ["a timestamp", "the last of all"] {
        named(&opened, id).await;
    }
    opened.engine.enqueue(Job::of("t").into()).await.expect("enqueued");
    finish_next(&opened).await;
    let events = opened.recorder.events();
    assert_eq!(warnings(&events, "a timestamp").len(), 1);
    assert!(warnings(&events, "never asked for").is_empty());
}
