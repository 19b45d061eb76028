//! Documents as other versions, other packages and people leave them: no field is sure to be there or of its type.
//! None of them may bring the engine down, or keep it from the jobs behind.

mod at_random;
mod named;

use std::time::{Duration, Instant};

use durabl_engine::{Settled, Verdict};
use mongodb::bson::{Bson, DateTime, Decimal128, Document, Regex, Timestamp, doc, oid::ObjectId};

use crate::support::{Opened, TestQueue, active, documents::moment, eventually, let_pass, line, pending};

/// Every field but the id, whose type and status make a job what it is.
const FIELDS: [&str; 18] = [
    "data",
    "priority",
    "attempt",
    "maxAttempts",
    "dedupeKey",
    "dedupeScope",
    "backoff",
    "backoffDelay",
    "backoffMaxDelay",
    "runAt",
    "createdAt",
    "claimedAt",
    "claimToken",
    "completedAt",
    "failReason",
    "logs",
    "lease",
    "settledTokens",
];

/// A value of each kind, none of them what any of the fields should hold. `None` is a missing field.
fn oddities() -> Vec<Option<Bson>> {
    let decimal: Decimal128 = "1.5".parse().expect("a decimal");
    vec![
        None,
        Some(Bson::Null),
        Some("odd".into()),
        Some("".into()),
        Some(Bson::Int32(-1)),
        Some(Bson::Int64(i64::MAX)),
        Some(Bson::Double(f64::NAN)),
        Some(Bson::Double(1e300)),
        Some(Bson::Decimal128(decimal)),
        Some(Bson::Boolean(true)),
        Some(Bson::Array(vec![])),
        Some(Bson::Array(vec![1.into(), "two".into()])),
        Some(doc! { "$odd": 1, "ms": "long", "token": 1 }.into()),
        Some(Bson::ObjectId(ObjectId::from_bytes([7; 12]))),
        Some(Bson::Timestamp(Timestamp { time: 4_000_000_000, increment: 1 })),
        Some(Bson::RegularExpression(Regex {
            pattern: "a.*".try_into().expect("a pattern"),
            options: "i".try_into().expect("options"),
        })),
        Some(Bson::DateTime(DateTime::from_millis(0))),
        Some(Bson::MinKey),
    ]
}

/// One job for each field and oddity; a key needs its scope, and a scope its key, to come to anything.
fn odd_jobs(ordinary: impl Fn(&str) -> Document) -> Vec<Document> {
    let mut jobs = Vec::new();
    for field in FIELDS {
        for (place, oddity) in oddities().into_iter().enumerate() {
            let mut job = ordinary(&format!("{field}-{place}"));
            match field {
                "dedupeKey" => _ = job.insert("dedupeScope", "pending"),
                "dedupeScope" => _ = job.insert("dedupeKey", format!("key-{place}")),
                _ => {}
            }
            match oddity {
                Some(oddity) => _ = job.insert(field, oddity),
                None => _ = job.remove(field),
            }
            jobs.push(job);
        }
    }
    jobs
}

/// Whether so many jobs come to meet this filter. It asks seldom, and the server counts: the workers have many jobs to do one
/// after another, and share a thread with the waiting test.
async fn come_to(queue: &TestQueue, jobs: Document, count: u64) -> bool {
    let deadline = Instant::now() + Duration::from_secs(120);
    while queue.count(jobs.clone()).await != count {
        if Instant::now() > deadline {
            return false;
        }
        let_pass(Duration::from_millis(100), "the pause between two questions").await;
    }
    true
}

/// Jobs that can be done and are not done yet: a job that is due after the year 2096 can't.
fn not_done() -> Document {
    doc! {
        "status": { "$in": ["pending", "active"] },
        "runAt": { "$not": { "$type": ["timestamp", "regex"] } },
    }
}

async fn left_over(queue: &TestQueue) -> Vec<String> {
    let mut jobs = queue.jobs().find(not_done()).await.expect("a cursor");
    let mut left = Vec::new();
    while jobs.advance().await.expect("the jobs can be read") {
        let job = jobs.deserialize_current().expect("a document");
        let text = |field| job.get_str(field).unwrap_or_default();
        left.push(format!("{}: {}", text("_id"), text("status")));
    }
    left
}

