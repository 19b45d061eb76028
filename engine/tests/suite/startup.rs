//! The states in which an engine may find the server at its start: collections of older versions, and servers about to go.

use std::time::Duration;

use durabl_engine::{ErrorKind, Event, LogLevel};
use mongodb::{
    IndexModel,
    bson::doc,
    options::{Collation, CollationStrength, IndexOptions},
};

use crate::support::{Job, TestQueue, active, eventually, fail_point::FailPoint, profile, waiting::in_time};

/// Two jobs of one key that run at once, as the first releases of the TypeScript package let them.
async fn doubled() -> TestQueue {
    let queue = TestQueue::bare().await;
    let running = |id: &str| {
        let mut job = active(id, "t", id);
        job.extend(doc! { "dedupeKey": "sync:u_1", "dedupeScope": "pending" });
        job
    };
    queue.insert([running("a"), running("b")]).await;
    queue
}

async fn index_names(queue: &TestQueue) -> Vec<String> {
    queue.jobs().list_index_names().await.expect("they can be listed")
}

#[tokio::test]
async fn a_key_that_an_older_version_let_run_twice_is_named_and_holds_up_its_own_index_only() {
    let queue = doubled().await;
    let options = IndexOptions::builder().name("stats_idx".to_owned()).build();
    let replaced = IndexModel::builder().keys(doc! { "type": 1, "status": 1 }).options(options).build();
    queue.jobs().create_index(replaced).await.expect("it can be made");
    let opened = queue.engine_with(|settings| settings.server_selection_timeout_ms = Some(200), |_| {});
    let error = opened.engine.startup().await.expect_err("the unique index can't be made");
    assert_eq!(error.kind(), ErrorKind::IndexConflict);
    assert!(error.to_string().contains("twice under one dedupe key"), "{error}");
    assert!(error.to_string().contains("\"sync:u_1\" (jobs \"a\", \"b\")"), "{error}");
    let mut names = index_names(&queue).await;
    names.sort();
    let expected = [
        "_id_",
        "dedupe_pending_active_idx",
        "dedupe_pending_idx",
        "durabl_active_idx",
        "durabl_cancel_idx",
        "durabl_completed_idx",
        "durabl_dedupe_until_idx",
        "durabl_expiry_idx",
        "durabl_failed_idx",
        "durabl_pending_idx",
        "durabl_set_apart_idx",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn startup_waits_for_jobs_of_one_key_to_end_and_says_so() {
    let queue = doubled().await;
    let opened = queue.engine();
    let engine = opened.engine.clone();
    let startup = tokio::spawn(async move { engine.startup().await });
    let warning = |event: &Event| match event {
        Event::Log { level: LogLevel::Warn, message, .. } => Some(message.clone()),
        _ => None,
    };
    let message = opened.recorder.event("a warning", warning).await;
    assert!(message.contains("sync:u_1"), "{message}");
    let ended = doc! { "$set": { "status": "completed" } };
    queue.jobs().update_one(doc! { "_id": "a" }, ended).await.expect("it can be written");
    in_time("the startup", startup).await.expect("it ran").expect("nothing is in the way any more");
    assert!(index_names(&queue).await.contains(&"dedupe_active_idx".to_owned()));
}

/// Those that are in force: an index has its name before. None while the server is about to put one there.
async fn built_indexes(queue: &TestQueue) -> Option<Vec<String>> {
    let mut found = queue.jobs().aggregate([doc! { "$indexStats": {} }]).await.ok()?;
    let mut names = Vec::new();
    while found.advance().await.ok()? {
        let index = found.deserialize_current().expect("a document");
        if !index.get_bool("building").unwrap_or(false) {
            names.push(index.get_str("name").expect("a name").to_owned());
        }
    }
    Some(names)
}

#[tokio::test]
async fn keys_of_a_collection_that_was_dropped_and_made_again_are_unique_again_without_push() {
    let (queue, opened) = TestQueue::start().await;
    opened.engine.start_recovery(Duration::from_millis(200));
    queue.jobs().drop().await.expect("it can be dropped");
    let job = || Job::of("t").exclusive("k").into();
    opened.engine.enqueue(job()).await.expect("enqueued").expect("a free key");
    eventually("the unique indexes", async || {
        let built = built_indexes(&queue).await?;
        let unique = ["dedupe_pending_active_idx", "dedupe_pending_idx", "dedupe_active_idx"];
        unique.iter().all(|name| built.iter().any(|known| known == name)).then_some(())
    })
    .await;
    assert_eq!(opened.engine.enqueue(job()).await, Ok(None));
}

#[tokio::test]
async fn a_collection_that_was_dropped_is_not_made_again_by_the_check_of_its_indexes() {
    let (queue, opened) = TestQueue::start().await;
    opened.engine.start_recovery(Duration::from_millis(200));
    queue.jobs().drop().await.expect("it can be dropped");
    profile::start(&queue, &opened).await;
    eventually("a look at the indexes", async || {
        let operations = profile::so_far(&queue).await;
        operations.iter().any(|operation| operation.name() == "listIndexes").then_some(())
    })
    .await;
    profile::stop(&queue).await;
    let names = queue.database.list_collection_names().await.expect("they can be listed");
    assert!(!names.contains(&"jobs".to_owned()), "{names:?}");
}

#[tokio::test]
async fn a_server_that_shuts_down_during_authentication_refuses_no_client_for_good() {
    let queue = TestQueue::bare().await;
    let user = doc! { "createUser": "worker", "pwd": "pw", "roles": ["readWrite"] };
    queue.database.run_command(user).await.expect("a user can be made");
    let opened = queue.engine_with(
        |settings| {
            settings.username = Some("worker".to_owned());
            settings.password = Some("pw".to_owned());
            settings.auth_source = Some(queue.database.name().to_owned());
        },
        |_| {},
    );
    let _shutting_down = FailPoint::set(&opened, &["saslContinue"], 1, doc! { "errorCode": 91 }).await;
    let enqueued = opened.engine.enqueue(Job::of("t").into()).await;
    queue.database.run_command(doc! { "dropUser": "worker" }).await.expect("the user can be removed");
    assert!(enqueued.expect("the next try succeeds").is_some());
}

#[tokio::test]
async fn a_collection_whose_collation_would_confuse_types_and_keys_is_refused_by_name() {
    let queue = TestQueue::bare().await;
    let collation =
        Collation::builder().locale("en".to_owned()).strength(CollationStrength::Secondary).build();
    let database = queue.jobs().client().database(&queue.jobs().namespace().db);
    database.create_collection(queue.jobs().name()).collation(collation).await.expect("it can be made");
    let error = queue.engine().engine.startup().await.expect_err("it is refused");
    assert_eq!(error.kind(), ErrorKind::InvalidOption);
    assert!(error.to_string().contains("default collation (locale \"en\")"), "{error}");
}

#[tokio::test]
async fn an_equal_index_by_another_name_is_told_from_another_index_by_an_equal_name() {
    let queue = TestQueue::bare().await;
    let keys = doc! { "status": 1, "type": 1, "claimedAt": 1 };
    let filter = doc! { "status": "active" };
    let index = |name: &str, keys| {
        let options =
            IndexOptions::builder().name(name.to_owned()).partial_filter_expression(filter.clone()).build();
        IndexModel::builder().keys(keys).options(options).build()
    };
    queue.jobs().create_index(index("mine", keys.clone())).await.expect("it can be made");
    let error = queue.engine().engine.startup().await.expect_err("it is in the way");
    assert_eq!(error.kind(), ErrorKind::IndexConflict);
    assert!(error.to_string().contains("is equal to one of durabl's and has another name"), "{error}");
    queue.jobs().drop_index("mine").await.expect("it can be dropped");
    let other = index("durabl_active_idx", doc! { "type": 1 });
    queue.jobs().create_index(other).await.expect("it can be made");
    let error = queue.engine().engine.startup().await.expect_err("it is in the way");
    assert!(error.to_string().contains("has one of durabl's names and another definition"), "{error}");
}
