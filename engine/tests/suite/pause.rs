//! Paused types: nothing of them is started, here at once and elsewhere within seconds, and all of it after they are resumed.

use std::time::{Duration, Instant};

use durabl_engine::{Event, Settled, Verdict};
use mongodb::bson::{Document, doc};

use crate::support::{
    Job, Opened, TestQueue, active, documents::moment, eventually, let_pass, pending, profile, queue::SIDE,
};

/// All processes know of a change by then: the contract.
const KNOWN_WITHIN: Duration = Duration::from_secs(5);

async fn pause(opened: &Opened, job_type: &str) {
    assert_eq!(opened.engine.pause_type(job_type, Some("the mailer is down")).await, Ok(true));
}

fn pauses_told(opened: &Opened) -> usize {
    opened.recorder.events().iter().filter(|event| matches!(event, Event::Paused(_))).count()
}

/// Enough for a processor that claims to have done so.
async fn assert_nothing_starts(opened: &Opened) {
    let_pass(Duration::from_millis(400), "a processor that claimed would have been given the job").await;
    assert!(opened.recorder.ready_job().await.is_none());
}

#[tokio::test]
async fn a_processor_of_a_paused_type_starts_nothing_until_it_is_resumed() {
    let (_queue, opened) = TestQueue::start().await;
    opened.process_with("t", |config| config.poll_interval = Some(Duration::from_millis(20)));
    pause(&opened, "t").await;
    opened.engine.enqueue(Job::of("t").into()).await.expect("enqueued");
    opened.engine.enqueue(Job::of("t").delay_ms(100).into()).await.expect("enqueued");
    assert_nothing_starts(&opened).await;
    let resumed = Instant::now();
    assert_eq!(opened.engine.resume_type("t").await, Ok(true));
    opened.recorder.next_job().await;
    assert!(resumed.elapsed() < Duration::from_secs(2), "the same process is woken at once");
}

#[tokio::test]
async fn a_pause_is_answered_and_written_down() {
    let (queue, opened) = TestQueue::start().await;
    assert_eq!(opened.engine.resume_type("t").await, Ok(false));
    pause(&opened, "$t.1").await;
    assert_eq!(opened.engine.pause_type("$t.1", Some("$again")).await, Ok(false));
    let found = queue.side().find_one(doc! { "_id": "type:$t.1" }).await.expect("it can be read");
    let found = found.expect("the pause is stored");
    let text = |field: &str| found.get_str(field).expect("a text").to_owned();
    assert_eq!(
        [text("kind"), text("type"), text("state"), text("reason")],
        ["type", "$t.1", "paused", "the mailer is down"]
    );
    assert_eq!(found.get_i32("rev").ok(), Some(1));
    assert!(found.get_datetime("at").is_ok() && found.get_document("by").is_ok());
    assert_eq!(opened.engine.resume_type("$t.1").await, Ok(true));
    assert_eq!(opened.engine.resume_type("$t.1").await, Ok(false));
    let found = queue.side().find_one(doc! { "_id": "type:$t.1" }).await.expect("it can be read");
    let found = found.expect("it stays");
    assert_eq!((found.get_str("state").ok(), found.get_i32("rev").ok()), (Some("running"), Some(2)));
    assert!(!found.contains_key("reason"));
    assert_eq!(opened.engine.pause_type("$t.1", None).await, Ok(true), "it can be paused again");
}

#[tokio::test]
async fn other_processes_know_within_five_seconds_of_a_pause_and_of_its_end() {
    let (queue, opened) = TestQueue::start().await;
    let elsewhere = queue.engine();
    elsewhere.process_with("t", |config| config.poll_interval = Some(Duration::from_millis(20)));
    elsewhere.process_with("u", |config| config.poll_interval = Some(Duration::from_millis(20)));
    opened.engine.enqueue(Job::of("t").into()).await.expect("enqueued");
    let job = elsewhere.recorder.next_job().await;
    let paused = Instant::now();
    pause(&opened, "t").await;
    elsewhere.recorder.event("the pause", |event| matches!(event, Event::Paused(_)).then_some(())).await;
    let took = paused.elapsed();
    assert!(took < KNOWN_WITHIN, "it took {took:?}");
    // Running jobs go on, and are settled.
    elsewhere.finish(job.run_id, Verdict::Complete);
    assert_eq!(elsewhere.recorder.outcome(job.run_id).await, Ok(Settled::Completed));
    opened.engine.enqueue(Job::of("t").into()).await.expect("enqueued");
    assert_nothing_starts(&elsewhere).await;
    opened.engine.enqueue(Job::of("u").into()).await.expect("enqueued");
    assert_eq!(elsewhere.recorder.next_job().await.document.get_str("type").ok(), Some("u"));
    let resumed = Instant::now();
    assert_eq!(opened.engine.resume_type("t").await, Ok(true));
    elsewhere.recorder.next_job().await;
    let took = resumed.elapsed();
    assert!(took < KNOWN_WITHIN + Duration::from_secs(1), "it took {took:?}");
}

