//! Cancelling: jobs that wait end at once; running ones are marked, their owners hear of it, and nothing that they do leads to another
//! start.

use std::time::{Duration, Instant};

use durabl_engine::{Cancelled, Details, Engine, Event, RunVerdict, Settled, Status, Verdict};
use mongodb::bson::{Document, doc, oid::ObjectId};

use crate::support::{
    Opened, TestQueue, active, documents::moment, eventually, pending, profile, recorder::Delivered,
};

async fn cancel(engine: &Engine, id: &str) -> Cancelled {
    cancel_all(engine, &[id]).await[0]
}

async fn cancel_all(engine: &Engine, ids: &[&str]) -> Vec<Cancelled> {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    engine.cancel(&ids, Some("withdrawn")).await.expect("the server answers")
}

fn marked(id: &str, job_type: &str) -> Document {
    let mut job = pending(id, job_type);
    job.extend(doc! { "cancelRequestedAt": moment(-1_000), "cancelReason": "withdrawn" });
    job
}

async fn assert_cancelled(queue: &TestQueue, id: &str) {
    let job = queue.job(id).await;
    let field = |name: &str| job.get_str(name).unwrap_or_default().to_owned();
    assert_eq!(
        [field("status"), field("ending"), field("failReason")],
        ["failed", "cancelled", "withdrawn"],
        "{job}"
    );
    assert!(job.contains_key("failedAt") && !job.contains_key("completedAt"), "{job}");
}

/// When the run hears that its job is to be cancelled.
async fn told(opened: &Opened, run_id: u32) -> Option<String> {
    opened
        .recorder
        .event("the cancellation", |event| match event {
            Event::CancelRequested { run_id: told, reason } if *told == run_id => Some(reason.clone()),
            _ => None,
        })
        .await
}

#[tokio::test]
async fn the_status_tells_the_fate_of_each_job() {
    let (queue, opened) = TestQueue::start().await;
    let ended = |status: &str| {
        let mut job = pending(status, "t");
        job.insert("status", status);
        job
    };
    let others = ["completed", "failed", "superseded"].map(ended);
    queue.insert([pending("pending", "t"), active("active", "t", "token")].into_iter().chain(others)).await;
    let ids = ["pending", "active", "completed", "failed", "superseded", "nobody"];
    let outcomes = cancel_all(&opened.engine, &ids).await;
    let expected = [
        Cancelled::Cancelled,
        Cancelled::Requested,
        Cancelled::AlreadyTerminal(Status::Completed),
        Cancelled::AlreadyTerminal(Status::Failed),
        Cancelled::AlreadyTerminal(Status::Superseded),
        Cancelled::NotFound,
    ];
    assert_eq!(outcomes, expected);
    assert_cancelled(&queue, "pending").await;
    assert_eq!(queue.logged("pending").await, ["Cancelled: withdrawn"]);
    let active = queue.job("active").await;
    assert_eq!(active.get_str("status").ok(), Some("active"));
    assert!(active.get_datetime("cancelRequestedAt").is_ok());
    // Again: nothing is written twice.
    assert_eq!(cancel(&opened.engine, "active").await, Cancelled::Requested);
    assert_eq!(queue.job("active").await, active);
}

#[tokio::test]
async fn no_end_of_a_handler_leads_from_a_mark_to_anything_but_its_end() {
    let (queue, opened) = TestQueue::start().await;
    opened.process("t", 8);
    let verdicts = [Verdict::Complete, Verdict::Fail, Verdict::FailFatal, Verdict::Release];
    for verdict in verdicts {
        queue.insert([pending(&format!("{verdict:?}"), "t")]).await;
    }
    for _ in verdicts {
        let job = opened.recorder.next_job().await;
        let verdict =
            *verdicts.iter().find(|verdict| format!("{verdict:?}") == job.id()).expect("one of them");
        assert_eq!(cancel(&opened.engine, job.id()).await, Cancelled::Requested);
        opened.finish(job.run_id, verdict);
        let outcome = opened.recorder.outcome(job.run_id).await.expect("it is written");
        assert_eq!(outcome, Settled::Cancelled, "{verdict:?}");
        assert_cancelled(&queue, job.id()).await;
        assert!(!queue.job(job.id()).await.contains_key("errors"));
    }
}

