//! Leases of different lengths side by side in one process.

use std::time::Duration;

use mongodb::bson::doc;

use crate::support::{TestQueue, eventually, pending};

#[tokio::test]
async fn a_short_lease_is_renewed_in_time_although_a_long_one_was_there_first() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([pending("long", "long"), pending("short", "short")]).await;
    opened.process_with("long", |config| config.heartbeat_interval = Some(Duration::from_secs(60)));
    assert_eq!(opened.recorder.next_job().await.id(), "long");
    opened.process_with("short", |config| config.heartbeat_interval = Some(Duration::from_secs(1)));
    let job = opened.recorder.next_job().await;
    let claimed_at = *job.document.get_datetime("claimedAt").expect("a date");
    eventually("the short lease to be renewed", async || {
        (queue.count(doc! { "_id": "short", "claimedAt": { "$gt": claimed_at } }).await == 1).then_some(())
    })
    .await;
    assert!(opened.recorder.lost_leases().is_empty());
}