#[tokio::test]
async fn a_processor_that_begins_while_its_type_is_paused_starts_nothing() {
    let (queue, opened) = TestQueue::start().await;
    pause(&opened, "t").await;
    queue.insert([pending("job", "t"), pending("other", "u")]).await;
    let elsewhere = queue.engine();
    elsewhere.process("t", 1);
    elsewhere.process("u", 1);
    assert_eq!(elsewhere.recorder.next_job().await.id(), "other");
    assert_nothing_starts(&elsewhere).await;
    assert_eq!(queue.job("job").await.get_i32("attempt").ok(), Some(0), "it was not claimed and given back");
}

#[tokio::test]
async fn jobs_that_were_claimed_ahead_are_told_of() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([pending("1", "t"), pending("2", "t"), pending("3", "t")]).await;
    opened.process_with("t", |config| config.prefetch = Some(2));
    for _ in 0..3 {
        opened.recorder.next_job().await;
    }
    pause(&opened, "t").await;
    assert_eq!(pauses_told(&opened), 1);
    // A job that is given back waits.
    let jobs: Vec<u32> = opened
        .recorder
        .events()
        .iter()
        .filter_map(|event| match event {
            Event::Jobs { run_ids, .. } => Some(run_ids.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    for run_id in &jobs[1..] {
        opened.finish(*run_id, Verdict::Release);
        assert_eq!(opened.recorder.outcome(*run_id).await, Ok(Settled::Released));
    }
    assert_nothing_starts(&opened).await;
    assert_eq!(queue.count(doc! { "status": "pending", "attempt": 0 }).await, 2);
}

#[tokio::test]
async fn claims_by_hand_get_nothing_of_a_paused_type() {
    let (queue, opened) = TestQueue::start().await;
    let key = doc! { "dedupeKey": "k", "dedupeScope": "pending" };
    let keyed = |mut job: Document| {
        job.extend(key.clone());
        job
    };
    queue.insert([pending("plain", "t"), keyed(pending("keyed", "t")), pending("other", "u")]).await;
    pause(&opened, "t").await;
    for engine in [&opened.engine, &queue.engine().engine] {
        assert!(engine.claim_next("t").await.expect("the server answers").is_none());
        assert!(engine.claim_next_by_key("t", "k").await.expect("the server answers").is_none());
        let made = engine.claim_or_enqueue(Job::of("t").into()).await.expect("the server answers");
        assert!(made.is_none());
    }
    assert_eq!(queue.count(doc! { "type": "t", "status": "pending" }).await, 4, "the jobs are made");
    assert!(opened.engine.claim_next("u").await.expect("the server answers").is_some());
    assert_eq!(opened.engine.resume_type("t").await, Ok(true));
    assert!(opened.engine.claim_next("t").await.expect("the server answers").is_some());
    assert!(opened.engine.claim_next_by_key("t", "k").await.expect("the server answers").is_some());
}

#[tokio::test]
async fn the_timers_and_looks_of_a_paused_type_sleep() {
    let (queue, opened) = TestQueue::start().await;
    pause(&opened, "t").await;
    opened.process_with("t", |config| config.poll_interval = Some(Duration::from_millis(20)));
    opened.engine.enqueue(Job::of("t").delay_ms(50).into()).await.expect("enqueued");
    let_pass(Duration::from_millis(100), "the timer has fired").await;
    profile::start(&queue, &opened).await;
    let_pass(Duration::from_millis(500), "what a paused processor costs is watched").await;
    let operations = profile::stop(&queue).await;
    assert!(operations.is_empty(), "{operations:?}");
}

#[tokio::test]
async fn a_paused_type_costs_other_processes_one_look_at_all_types_in_five_seconds() {
    let (queue, opened) = TestQueue::start().await;
    profile::start(&queue, &opened).await;
    for number in 0..20 {
        opened.process(&format!("type-{number}"), 1);
    }
    let_pass(Duration::from_secs(10), "what idle workers cost is watched").await;
    let looks = profile::so_far_on(&queue, SIDE).await;
    let looks = looks.iter().filter(|operation| operation.name() == "find").count();
    assert!((2..=4).contains(&looks), "{looks} looks in 10 s");
}

#[tokio::test]
async fn a_stuck_job_of_a_paused_type_is_recovered_and_not_started() {
    let (queue, opened) = TestQueue::start().await;
    pause(&opened, "t").await;
    let mut stuck = active("stuck", "t", "token");
    stuck.insert("claimedAt", moment(-600_000));
    queue.insert([stuck]).await;
    opened.process("t", 1);
    opened.engine.start_recovery(Duration::from_secs(2));
    eventually("the recovery", async || (queue.status("stuck").await == "pending").then_some(())).await;
    assert_nothing_starts(&opened).await;
}