#[tokio::test]
async fn a_settlement_by_hand_stands_and_a_job_that_would_wait_again_is_cancelled() {
    let (queue, opened) = TestQueue::start().await;
    opened.process("t", 8);
    let expected = [
        (Verdict::Complete, Settled::Completed),
        (Verdict::Fail, Settled::Cancelled),
        (Verdict::FailFatal, Settled::FailedTerminal),
        (Verdict::Release, Settled::Cancelled),
    ];
    for (verdict, expected) in expected {
        queue.insert([pending(&format!("{verdict:?}"), "t")]).await;
        let job = opened.recorder.next_job().await;
        assert_eq!(cancel(&opened.engine, job.id()).await, Cancelled::Requested);
        let details = Details { is_by_hand: true, ..Details::default() };
        let reason = Some("it broke".to_owned());
        let run_id = job.run_id;
        opened.engine.finish([RunVerdict {
            run_id,
            verdict,
            reason,
            details,
            frees_slot: true,
            elapsed: None,
        }]);
        let outcome = opened.recorder.outcome(run_id).await.expect("it is written");
        assert_eq!(outcome, expected, "{verdict:?}");
    }
}

#[tokio::test]
async fn completions_that_travel_together_are_told_apart() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert((0..6).map(|number| pending(&format!("job-{number}"), "t"))).await;
    opened.process("t", 6);
    let mut jobs = Vec::new();
    for _ in 0..6 {
        jobs.push(opened.recorder.next_job().await);
    }
    let cancelled: Vec<&str> = jobs[..2].iter().map(Delivered::id).collect();
    assert_eq!(cancel_all(&opened.engine, &cancelled).await, [Cancelled::Requested; 2]);
    opened.engine.finish(jobs.iter().map(|job| RunVerdict {
        run_id: job.run_id,
        verdict: Verdict::Complete,
        reason: None,
        details: Details::default(),
        frees_slot: true,
        elapsed: None,
    }));
    for (number, job) in jobs.iter().enumerate() {
        let outcome = opened.recorder.outcome(job.run_id).await.expect("it is written");
        let expected = if number < 2 { Settled::Cancelled } else { Settled::Completed };
        assert_eq!(outcome, expected, "{}", job.id());
    }
    assert_eq!(queue.count(doc! { "status": "completed" }).await, 4);
}

#[tokio::test]
async fn the_lease_of_a_dead_worker_ends_its_cancelled_job() {
    let (queue, opened) = TestQueue::start().await;
    let mut job = active("a", "t", "token");
    job.extend(doc! { "claimedAt": moment(-600_000), "attempt": 1 });
    queue.insert([job]).await;
    assert_eq!(cancel(&opened.engine, "a").await, Cancelled::Requested);
    let sweep = opened.engine.recover_stuck_jobs(Duration::from_secs(60), 10).await.expect("it answers");
    assert_eq!(sweep.handled, 1);
    assert_cancelled(&queue, "a").await;
    assert!(!queue.job("a").await.contains_key("lease"));
}

#[tokio::test]
async fn a_claim_that_finds_the_mark_of_an_older_version_ends_its_job() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([marked("by hand", "hand"), pending("other", "hand")]).await;
    let claimed = opened.engine.claim_next("hand").await.expect("it answers").expect("the other one");
    assert_eq!(claimed.id(), "other");
    assert_cancelled(&queue, "by hand").await;

    let mut keyed = marked("by key", "hand");
    keyed.extend(doc! { "dedupeKey": "k", "dedupeScope": "pending" });
    queue.insert([keyed]).await;
    assert!(opened.engine.claim_next_by_key("hand", "k").await.expect("it answers").is_none());
    assert_cancelled(&queue, "by key").await;

    queue.insert([marked("first", "t"), marked("second", "t"), pending("third", "t")]).await;
    opened.process("t", 3);
    assert_eq!(opened.recorder.next_job().await.id(), "third");
    for id in ["first", "second"] {
        eventually("the end", async || (queue.status(id).await == "failed").then_some(())).await;
        assert_cancelled(&queue, id).await;
    }
    // Their slots are free again.
    queue.insert([pending("fourth", "t"), pending("fifth", "t")]).await;
    for _ in 0..2 {
        opened.recorder.next_job().await;
    }
}

