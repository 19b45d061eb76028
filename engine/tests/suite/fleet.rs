//! What all workers of a queue know of each other: the register, the counts, the history.

use std::time::{Duration, Instant};

use durabl_engine::{Settled, Verdict, bson::Bson};
use mongodb::bson::{DateTime, Document, doc};

use crate::support::{
    Job, Opened, TestQueue, documents::moment, eventually, let_pass, pending, profile, queue::SIDE,
};

async fn workers(queue: &TestQueue) -> u64 {
    queue.side().count_documents(doc! { "kind": "worker" }).await.expect("they can be counted")
}

#[tokio::test]
async fn a_worker_is_registered_while_it_has_processors() {
    let (queue, opened) = TestQueue::start().await;
    let_pass(Duration::from_millis(200), "one without processors would have told of itself").await;
    assert_eq!(workers(&queue).await, 0);
    opened.process("t", 3);
    opened.process("$u", 2);
    eventually("the registration", async || (workers(&queue).await == 1).then_some(())).await;
    let told = opened.engine.workers().await.expect("the server answers").remove(0);
    assert!(told.get_datetime("startedAt").is_ok() && told.get_datetime("seenAt").is_ok());
    let types: Vec<(&str, i64)> = told
        .get_array("types")
        .expect("types")
        .iter()
        .filter_map(Bson::as_document)
        .map(|known| {
            (known.get_str("type").expect("a type"), known.get_i64("concurrency").expect("a number"))
        })
        .collect();
    // It may have told of itself between the two.
    assert!(types == [("$u", 2), ("t", 3)] || types == [("t", 3)], "{types:?}");
    opened.engine.shutdown(Duration::from_secs(5)).await;
    assert_eq!(workers(&queue).await, 0);
}

async fn run_one(opened: &Opened, verdict: Verdict, settled: Settled) {
    let job = opened.recorder.next_job().await;
    opened.finish(job.run_id, verdict);
    assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(settled));
}

#[tokio::test]
async fn the_history_has_what_ended_in_a_few_writes() {
    let (queue, opened) = TestQueue::start().await;
    opened.process("t", 1);
    profile::start(&queue, &opened).await;
    for _ in 0..20 {
        opened.engine.enqueue(Job::of("t").into()).await.expect("enqueued");
        run_one(&opened, Verdict::Complete, Settled::Completed).await;
    }
    for (attempts, verdict) in [(1, Verdict::Fail), (3, Verdict::FailFatal)] {
        opened.engine.enqueue(Job::of("t").max_attempts(attempts).into()).await.expect("enqueued");
        run_one(&opened, verdict, Settled::FailedTerminal).await;
    }
    opened.engine.shutdown(Duration::from_secs(5)).await;
    let writes = profile::so_far_on(&queue, SIDE).await;
    let writes = writes.iter().filter(|operation| operation.name() == "update").count();
    assert!(writes <= 6, "{writes} writes");
    let elsewhere = queue.engine();
    let now = DateTime::now().timestamp_millis();
    let hours = elsewhere.engine.history(Some("t"), now - 3_600_000, now + 60_000).await;
    let hours = hours.expect("the server answers");
    let minutes: Vec<&Document> = hours
        .iter()
        .flat_map(|hour| hour.get_document("minutes").expect("minutes").values())
        .filter_map(Bson::as_document)
        .collect();
    let sum = |field: &str| minutes.iter().filter_map(|minute| minute.get_i64(field).ok()).sum::<i64>();
    let sums = ["completed", "exhausted", "fatal", "failedAttempts"].map(sum);
    assert_eq!(sums, [20, 1, 1, 2]);
    assert_eq!(elsewhere.engine.history(None, now - 3_600_000, now + 60_000).await, Ok(hours));
}

#[tokio::test]
async fn counts_are_made_once_for_all_who_ask() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert((0..20).map(|number| pending(&number.to_string(), "t"))).await;
    let first = opened.engine.counts().await.expect("the server answers");
    queue.insert([pending("one more", "t")]).await;
    let elsewhere = queue.engine();
    profile::start(&queue, &elsewhere).await;
    for _ in 0..10 {
        let again = elsewhere.engine.counts().await.expect("the server answers");
        assert_eq!(again.get("at"), first.get("at"));
    }
    assert!(profile::so_far(&queue).await.is_empty(), "the jobs are not read");
    // Once its time has come one of many counts, and the others go by it or by what was known.
    let past = doc! { "$set": { "nextAt": moment(-1) } };
    queue.side().update_one(doc! { "_id": "counts" }, past).await.expect("it can be written");
    let (one, other) = tokio::join!(opened.engine.counts(), elsewhere.engine.counts());
    assert!(one.is_ok() && other.is_ok());
    let newest = elsewhere.engine.counts().await.expect("the server answers");
    assert_ne!(newest.get("at"), first.get("at"));
}

#[tokio::test]
async fn counts_read_one_key_for_each_job_and_no_document() {
    let (queue, opened) = TestQueue::start().await;
    for chunk in 0..4 {
        let jobs = (0..1_000).map(|number| {
            let mut job = pending(&format!("{chunk}-{number}"), "t");
            if number % 2 == 0 {
                job.extend(doc! { "status": "failed", "failedAt": moment(-1_000) });
            }
            job
        });
        queue.insert(jobs).await;
    }
    profile::start(&queue, &opened).await;
    let began = Instant::now();
    opened.engine.counts().await.expect("the server answers");
    assert!(began.elapsed() < Duration::from_secs(5));
    let operations = profile::stop(&queue).await;
    let examined: i64 = operations.iter().map(profile::Operation::keys_examined).sum();
    assert!((6_000..6_200).contains(&examined), "{examined} keys");
    for operation in &operations {
        assert!(!operation.plan().contains("COLLSCAN"), "{:?}", operation.entry);
        assert!(operation.documents_examined() <= 1, "{:?}", operation.entry);
    }
}