async fn run_all(queue: &TestQueue, opened: &Opened, verdict: Verdict) {
    let (engine, recorder) = (opened.engine.clone(), opened.recorder.clone());
    let worker = tokio::spawn(async move {
        loop {
            let job = recorder.next_job().await;
            let reason = Some("it broke".to_owned());
            engine.finish([durabl_engine::RunVerdict {
                run_id: job.run_id,
                verdict,
                reason,
                details: durabl_engine::Details::default(),
                frees_slot: true,
                elapsed: None,
            }]);
        }
    });
    let are_done = come_to(queue, not_done(), 0).await;
    worker.abort();
    let left = left_over(queue).await;
    assert!(are_done, "{} jobs are left over: {left:?}", left.len());
}

#[tokio::test]
async fn odd_jobs_are_run_in_batches_and_hold_up_no_other() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert(odd_jobs(|id| pending(id, "t"))).await;
    let mut behind = pending("behind them all", "t");
    behind.insert("priority", Bson::MaxKey);
    queue.insert([behind]).await;
    opened.process("t", 64);
    run_all(&queue, &opened, Verdict::Complete).await;
}

#[tokio::test]
async fn odd_jobs_are_run_one_by_one() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert(odd_jobs(|id| pending(id, "t"))).await;
    opened.process("t", 1);
    run_all(&queue, &opened, Verdict::FailFatal).await;
}

#[tokio::test]
async fn odd_jobs_fail_and_retry_like_others() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert(odd_jobs(|id| pending(id, "t"))).await;
    opened.process("t", 64);
    let (mut results, expected) = (Vec::new(), odd_jobs(|id| pending(id, "t")).len() - 2);
    while results.len() < expected {
        let job = opened.recorder.next_job().await;
        opened.finish(job.run_id, Verdict::Fail);
        results.push((job.id().to_owned(), job.run_id));
    }
    for (id, run_id) in results {
        let outcome = opened.recorder.outcome(run_id).await;
        let is_right = matches!(outcome, Ok(Settled::RetryScheduled(_) | Settled::FailedTerminal));
        assert!(is_right, "{id}: {outcome:?}");
    }
}

#[tokio::test]
async fn odd_jobs_are_settled_and_renewed_without_a_token() {
    let (queue, opened) = TestQueue::start().await;
    let jobs = odd_jobs(|id| active(id, "t", "token"));
    queue.insert(jobs.clone()).await;
    for (job, verdict) in jobs.iter().zip([Verdict::Release, Verdict::Fail, Verdict::Complete].iter().cycle())
    {
        let id = job.get_str("_id").expect("an id");
        assert_eq!(opened.engine.heartbeat(id, None).await, Ok(true), "{id}");
        opened.engine.log(id, None, &line("seen")).await.expect("the server answers");
        let settled = opened.engine.settle(id, None, *verdict, Some("because".to_owned())).await;
        let is_right = match verdict {
            Verdict::Release => matches!(settled, Ok(Settled::Released)),
            Verdict::Complete => matches!(settled, Ok(Settled::Completed)),
            _ => matches!(settled, Ok(Settled::RetryScheduled(_) | Settled::FailedTerminal)),
        };
        assert!(is_right, "{id}: {verdict:?} came to {settled:?}");
    }
}

#[tokio::test]
async fn odd_jobs_are_recovered_with_the_rest() {
    let (queue, opened) = TestQueue::start().await;
    let stuck = |id: &str| {
        let mut job = active(id, "t", "token");
        job.insert("claimedAt", moment(-600_000));
        job
    };
    let jobs = odd_jobs(stuck);
    queue.insert(jobs.clone()).await;
    let sweep =
        opened.engine.recover_stuck_jobs(Duration::from_secs(60), 10_000).await.expect("the server answers");
    let left: Vec<String> =
        left_over(&queue).await.into_iter().filter(|job| job.ends_with("active")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(sweep.handled, jobs.len() as u64);
}

#[tokio::test]
async fn odd_jobs_disturb_no_look() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert(odd_jobs(|id| pending(id, "t"))).await;
    queue.insert(odd_jobs(|id| active(&format!("active-{id}"), "t", "token"))).await;
    let stats = opened.engine.stats(Some("t")).await.expect("the server answers");
    assert_eq!((stats.pending, stats.active), (324, 324));
    assert!(stats.oldest_pending_run_at_ms.is_some_and(|oldest| oldest >= 0));
    assert!(opened.engine.has_outstanding("t", "key-1").await.is_ok());
    assert!(opened.engine.remove_old(Duration::ZERO).await.is_ok());
}

