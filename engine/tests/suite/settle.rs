//! Ending claims: what becomes of a job, and what the caller is told.

use std::{collections::HashSet, time::Duration};

use durabl_engine::{ErrorKind, Event, LogLine, RunVerdict, Settled, Status, Verdict};
use mongodb::bson::{Document, doc, oid::ObjectId};

use crate::support::{
    Job, Opened, TestQueue, active, line, pending, profile, recorder::Delivered, waiting::in_time,
};

/// So many jobs of type `t`, claimed by a processor, in the order of their ids.
async fn claimed(opened: &Opened, count: usize) -> Vec<Delivered> {
    opened.process("t", count);
    let mut jobs = Vec::new();
    while jobs.len() < count {
        jobs.push(opened.recorder.next_job().await);
    }
    jobs.sort_by_key(|job| job.id().to_owned());
    jobs
}

fn verdict(job: &Delivered, verdict: Verdict) -> RunVerdict {
    RunVerdict {
        run_id: job.run_id,
        verdict,
        reason: Some("because".to_owned()),
        details: durabl_engine::Details::default(),
        frees_slot: true,
        elapsed: None,
    }
}

#[tokio::test]
async fn verdicts_of_one_batch_each_come_to_their_own_outcome() {
    let (queue, opened) = TestQueue::start().await;
    let follower = |key: &str| {
        let mut job = pending(&format!("follower-of-{key}"), "u");
        job.extend(doc! { "dedupeKey": key, "dedupeScope": "pending" });
        job
    };
    let jobs = (0..12).map(|number| {
        let mut job = pending(&format!("job-{number:02}"), "t");
        match number {
            3 => _ = job.insert("maxAttempts", 1),
            4 | 5 => job.extend(doc! { "dedupeKey": format!("key-{number}"), "dedupeScope": "pending" }),
            _ => {}
        }
        job
    });
    queue.insert(jobs).await;
    let jobs = claimed(&opened, 12).await;
    queue.insert([follower("key-4"), follower("key-5")]).await;
    // Behind the engine's back: taken over, completed, removed.
    let change = async |id: &str, change: Document| {
        queue
            .jobs()
            .update_one(doc! { "_id": id }, doc! { "$set": change })
            .await
            .expect("it can be written");
    };
    change("job-06", doc! { "claimToken": "another" }).await;
    change("job-07", doc! { "status": "completed", "claimToken": "another" }).await;
    queue.jobs().delete_one(doc! { "_id": "job-08" }).await.expect("it can be removed");

    let verdicts = [
        Verdict::Complete,
        Verdict::Complete,
        Verdict::Fail,
        Verdict::Fail,
        Verdict::Fail,
        Verdict::Release,
        Verdict::Complete,
        Verdict::Fail,
        Verdict::Complete,
        Verdict::FailFatal,
        Verdict::Release,
        Verdict::Complete,
    ];
    opened.engine.finish(jobs.iter().zip(verdicts).map(|(job, wanted)| verdict(job, wanted)));
    let mut outcomes = Vec::new();
    for job in &jobs {
        let outcome = opened.recorder.outcome(job.run_id).await.expect("the server answers");
        outcomes.push(match outcome {
            // The length depends on chance.
            Settled::RetryScheduled(_) => Settled::RetryScheduled(Duration::ZERO),
            other => other,
        });
    }
    let expected = [
        Settled::Completed,
        Settled::Completed,
        Settled::RetryScheduled(Duration::ZERO),
        Settled::FailedTerminal,
        Settled::Superseded,
        Settled::Superseded,
        Settled::LeaseLost,
        Settled::AlreadyTerminal(Status::Completed),
        Settled::NotFound,
        Settled::FailedTerminal,
        Settled::Released,
        Settled::Completed,
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(queue.count(doc! { "status": "completed" }).await, 4);
    assert_eq!(queue.count(doc! { "status": "superseded" }).await, 2);
}

#[tokio::test]
async fn a_run_is_settled_once_however_often_it_is_finished() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([pending("job", "t")]).await;
    let job = claimed(&opened, 1).await.remove(0);
    opened.engine.finish([verdict(&job, Verdict::FailFatal), verdict(&job, Verdict::Complete)]);
    opened.engine.finish([verdict(&job, Verdict::Release)]);
    assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(Settled::FailedTerminal));
    // The processor has one slot: that the next job comes shows that it was freed once and only once.
    queue.insert([pending("next", "t"), pending("after next", "t")]).await;
    let next = opened.recorder.next_job().await;
    assert_eq!(queue.count(doc! { "status": "active" }).await, 1);
    opened.finish(next.run_id, Verdict::Complete);
    opened.recorder.next_job().await;
    assert_eq!(queue.status("job").await, "failed");
}

