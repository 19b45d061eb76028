//! Events around the end: of a lease that was nearly over when it came, and of an engine with calls under way.

use std::{sync::Arc, time::Duration};

use durabl_engine::{ErrorKind, Event};
use mongodb::bson::doc;

use crate::support::{Opened, TestQueue, eventually, fail_point::FailPoint, pending, server};

/// The next such command of this engine takes so long.
async fn delay_next(opened: &Opened, command: &str, ms: i32) -> FailPoint {
    FailPoint::set(opened, &[command], 1, doc! { "blockConnection": true, "blockTimeMS": ms }).await
}

#[tokio::test]
async fn a_claim_that_took_as_long_as_its_lease_starts_no_handler_and_spends_no_attempt() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([pending("a", "t")]).await;
    let _slow = delay_next(&opened, "findAndModify", 950).await;
    opened.process_with("t", |config| config.visibility_timeout = Duration::from_secs(1));
    let job = opened.recorder.next_job().await;
    assert_eq!(job.document.get_i32("attempt").ok(), Some(1));
    let given_back = |event: &Event| match event {
        Event::Settled(results) => (results[0].run_id != job.run_id).then_some(()),
        _ => None,
    };
    // A job that was given back may be claimed again before anybody is told of it.
    opened.recorder.event("the late one to be given back", given_back).await;
}

#[tokio::test]
async fn a_handle_that_is_adopted_while_the_engine_ends_is_given_back() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([pending("a", "t")]).await;
    let claimed = opened.engine.claim_next("t").await.expect("the server answers").expect("a job");
    let _slow = delay_next(&opened, "update", 500).await;
    let adopting = tokio::spawn({
        let engine = opened.engine.clone();
        let (id, token) = (claimed.id(), claimed.token().expect("a token").to_owned());
        async move { engine.adopt(&id, &token, Duration::from_secs(300)).await }
    });
    let server = server::client().await.database("admin");
    let waiting = doc! {
        "aggregate": 1,
        "pipeline": [{ "$currentOp": {} }, { "$match": { "appName": &opened.app_name, "command.update": "jobs" } }],
        "cursor": {},
    };
    eventually("the adoption to be on its way", async || {
        let reply = server.run_command(waiting.clone()).await.expect("the server answers");
        let batch =
            reply.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch")).expect("a batch");
        (!batch.is_empty()).then_some(())
    })
    .await;
    opened.engine.shutdown(Duration::ZERO).await;
    let adopted = adopting.await.expect("no panic");
    assert_eq!(adopted.map_err(|error| error.kind()), Err(ErrorKind::ShutDown));
    eventually("the job to be given back", async || (queue.status("a").await == "pending").then_some(()))
        .await;
}

#[tokio::test]
async fn a_processor_that_comes_after_the_end_holds_on_to_nothing() {
    let (_queue, opened) = TestQueue::start().await;
    opened.engine.shutdown(Duration::from_secs(5)).await;
    opened.process("t", 1);
    eventually("its task to end", async || (Arc::strong_count(&opened.engine) == 1).then_some(())).await;
}
