//! The side collection: made beside the jobs, and left alone where it is somebody else's.

use std::time::Duration;

use durabl_engine::{Event, LogLevel};
use mongodb::{
    IndexModel,
    bson::{Document, doc},
    options::IndexOptions,
};

use crate::support::{Job, Opened, TestQueue, eventually, pending};

async fn index_names(queue: &TestQueue) -> Vec<String> {
    queue.side().list_index_names().await.unwrap_or_default()
}

fn warnings(opened: &Opened) -> Vec<String> {
    let told = opened.recorder.events().into_iter().filter_map(|event| match event {
        Event::Log { level: LogLevel::Warn, message, .. } => Some(message),
        _ => None,
    });
    told.collect()
}

#[tokio::test]
async fn the_side_collection_is_made_with_its_indexes_and_gets_them_again_if_they_are_gone() {
    let (queue, opened) = TestQueue::start().await;
    assert_eq!(index_names(&queue).await, ["_id_", "durabl_next_run_idx", "durabl_expire_idx"]);
    let mut indexes = queue.side().list_indexes().await.expect("the indexes can be listed");
    let mut found: Vec<IndexModel> = Vec::new();
    while indexes.advance().await.expect("the server answers") {
        found.push(indexes.deserialize_current().expect("an index"));
    }
    let options = |place: usize| found[place].options.clone().expect("options");
    let IndexOptions { partial_filter_expression, .. } = options(1);
    assert_eq!(partial_filter_expression, Some(doc! { "nextRunAt": { "$exists": true } }));
    assert_eq!(options(2).expire_after, Some(Duration::ZERO));
    queue.side().drop_index("durabl_expire_idx").await.expect("it can be dropped");
    opened.engine.startup().await.expect("the server can be worked with");
    assert_eq!(index_names(&queue).await.len(), 3);
    queue.side().drop_index("durabl_next_run_idx").await.expect("it can be dropped");
    // The sweeps look at the indexes as well.
    opened.engine.start_recovery(Duration::from_millis(200));
    eventually("the index", async || (index_names(&queue).await.len() == 3).then_some(())).await;
}

#[tokio::test]
async fn a_collection_with_foreign_documents_is_left_alone() {
    let queue = TestQueue::bare().await;
    queue.side().insert_one(doc! { "_id": "theirs" }).await.expect("it can be written");
    let opened = queue.engine();
    opened.engine.startup().await.expect("the queue goes on");
    assert_eq!(index_names(&queue).await, ["_id_"]);
    let told = warnings(&opened);
    assert!(told.len() == 1 && told[0].contains("\"jobs.durabl\" can't be used"), "{told:?}");
    let refused = opened.engine.pause_type("t", None).await.expect_err("it can't be written down");
    assert!(refused.to_string().contains("not durabl's"), "{refused}");
    queue.insert([pending("job", "t")]).await;
    opened.process("t", 1);
    assert_eq!(opened.recorder.next_job().await.id(), "job");
    opened.engine.reset_storage().await.expect("the jobs are removed");
    let left: Option<Document> = queue.side().find_one(doc! {}).await.expect("it can be read");
    assert_eq!(left, Some(doc! { "_id": "theirs" }));
    assert_eq!(warnings(&opened).len(), 1);
}

#[tokio::test]
async fn a_reset_empties_it_and_ends_all_pauses() {
    let (queue, opened) = TestQueue::start().await;
    assert_eq!(opened.engine.pause_type("t", None).await, Ok(true));
    opened.process("t", 1);
    opened.engine.reset_storage().await.expect("the server answers");
    // The worker may have told of itself since.
    let left = queue.side().count_documents(doc! { "kind": { "$ne": "worker" } }).await;
    assert_eq!(left.expect("they can be counted"), 0);
    assert_eq!(index_names(&queue).await.len(), 3, "the indexes stay");
    opened.engine.enqueue(Job::of("t").into()).await.expect("enqueued");
    opened.recorder.next_job().await;
}

#[tokio::test]
async fn the_part_of_a_claim_token_before_its_dot_is_the_same_for_one_worker_only() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert((0..4).map(|number| pending(&number.to_string(), "t"))).await;
    let elsewhere = queue.engine();
    let mut workers = Vec::new();
    for engine in [&opened.engine, &opened.engine, &elsewhere.engine] {
        let job = engine.claim_next("t").await.expect("the server answers").expect("a job");
        let (worker, proof) = job.token().and_then(|token| token.split_once('.')).expect("two parts");
        assert_eq!((worker.len(), proof.len()), (16, 32));
        workers.push(worker.to_owned());
    }
    assert_eq!(workers[0], workers[1]);
    assert_ne!(workers[0], workers[2]);
}