/// One command carries a thousand.
#[tokio::test]
async fn no_verdict_is_forgotten_while_thousands_wait() {
    const COUNT: usize = 2_500;
    let (queue, opened) = TestQueue::start().await;
    queue.insert((0..COUNT).map(|number| pending(&format!("job-{number:04}"), "t"))).await;
    let jobs = claimed(&opened, COUNT).await;
    // Most of them at once, and the others while those are on the way.
    let (at_once, one_by_one) = jobs.split_at(COUNT - 200);
    opened.engine.finish(at_once.iter().map(|job| verdict(job, Verdict::Complete)));
    for job in one_by_one {
        opened.engine.finish([verdict(job, Verdict::Complete)]);
    }
    let told = opened
        .recorder
        .events_until("all outcomes", |events| {
            let results = events.iter().filter_map(|event| match event {
                Event::Settled(results) => Some(results.iter().map(|result| result.run_id)),
                _ => None,
            });
            let runs: HashSet<u32> = results.flatten().collect();
            (runs.len() == COUNT).then_some(runs)
        })
        .await;
    assert!(jobs.iter().all(|job| told.contains(&job.run_id)));
    assert_eq!(queue.count(doc! { "status": "completed" }).await, COUNT as u64);
}

#[tokio::test]
async fn a_handle_that_settles_twice_learns_that_the_first_one_stands() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([active("completed", "t", "token"), active("failed", "t", "token")]).await;
    let settle = async |id: &str, verdict| opened.engine.settle(id, Some("token"), verdict, None).await;
    assert_eq!(settle("completed", Verdict::Complete).await, Ok(Settled::Completed));
    for verdict in [Verdict::Complete, Verdict::Fail, Verdict::FailFatal, Verdict::Release] {
        let again = settle("completed", verdict).await;
        assert_eq!(again, Ok(Settled::AlreadyTerminal(Status::Completed)));
    }
    assert!(matches!(settle("failed", Verdict::Fail).await, Ok(Settled::RetryScheduled(_))));
    for verdict in [Verdict::Fail, Verdict::Complete, Verdict::FailFatal, Verdict::Release] {
        assert_eq!(settle("failed", verdict).await, Ok(Settled::LeaseLost));
    }
    assert_eq!(queue.job("failed").await.get_i32("attempt").ok(), Some(1));
}

#[tokio::test]
async fn the_token_of_an_earlier_claim_settles_nothing() {
    let (queue, opened) = TestQueue::start().await;
    opened.engine.enqueue(Job::of("t").fixed_backoff_ms(0).into()).await.expect("enqueued");
    let first = opened.engine.claim_next("t").await.expect("the server answers").expect("the job");
    let (id, stale) = (first.id(), first.token().map(str::to_owned));
    let failed = opened.engine.settle(&id, stale.as_deref(), Verdict::Fail, None).await;
    assert!(matches!(failed, Ok(Settled::RetryScheduled(_))), "{failed:?}");
    let second = opened.engine.claim_next("t").await.expect("the server answers").expect("the job again");
    assert_eq!((second.id(), second.attempt()), (id.clone(), 2));
    for verdict in [Verdict::Complete, Verdict::Fail, Verdict::FailFatal, Verdict::Release] {
        let settled = opened.engine.settle(&id, stale.as_deref(), verdict, None).await;
        assert_eq!(settled, Ok(Settled::LeaseLost));
    }
    assert_eq!(opened.engine.heartbeat(&id, stale.as_deref()).await, Ok(false));
    let completed = opened.engine.settle(&id, second.token(), Verdict::Complete, None).await;
    assert_eq!(completed, Ok(Settled::Completed));
    assert_eq!(queue.status(&id).await, "completed");
}

