//! Values of steps whose job has gone without them are collected, and no others.

use std::time::Duration;

use durabl_engine::{Appended, RetentionRule};
use mongodb::bson::{Bson, DateTime, Document, doc, oid::ObjectId};

use super::{append, of, spill::large, spill::read, spill::spilling, step};
use crate::support::{Opened, TestQueue, active, eventually, let_pass, profile};

const VALUES: &str = "jobs_steps";

/// The jobs of the values that are there, in order.
async fn jobs_of_values(queue: &TestQueue) -> Vec<String> {
    let values = queue.database.collection::<Document>(VALUES);
    let mut cursor = values.find(doc! {}).sort(doc! { "_id": 1 }).await.expect("a cursor");
    let mut jobs = Vec::new();
    while cursor.advance().await.expect("they can be read") {
        let id = cursor.deserialize_current().expect("a value").get_document("_id").expect("an id").clone();
        jobs.push(id.get_str("job").expect("a job").to_owned());
    }
    jobs
}

/// Values as a crash leaves them: without a record.
async fn leave(queue: &TestQueue, jobs: impl IntoIterator<Item = String>) {
    let value = |job| doc! { "_id": { "job": job, "value": ObjectId::new() }, "result": "x" };
    let values = queue.database.collection::<Document>(VALUES);
    values.insert_many(jobs.into_iter().map(value)).await.expect("they can be written");
}

async fn turn(queue: &TestQueue) -> Option<Document> {
    queue.side().find_one(doc! { "_id": "values" }).await.expect("an answer")
}

/// Has this engine collect at once, as if an hour had passed.
async fn collected(queue: &TestQueue, opened: &Opened) {
    let due = doc! { "$set": { "nextAt": DateTime::from_millis(0) } };
    queue.side().update_one(doc! { "_id": "values" }, due).await.expect("it can be written");
    opened.process("idle", 1);
    eventually("a turn to collect has ended", async || {
        let turn = turn(queue).await?;
        let next = turn.get_datetime("nextAt").ok()?.timestamp_millis();
        (next > DateTime::now().timestamp_millis() + 120_000).then_some(())
    })
    .await;
}

#[tokio::test]
async fn values_without_a_job_are_collected_and_those_of_a_job_stay() {
    let (queue, opened) = TestQueue::start().await;
    let (foreign, id) = (ObjectId::new(), ObjectId::new().to_hex());
    let mut document = active("", "t", "token");
    document.insert("_id", foreign);
    queue.insert([document, active("a", "t", "token"), active(&id, "t", "token")]).await;
    for job in [&foreign.to_hex(), "a", &id] {
        assert_eq!(append(&opened, spilling(job, large(0))).await, Appended::Appended);
    }
    // A step of `a` is about to be recorded.
    let mut expected = vec![foreign.to_hex(), "a".to_owned(), "a".to_owned(), id.clone()];
    expected.sort();
    leave(&queue, ["a", "aa", "", &ObjectId::new().to_hex(), "gone", "gone"].map(str::to_owned)).await;
    collected(&queue, &opened).await;
    assert_eq!(jobs_of_values(&queue).await, expected);
    assert_eq!(read(&opened, &foreign.to_hex()).await, [large(0)]);
}

#[tokio::test]
async fn each_look_examines_a_bounded_number_of_keys_and_no_value() {
    for values in [10, 1_200] {
        let (queue, opened) = TestQueue::start().await;
        queue.insert([active("a", "t", "token")]).await;
        append(&opened, spilling("a", large(0))).await;
        // Few are removed: the profile is short.
        let is_gone = |n: &usize| n.is_multiple_of(100);
        leave(&queue, (0..values).map(|n| format!("{}{n}", if is_gone(&n) { "gone" } else { "a" }))).await;
        let left = (0..values).filter(|n| !is_gone(n));
        queue.insert(left.clone().map(|n| active(&format!("a{n}"), "t", "token"))).await;
        profile::start(&queue, &opened).await;
        collected(&queue, &opened).await;
        let looks = profile::so_far_on(&queue, VALUES).await;
        let jobs = profile::stop(&queue).await;
        let is_find = |operation: &&profile::Operation| operation.name() == "find";
        let looks: Vec<_> = looks.iter().filter(is_find).collect();
        assert_eq!(looks.len(), values / 500 + 1);
        let of_ids = |job: &&profile::Operation| {
            job.entry.get_document("command").is_ok_and(|command| command.to_string().contains("gone"))
        };
        let jobs: Vec<_> = jobs.iter().filter(is_find).filter(of_ids).collect();
        assert!(!jobs.is_empty());
        for operation in looks.iter().chain(&jobs) {
            assert!(operation.keys_examined() <= 1_001, "{:?}", operation.entry);
            assert_eq!(operation.documents_examined(), 0, "{:?}", operation.entry);
            assert!(!operation.sorts_in_memory(), "{:?}", operation.entry);
        }
        assert_eq!(jobs_of_values(&queue).await.len(), 1 + left.count());
    }
}

#[tokio::test]
async fn a_process_that_meets_no_such_value_looks_for_none() {
    let (queue, _) = TestQueue::start().await;
    queue.insert([active("a", "t", "token")]).await;
    let rules = vec![RetentionRule { completed_ms: Some(1), ..RetentionRule::default() }];
    let opened = queue.engine_with(|_| {}, |options| options.retention = rules);
    append(&opened, of("a", step(0, Bson::Null))).await;
    profile::start(&queue, &opened).await;
    opened.process("idle", 1);
    eventually("it has swept old jobs", async || {
        let swept = queue.side().count_documents(doc! { "kind": "retention" }).await.expect("an answer");
        (swept > 0).then_some(())
    })
    .await;
    let_pass(Duration::from_millis(500), "its sweep goes on").await;
    assert_eq!(turn(&queue).await, None);
    assert_eq!(profile::so_far_on(&queue, VALUES).await.len(), 0);
    profile::stop(&queue).await;
}
