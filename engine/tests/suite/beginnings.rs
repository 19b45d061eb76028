//! What an engine meets when it starts: collections of older versions, and servers that are about to go.

use durabl_engine::ErrorKind;
use mongodb::bson::doc;

use crate::support::{Job, TestQueue, active, fail_point::FailPoint};

#[tokio::test]
async fn a_key_that_an_older_version_let_run_twice_is_named_when_the_engine_starts() {
    let queue = TestQueue::bare().await;
    let running = |id: &str| {
        let mut job = active(id, "t", id);
        job.extend(doc! { "dedupeKey": "sync:u_1", "dedupeScope": "pending" });
        job
    };
    queue.insert([running("a"), running("b")]).await;
    let opened = queue.engine();
    let error = opened.engine.startup().await.expect_err("the unique index can't be made");
    assert_eq!(error.kind(), ErrorKind::IndexConflict);
    assert!(error.to_string().contains("twice under one dedupe key"), "{error}");
    assert!(error.to_string().contains("sync:u_1"), "{error}");
    queue.jobs().delete_one(doc! { "_id": "a" }).await.expect("it can be removed");
    opened.engine.startup().await.expect("nothing is in the way any more");
}

#[tokio::test]
async fn a_server_that_shuts_down_while_it_is_asked_for_the_password_refuses_nobody_for_good() {
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