#[tokio::test]
async fn a_handler_in_another_process_hears_of_it_at_once_with_push() {
    let (queue, other) = TestQueue::start().await;
    let pushed = queue.engine_with_push();
    pushed.engine.startup().await.expect("the server can be worked with");
    pushed.process("t", 1);
    queue.insert([pending("a", "t")]).await;
    let job = pushed.recorder.next_job().await;
    let asked = Instant::now();
    assert_eq!(cancel(&other.engine, "a").await, Cancelled::Requested);
    assert_eq!(told(&pushed, job.run_id).await.as_deref(), Some("withdrawn"));
    assert!(asked.elapsed() < Duration::from_secs(4), "not by the look at intervals: {:?}", asked.elapsed());
}

#[tokio::test]
async fn a_handler_in_another_process_hears_of_it_by_a_look_without_push() {
    let (queue, opened) = TestQueue::start().await;
    let other = queue.engine();
    // However seldom its lease is renewed.
    opened.process_with("t", |config| config.heartbeat_interval = Some(Duration::from_secs(200)));
    queue.insert([pending("a", "t"), pending("b", "t")]).await;
    let job = opened.recorder.next_job().await;
    assert_eq!(cancel(&other.engine, job.id()).await, Cancelled::Requested);
    assert_eq!(told(&opened, job.run_id).await.as_deref(), Some("withdrawn"));
}

#[tokio::test]
async fn a_look_for_cancelled_jobs_costs_as_many_keys_as_there_are() {
    let (queue, opened) = TestQueue::start().await;
    opened.process("t", 1);
    queue.insert([pending("mine", "t")]).await;
    let mine = opened.recorder.next_job().await;
    for size in [500, 2_000] {
        queue.insert((0..size).map(|number| active(&format!("{size}-{number}"), "t", "token"))).await;
        let (outcome, operations) = profile::during(&queue, &opened, async {
            let asked = cancel(&opened.engine, mine.id()).await;
            eventually("the look", async || {
                let so_far = profile::so_far(&queue).await;
                so_far
                    .iter()
                    .any(|operation| format!("{:?}", operation.entry).contains("$exists"))
                    .then_some(())
            })
            .await;
            asked
        })
        .await;
        assert_eq!(outcome, Cancelled::Requested);
        for operation in operations {
            assert!(
                operation.keys_examined() <= 4,
                "{size}: {} keys: {:?}",
                operation.keys_examined(),
                operation.entry
            );
        }
    }
}

/// A primary that has lost its majority shows a mark that it will take back.
#[tokio::test]
async fn a_mark_that_only_a_read_shows_is_told_of_when_a_majority_has_it() {
    let (queue, opened) = TestQueue::start().await;
    let mut job = active("a", "t", "token");
    job.insert("cancelRequestedAt", moment(-1_000));
    queue.insert([job]).await;
    let (outcome, operations) =
        profile::during(&queue, &opened, async { cancel(&opened.engine, "a").await }).await;
    assert_eq!(outcome, Cancelled::Requested);
    let entries: Vec<String> = operations.iter().map(|operation| format!("{:?}", operation.entry)).collect();
    let last = |wanted: &str| entries.iter().rposition(|entry| entry.contains(wanted));
    let confirmed = last("MinKey").expect("a write that changes nothing waits for the majority");
    let looked = last("settledTokens").expect("it looks");
    assert!(confirmed < looked, "what is told was read after that: {entries:#?}");
}

#[tokio::test]
async fn a_job_of_a_foreign_id_is_cancelled_by_the_text_of_its_id() {
    let (queue, opened) = TestQueue::start().await;
    let (waiting, running, twin) = (ObjectId::new(), ObjectId::new(), ObjectId::new());
    let with_id = |mut job: Document, id: ObjectId| {
        job.insert("_id", id);
        job
    };
    queue
        .insert([
            with_id(pending("", "t"), waiting),
            with_id(active("", "t", "token"), running),
            with_id(pending("", "t"), twin),
            pending(&twin.to_hex(), "t"),
        ])
        .await;
    let ids = [waiting, running, twin].map(ObjectId::to_hex);
    let told = cancel_all(&opened.engine, &[&ids[0], &ids[1], &ids[2]]).await;
    assert_eq!(told, [Cancelled::Cancelled, Cancelled::Requested, Cancelled::Cancelled]);
    assert_eq!(queue.count(doc! { "_id": waiting, "ending": "cancelled" }).await, 1);
    assert_eq!(queue.count(doc! { "_id": twin, "status": "pending" }).await, 1, "the string is durabl's own");
    let requests = opened.engine.cancel_requests(&ids).await.expect("the server answers");
    assert_eq!(requests, [(running.to_hex(), Some("withdrawn".to_owned()))]);
}
