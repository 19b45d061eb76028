//! Appends whose replies are lost, and what becomes of the steps.

use durabl_engine::Appended;
use mongodb::bson::doc;

use super::{append, of, step};
use crate::support::{Opened, TestQueue, active, proxy::Proxy};

async fn start() -> (TestQueue, Proxy, Opened) {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    queue.insert([active("a", "t", "token")]).await;
    // The connection is made, and the clock read.
    append(&opened, of("a", step(1_000, 1))).await;
    (queue, proxy, opened)
}

#[tokio::test]
async fn an_append_whose_reply_is_lost_is_recorded_once_and_told_as_its_own() {
    let (queue, proxy, opened) = start().await;
    proxy.lose_reply_to("update");
    assert_eq!(append(&opened, of("a", step(0, "own"))).await, Appended::Appended);
    assert_eq!(proxy.lost(), 1);
    assert_eq!(queue.job("a").await.get_array("steps").expect("a journal").len(), 2);
}

#[tokio::test]
async fn a_record_of_another_caller_is_not_taken_for_ones_own() {
    let (queue, proxy, opened) = start().await;
    let theirs = doc! { "seq": 0, "name": "s0", "result": "theirs", "ts": null };
    queue
        .jobs()
        .update_one(doc! { "_id": "a" }, doc! { "$push": { "steps": theirs } })
        .await
        .expect("written");
    proxy.lose_reply_to("update");
    let found = append(&opened, of("a", step(0, "own"))).await;
    let Appended::Recorded(stored) = found else { panic!("{found:?}") };
    assert_eq!(stored.step.value.get_str("result").ok(), Some("theirs"));
}

#[tokio::test]
async fn an_append_whose_lease_went_while_its_reply_was_lost_hears_of_that() {
    let (queue, proxy, opened) = start().await;
    let taken = doc! { "$set": { "claimToken": "another" } };
    queue.jobs().update_one(doc! { "_id": "a" }, taken).await.expect("it can be changed");
    proxy.lose_reply_to("update");
    assert_eq!(append(&opened, of("a", step(0, "own"))).await, Appended::LeaseLost);
}

#[tokio::test]
async fn a_completion_of_a_claim_whose_reply_is_lost_is_its_own() {
    let (queue, proxy, opened) = start().await;
    proxy.lose_reply_to("update");
    assert_eq!(opened.engine.complete_claimed("a", "token").await, Ok(true));
    assert_eq!(queue.status("a").await, "completed");
    assert_eq!(opened.engine.complete_claimed("a", "stale").await, Ok(false));
}
