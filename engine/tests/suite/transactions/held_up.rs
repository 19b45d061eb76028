//! Jobs and keys that a transaction of an app's has written to and not let go of: they wait, and nothing else does.

use std::time::{Duration, Instant};

use durabl_engine::{RunVerdict, Settled, Verdict};
use mongodb::bson::{Document, doc};

use crate::support::{
    Job, Opened, TestQueue, let_pass, pending,
    transactions::{made, open_transaction},
    waiting::in_time,
};

/// No poll comes within a test.
const LONG_POLL: Duration = Duration::from_secs(600);

fn keyed(mut job: Document, key: &str, scope: &str) -> Document {
    job.extend(doc! { "dedupeKey": key, "dedupeScope": scope });
    job
}

fn touched(id: &str) -> Document {
    doc! { "_id": id, "$set": { "keyHeld": "by a test" } }
}

async fn finish_next(opened: &Opened) -> String {
    let job = opened.recorder.next_job().await;
    opened.finish(job.run_id, Verdict::Complete);
    assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(Settled::Completed));
    job.id().to_owned()
}

#[tokio::test]
async fn a_held_up_job_is_got_past_by_a_claim() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([keyed(pending("1-held", "t"), "k", "pending")]).await;
    queue.insert([keyed(pending("2-keyed", "t"), "other", "pending"), pending("3-plain", "t")]).await;
    let mut session = open_transaction(&queue, vec![touched("1-held")]).await;
    let mut claimed = Vec::new();
    for _ in 0..2 {
        let job = in_time("a claim", opened.engine.claim_next("t")).await.expect("the server answers");
        claimed.push(job.expect("another one").id());
    }
    assert_eq!(claimed, ["2-keyed", "3-plain"]);
    assert_eq!(opened.engine.claim_next("t").await.expect("the server answers").map(|job| job.id()), None);
    assert_eq!(opened.engine.claim_next_by_key("t", "k").await.map(|job| job.is_some()), Ok(false));
    session.commit_transaction().await.expect("it is committed");
    let job = opened.engine.claim_next("t").await.expect("the server answers");
    assert_eq!(job.map(|job| job.id()).as_deref(), Some("1-held"));
}

#[tokio::test]
async fn a_held_up_job_does_not_stop_a_processor_and_starts_when_it_is_let_go() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([keyed(pending("held", "t"), "k", "pending")]).await;
    let jobs = (0..12).map(|number| match number % 2 {
        0 => pending(&format!("job-{number}"), "t"),
        _ => keyed(pending(&format!("job-{number}"), "t"), &format!("k-{number}"), "pending"),
    });
    queue.insert(jobs).await;
    let mut session = open_transaction(&queue, vec![touched("held")]).await;
    opened.process_with("t", |config| {
        config.poll_interval = Some(LONG_POLL);
        config.concurrency = 4;
    });
    for _ in 0..12 {
        assert_ne!(finish_next(&opened).await, "held");
    }
    assert!(opened.recorder.ready_job().await.is_none());
    session.commit_transaction().await.expect("it is committed");
    assert_eq!(finish_next(&opened).await, "held");
}

#[tokio::test]
async fn an_enqueue_under_a_key_that_is_held_up_keeps_no_other_waiting() {
    for (scope, commits) in [("pending", true), ("pending+active", false)] {
        let (queue, opened) = TestQueue::start().await;
        let mut session = open_transaction(&queue, vec![made("first", "k", scope)]).await;
        let keyed = || match scope {
            "pending" => Job::of("t").single_flight("k"),
            _ => Job::of("t").exclusive("k"),
        };
        let held_up = {
            let engine = opened.engine.clone();
            let job = keyed().into();
            tokio::spawn(async move { engine.enqueue(job).await })
        };
        let from = Instant::now();
        while from.elapsed() < Duration::from_millis(2_500) {
            for job in [Job::of("t"), Job::of("t").exclusive(&format!("{:?}", from.elapsed()))] {
                let id = in_time("an enqueue", opened.engine.enqueue(job.into())).await;
                assert!(id.expect("the server answers").is_some());
            }
            let_pass(Duration::from_millis(50), "the pause between two rounds").await;
        }
        assert!(!held_up.is_finished());
        if commits {
            session.commit_transaction().await.expect("it is committed");
        } else {
            session.abort_transaction().await.expect("it is aborted");
        }
        let outcome = in_time("the held up one", held_up).await.expect("no panic");
        assert_eq!(outcome.expect("the server answers").is_none(), commits, "{scope}");
        assert_eq!(queue.count(doc! { "dedupeKey": "k" }).await, 1);
    }
}

#[tokio::test]
async fn a_verdict_that_is_held_up_keeps_no_other_waiting() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([keyed(pending("held", "t"), "k", "pending"), pending("other", "t")]).await;
    opened.process("t", 2);
    let (first, second) = (opened.recorder.next_job().await, opened.recorder.next_job().await);
    let (held, other) = if first.id() == "held" { (first, second) } else { (second, first) };
    let mut session = open_transaction(&queue, vec![made("follower", "k", "pending")]).await;
    opened.finish(held.run_id, Verdict::Fail);
    opened.finish(other.run_id, Verdict::Complete);
    assert_eq!(opened.recorder.outcome(other.run_id).await, Ok(Settled::Completed));
    assert_eq!(queue.status("held").await, "active");
    session.commit_transaction().await.expect("it is committed");
    assert_eq!(opened.recorder.outcome(held.run_id).await, Ok(Settled::Superseded));
}

#[tokio::test]
async fn a_verdict_that_is_held_up_keeps_no_failure_under_another_key_waiting() {
    const OTHERS: usize = 6;
    let (queue, opened) = TestQueue::start().await;
    let keyed_job = |id: &str, key: &str| {
        let mut job = keyed(pending(id, "t"), key, "pending");
        job.extend(doc! { "backoff": "fixed", "backoffDelay": 60_000 });
        job
    };
    queue.insert([keyed_job("held", "k")]).await;
    queue
        .insert((0..OTHERS).map(|number| keyed_job(&format!("other-{number}"), &format!("k-{number}"))))
        .await;
    opened.process("t", OTHERS + 1);
    let mut jobs = Vec::new();
    for _ in 0..=OTHERS {
        jobs.push(opened.recorder.next_job().await);
    }
    // The held up one first in each of the commands.
    jobs.sort_by_key(|job| job.id() != "held");
    let mut session = open_transaction(&queue, vec![made("follower", "k", "pending")]).await;
    let held = jobs[0].run_id;
    opened.engine.finish(jobs.iter().map(|job| RunVerdict {
        run_id: job.run_id,
        verdict: Verdict::Fail,
        frees_slot: true,
        reason: Some("it broke".to_owned()),
        details: durabl_engine::Details::default(),
        elapsed: None,
    }));
    for job in &jobs[1..] {
        let outcome = opened.recorder.outcome(job.run_id).await;
        assert!(matches!(outcome, Ok(Settled::RetryScheduled(_))), "{}: {outcome:?}", job.id());
    }
    // And those that come after it.
    queue.insert([keyed_job("late", "late")]).await;
    let late = opened.engine.enqueue(Job::of("t").single_flight("later").into()).await.expect("enqueued");
    assert!(late.is_some());
    for _ in 0..2 {
        let job = opened.recorder.next_job().await;
        opened.finish(job.run_id, Verdict::Release);
        assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(Settled::Released));
    }
    assert_eq!(queue.status("held").await, "active");
    session.commit_transaction().await.expect("it is committed");
    assert_eq!(opened.recorder.outcome(held).await, Ok(Settled::Superseded));
}
