//! Taking jobs: in order, each by one claimant only, past keys that are held.

use std::collections::{HashMap, HashSet};

use durabl_engine::{Settled, Verdict};
use mongodb::bson::{Bson, DateTime, Document, doc};

use crate::support::{
    Job, TestQueue, active,
    documents::moment,
    eventually, pending,
    profile::{self, Operation},
    proxy::Proxy,
};

mod contended;
mod fields_of_others;
mod held_keys;

async fn claimed_ids(opened: &crate::support::Opened, job_type: &str) -> Vec<String> {
    let mut ids = Vec::new();
    while let Some(job) = opened.engine.claim_next(job_type).await.expect("the server answers") {
        ids.push(job.id());
    }
    ids
}

#[tokio::test]
async fn claims_follow_priority_and_then_the_time_due() {
    let (queue, opened) = TestQueue::start().await;
    let job = |id: &str, priority: i32, due: i64| {
        let mut job = pending(id, "t");
        job.extend(doc! { "priority": priority, "runAt": moment(due) });
        job
    };
    queue
        .insert([
            job("last", 5, -90_000),
            job("third", 0, -10_000),
            job("second", 0, -20_000),
            job("first", -1, -1_000),
            job("not yet", -9, 600_000),
            pending("of another type", "u"),
        ])
        .await;
    assert_eq!(claimed_ids(&opened, "t").await, ["first", "second", "third", "last"]);
}

#[tokio::test]
async fn a_batch_is_handed_over_in_claim_order() {
    let (queue, opened) = TestQueue::start().await;
    let jobs = (0..50).map(|number| {
        let mut job = pending(&format!("job-{number:02}"), "t");
        job.extend(doc! { "priority": (number * 7) % 50 });
        job
    });
    queue.insert(jobs).await;
    opened.process("t", 50);
    let mut priorities = Vec::new();
    while priorities.len() < 50 {
        priorities.push(opened.recorder.next_job().await.document.get_i32("priority").expect("a number"));
    }
    assert!(priorities.is_sorted(), "{priorities:?}");
}

#[tokio::test]
async fn a_claim_sets_everything_that_proves_it() {
    let (queue, opened) = TestQueue::start().await;
    let id = opened.engine.enqueue(Job::of("t").into()).await.expect("enqueued").expect("a new job");
    let claimed = opened.engine.claim_next("t").await.expect("the server answers").expect("the job");
    assert_eq!((claimed.id(), claimed.attempt()), (id.clone(), 1));
    let stored = queue.job(&id).await;
    assert_eq!(stored.get_str("status").ok(), Some("active"));
    assert_eq!(stored.get_str("claimToken").ok(), claimed.token());
    assert_eq!(stored.get_i32("attempt").ok(), Some(1));
    assert!(stored.get_datetime("claimedAt").is_ok());
    assert!(!stored.contains_key("lease"), "a claim by hand is no managed one");
}

#[tokio::test]
async fn a_claim_by_key_takes_that_key_only_and_only_when_due() {
    let (queue, opened) = TestQueue::start().await;
    for (key, delay) in [("a", 0), ("b", 600_000)] {
        let job = Job::of("t").single_flight(key).delay_ms(delay);
        opened.engine.enqueue(job.into()).await.expect("enqueued").expect("a free key");
    }
    let mut claimed = Vec::new();
    for key in ["b", "c", "a", "a"] {
        let job = opened.engine.claim_next_by_key("t", key).await.expect("the server answers");
        claimed.push(job.map(|job| job.document().get_str("dedupeKey").expect("a key").to_owned()));
    }
    assert_eq!(claimed, [None, None, Some("a".to_owned()), None]);
    assert_eq!(queue.count(doc! { "status": "active" }).await, 1);
}

#[tokio::test]
async fn data_survives_whatever_it_looks_like() {
    let (_queue, opened) = TestQueue::start().await;
    let data = doc! {
        "$set": { "status": "completed" }, "expression": "$status", "a.b": 1, "": Bson::Null,
        "deep": { "$literal": [1, "$$NOW", { "$gt": "" }] },
    };
    opened
        .engine
        .enqueue(Job::of("t").data(data.clone()).into())
        .await
        .expect("enqueued")
        .expect("a new job");
    let claimed = opened.engine.claim_next("t").await.expect("the server answers").expect("the job");
    let stored = claimed.document().get_document("data").expect("data");
    assert_eq!(Document::try_from(stored).expect("bson"), data);
}

#[tokio::test]
async fn progress_is_that_of_the_holder_while_it_holds_the_job_and_once_it_has_completed_it() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([active("a", "t", "token")]).await;
    let noted = async |token: Option<&str>, progress: i32| {
        opened.engine.progress("a", token, &Bson::Int32(progress)).await.expect("the server answers");
        queue.job("a").await.get_i32("progress").ok()
    };
    assert_eq!(noted(Some("stale"), 1).await, None);
    assert_eq!(noted(Some("token"), 2).await, Some(2));
    assert_eq!(noted(None, 3).await, Some(3));
    let settled = opened.engine.settle("a", Some("token"), Verdict::Complete, None).await;
    assert_eq!(settled, Ok(Settled::Completed));
    assert_eq!(noted(Some("token"), 4).await, Some(4));
    assert_eq!(noted(Some("stale"), 5).await, Some(4));
}

#[tokio::test]
async fn the_servers_time_is_told() {
    let (_queue, opened) = TestQueue::start().await;
    let told = opened.engine.server_time_ms().await.expect("the server answers");
    // The server of the tests runs on this machine.
    let here = DateTime::now().timestamp_millis();
    assert!((here - 60_000..here + 60_000).contains(&told), "{told}");
}