/// The Node driver stores `undefined` as null: so a job without a due time is due.
#[tokio::test]
async fn a_job_without_a_due_time_hides_no_other_from_an_idle_worker() {
    let (queue, opened) = TestQueue::start().await;
    opened.process_with("t", |config| config.poll_interval = Some(Duration::from_millis(200)));
    eventually("the worker to be idle", async || (queue.count(doc! {}).await == 0).then_some(())).await;
    let mut timeless = pending("timeless", "t");
    timeless.insert("runAt", Bson::Null);
    // Past the engine, so that only its polls can find them.
    queue.insert([timeless, pending("behind it", "t")]).await;
    for id in ["timeless", "behind it"] {
        let job = opened.recorder.next_job().await;
        assert_eq!(job.id(), id);
        opened.finish(job.run_id, Verdict::Complete);
    }
}

#[tokio::test]
async fn a_job_that_no_claim_can_write_holds_up_no_other() {
    let (queue, opened) = TestQueue::start().await;
    let mut full = pending("too full", "t");
    let size = mongodb::bson::serialize_to_vec(&full).expect("bson").len();
    // A document may have 16 MiB, and a claim needs a few bytes of it.
    full.insert("data", "x".repeat(16 * 1024 * 1024 - size - 20));
    queue.insert([full]).await;
    queue.insert((0..5).map(|number| pending(&format!("behind-{number}"), "t"))).await;
    assert_eq!(
        opened.engine.claim_next("t").await.expect("one can be claimed").expect("a job").id(),
        "behind-0"
    );
    opened.process("t", 2);
    for _ in 1..5 {
        let job = opened.recorder.next_job().await;
        opened.finish(job.run_id, Verdict::Complete);
    }
}

#[tokio::test]
async fn a_token_that_looks_like_an_expression_is_a_token() {
    let (queue, opened) = TestQueue::start().await;
    for token in ["$$NOW", "$type", "$", "$$oops"] {
        queue.insert([active(token, "t", token)]).await;
        let released = opened.engine.settle(token, Some(token), Verdict::Release, None).await;
        assert_eq!(released, Ok(Settled::Released), "{token}");
        assert_eq!(queue.job(token).await.get_array("settledTokens").ok(), Some(&vec![token.into()]));
    }
}

#[tokio::test]
async fn a_job_full_of_logs_can_still_be_ended() {
    let (queue, opened) = TestQueue::start().await;
    let mut job = active("job", "t", "token");
    job.insert("data", "x".repeat(16 * 1024 * 1024 - 64 * 1024));
    queue.insert([job]).await;
    for _ in 0..20 {
        opened
            .engine
            .log("job", Some("token"), &line(&"y".repeat(4_000)))
            .await
            .expect("what doesn't fit is left out");
    }
    let logs = queue.job("job").await.get_array("logs").expect("logs").len();
    assert!((1..20).contains(&logs), "{logs} messages");
    let reason = Some("z".repeat(100_000));
    let failed = opened.engine.settle("job", Some("token"), Verdict::FailFatal, reason).await;
    assert_eq!(failed, Ok(Settled::FailedTerminal));
}

#[tokio::test]
async fn ids_of_any_type_are_run() {
    let (queue, opened) = TestQueue::start().await;
    let ids = [Bson::ObjectId(ObjectId::new()), Bson::Int32(7), doc! { "a": 1 }.into(), Bson::Boolean(true)];
    queue
        .insert(ids.iter().map(|id| {
            let mut job = pending("", "t");
            job.insert("_id", id.clone());
            job
        }))
        .await;
    opened.process("t", 10);
    for _ in &ids {
        let job = opened.recorder.next_job().await;
        opened.finish(job.run_id, Verdict::Complete);
        assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(Settled::Completed));
    }
}