#[tokio::test]
async fn a_reason_is_kept_as_it_is_and_cut_when_it_is_long() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([active("short", "t", "token"), active("long", "t", "token")]).await;
    let fail = async |id: &str, reason: &str| {
        let reason = Some(reason.to_owned());
        let settled = opened.engine.settle(id, Some("token"), Verdict::FailFatal, reason).await;
        assert_eq!(settled, Ok(Settled::FailedTerminal));
        queue.job(id).await.get_str("failReason").expect("a reason").to_owned()
    };
    let like_an_expression = "$status is $$NOW {\"$set\": 1}";
    assert_eq!(fail("short", like_an_expression).await, like_an_expression);
    // Three bytes each, so that no round limit falls between two characters.
    let long = "\u{20ac}".repeat(100_000);
    let kept = fail("long", &long).await;
    assert!(long.starts_with(&kept) && kept.len() > 1_000 && kept.len() < 20_000, "{} bytes", kept.len());
}

#[tokio::test]
async fn only_a_failure_leaves_a_reason() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert(["completed", "released"].map(|id| active(id, "t", "token"))).await;
    for (id, verdict) in [("completed", Verdict::Complete), ("released", Verdict::Release)] {
        let reason = Some("none of its business".to_owned());
        opened.engine.settle(id, Some("token"), verdict, reason).await.expect("the server answers");
        assert!(!queue.job(id).await.contains_key("failReason"), "{id}");
    }
}

#[tokio::test]
async fn a_released_job_may_be_claimed_at_once_with_its_attempt_given_back() {
    let (_queue, opened) = TestQueue::start().await;
    opened.engine.enqueue(Job::of("t").max_attempts(1).into()).await.expect("enqueued");
    for _ in 0..3 {
        let job = opened.engine.claim_next("t").await.expect("the server answers").expect("the job");
        assert_eq!(job.attempt(), 1);
        let released = opened.engine.settle(&job.id(), job.token(), Verdict::Release, None).await;
        assert_eq!(released, Ok(Settled::Released));
    }
}

#[tokio::test]
async fn a_retry_waits_for_its_backoff_by_the_servers_clock() {
    let (queue, opened) = TestQueue::start().await;
    // Far longer than a busy machine takes for the looks below.
    let mut job = active("job", "t", "token");
    job.extend(doc! { "backoffDelay": 60_000, "backoffMaxDelay": 600_000 });
    queue.insert([job]).await;
    let settled = opened.engine.settle("job", Some("token"), Verdict::Fail, None).await;
    let Ok(Settled::RetryScheduled(delay)) = settled else { panic!("{settled:?}") };
    assert!((60_000..120_000).contains(&delay.as_millis()), "{delay:?}");
    let wait = doc! { "$subtract": ["$runAt", "$$NOW"] };
    let in_bounds = doc! { "$and": [{ "$gt": [&wait, 0] }, { "$lte": [&wait, delay.as_millis() as i64] }] };
    assert_eq!(queue.count(doc! { "$expr": in_bounds }).await, 1);
    assert!(opened.engine.claim_next("t").await.expect("the server answers").is_none());
}

#[tokio::test]
async fn logs_are_bounded_cut_and_fenced() {
    let queue = TestQueue::bare().await;
    let opened = queue.engine_with(
        |_| {},
        |options| {
            options.log_bounds.entries = 3;
            options.log_bounds.message_bytes = 20;
        },
    );
    opened.engine.startup().await.expect("the server can be worked with");
    queue.insert([active("job", "t", "token")]).await;
    for message in ["first", "$$NOW", "a message of more than twenty bytes", &"\u{20ac}".repeat(7)] {
        opened.engine.log("job", Some("token"), &line(message)).await.expect("the server answers");
    }
    opened.engine.log("job", Some("another"), &line("intruder")).await.expect("it is no error");
    opened.engine.log("nowhere", None, &line("lost")).await.expect("it is no error");
    assert_eq!(queue.logged("job").await, ["$$NOW", "a messag [truncated]", "\u{20ac}\u{20ac} [truncated]"]);
}

#[tokio::test]
async fn lines_that_are_written_together_keep_their_order_and_their_times() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([active("job", "t", "token")]).await;
    let lines: Vec<LogLine> = (0..1_200_u64)
        .map(|number| LogLine {
            message: format!("{number} {}", "x".repeat(3_000)),
            age: Duration::from_millis(12_000 - 10 * number),
        })
        .collect();
    opened.engine.log("job", Some("token"), &lines).await.expect("the server answers");
    let newest: Vec<String> = lines[200..].iter().map(|line| line.message.clone()).collect();
    assert_eq!(queue.logged("job").await, newest, "the newest thousand, in order");
    let job = queue.job("job").await;
    let time = |place: usize| {
        let line = job.get_array("logs").expect("a log")[place].as_document().expect("a line");
        line.get_datetime("timestamp").expect("a time").timestamp_millis()
    };
    // They take several writes, each with a moment of its own.
    let apart = time(999) - time(0);
    assert!((9_990..60_000).contains(&apart), "{apart} ms");
}

#[tokio::test]
async fn a_verdict_leaves_a_line_in_the_log_by_the_very_write_that_ends_the_job() {
    let (queue, opened) = TestQueue::start().await;
    let job = |id: &str, changes: Document| {
        let mut job = active(id, "t", "token");
        job.extend(changes);
        job
    };
    let keyed = doc! { "dedupeKey": "k", "dedupeScope": "pending" };
    let mut follower = pending("follower", "t");
    follower.extend(keyed.clone());
    queue
        .insert([
            job("retried", doc! { "maxAttempts": 3 }),
            job("failed", doc! { "maxAttempts": 1 }),
            job("fatal", doc! { "maxAttempts": 3 }),
            job("completed", doc! {}),
            job("released", doc! {}),
            job("long", doc! { "maxAttempts": 1, "logs": [{ "message": "earlier" }] }),
            job("superseded", keyed),
            follower,
        ])
        .await;
    let endings = [
        ("retried", Verdict::Fail, vec!["Attempt failed: $$NOW".to_owned()]),
        ("failed", Verdict::Fail, vec!["Failed: $$NOW".to_owned()]),
        ("fatal", Verdict::FailFatal, vec!["Fatal: $$NOW".to_owned()]),
        ("completed", Verdict::Complete, vec![]),
        ("released", Verdict::Release, vec![]),
        (
            "long",
            Verdict::Fail,
            vec!["earlier".to_owned(), format!("Failed: {} [truncated]", "x".repeat(3_980))],
        ),
    ];
    for (id, verdict, lines) in endings {
        let reason = if id == "long" { "x".repeat(9_000) } else { "$$NOW".to_owned() };
        let settle = opened.engine.settle(id, Some("token"), verdict, Some(reason));
        let (settled, operations) = profile::during(&queue, &opened, settle).await;
        settled.expect("the server answers");
        assert_eq!(queue.logged(id).await, lines, "{id}");
        let writes = operations.iter().filter(|operation| operation.name() == "update").count();
        assert_eq!(writes, 1, "{id}: {operations:?}");
    }
    let reason = Some("broken".to_owned());
    opened.engine.settle("superseded", Some("token"), Verdict::Fail, reason).await.expect("it answers");
    assert_eq!(queue.logged("superseded").await, ["Superseded: broken"]);
}

#[tokio::test]
async fn a_unique_index_of_the_apps_own_is_named_instead_of_tried_against_for_ever() {
    let (queue, opened) = TestQueue::start().await;
    let keyed = |mut job: Document| {
        job.extend(doc! { "dedupeKey": "k", "dedupeScope": "pending" });
        job
    };
    let mut ended = keyed(pending("ended", "t"));
    ended.insert("status", "completed");
    queue.insert([ended, keyed(active("job", "t", "token"))]).await;
    let index = doc! { "key": { "dedupeKey": 1, "status": 1 }, "name": "the app's own", "unique": true, "sparse": true };
    queue
        .database
        .run_command(doc! { "createIndexes": "jobs", "indexes": [index] })
        .await
        .expect("it can be made");
    let settled =
        in_time("an answer", opened.engine.settle("job", Some("token"), Verdict::Complete, None)).await;
    assert_eq!(settled.map_err(|error| error.kind()), Err(ErrorKind::IndexConflict));
}

#[tokio::test]
async fn of_two_jobs_whose_ids_read_alike_the_one_of_the_claim_is_settled() {
    let (queue, opened) = TestQueue::start().await;
    let id = ObjectId::new();
    let mut named_by_object = active("", "t", "its own");
    named_by_object.insert("_id", id);
    queue.insert([active(&id.to_hex(), "t", "the other's"), named_by_object]).await;
    let settled = opened.engine.settle(&id.to_hex(), Some("its own"), Verdict::Complete, None).await;
    assert_eq!(settled, Ok(Settled::Completed));
    assert_eq!(queue.count(doc! { "_id": id, "status": "completed" }).await, 1);
    assert_eq!(queue.status(&id.to_hex()).await, "active");
}
