//! Connections that are all busy: what takes long keeps nothing waiting, and no lease is lost over it.

use std::time::Duration;

use durabl_engine::Verdict;
use mongodb::bson::{DateTime, doc};
use tokio::time::timeout;

use crate::support::{
    Job, Opened, TestQueue, eventually, line, pending,
    proxy::Proxy,
    server,
    transactions::{made, open_transaction},
};

/// Less than a change stream, or a write that is held up, keeps a connection.
const SOON: Duration = Duration::from_secs(3);

async fn soon<T>(what: &str, call: impl Future<Output = durabl_engine::Result<T>>) -> T {
    let answer = timeout(SOON, call).await.unwrap_or_else(|_| panic!("{what} waited for a connection"));
    answer.expect("the server answers")
}

/// Waits until the server is at so many operations of an engine that match.
async fn under_way(opened: &Opened, count: usize, operations: mongodb::bson::Document) {
    let mut filter = doc! { "appName": &opened.app_name, "active": true };
    filter.extend(operations);
    let pipeline = [doc! { "$currentOp": {} }, doc! { "$match": filter }];
    let admin = server::client().await.database("admin");
    eventually("operations under way", async || {
        let mut found = admin.aggregate(pipeline.clone()).await.expect("the server answers");
        let mut under_way = 0;
        while found.advance().await.expect("the server answers") {
            under_way += 1;
        }
        (under_way == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn streams_take_no_connection_from_anything_else() {
    let queue = TestQueue::bare().await;
    let first = queue.engine_with(
        |settings| settings.max_pool_size = Some(1),
        |options| options.use_change_streams = true,
    );
    let another = |collection: &str| {
        queue.engine_with(
            |settings| {
                settings.max_pool_size = Some(1);
                settings.app_name = Some(first.app_name.clone());
            },
            |options| {
                options.use_change_streams = true;
                options.collection = collection.to_owned();
            },
        )
    };
    let others = [another("second"), another("third")];
    for opened in [&first, &others[0], &others[1]] {
        opened.engine.startup().await.expect("the server can be worked with");
        opened.process("t", 1);
    }
    under_way(&first, 3, doc! { "op": "getmore" }).await;
    for opened in [&first, &others[0], &others[1]] {
        for _ in 0..3 {
            soon("an enqueue", opened.engine.enqueue(Job::of("t").into())).await;
            let job = opened.recorder.next_job().await;
            opened.finish(job.run_id, Verdict::Complete);
        }
        soon("a count", opened.engine.stats(Some("t"))).await;
    }
    let ended = timeout(SOON, first.engine.shutdown(Duration::from_secs(60))).await;
    assert!(ended.is_ok(), "a stream that waits holds up no shutdown");
}

#[tokio::test]
async fn leases_are_renewed_while_the_only_connection_is_busy() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine_with(&queue, |settings| settings.max_pool_size = Some(1));
    queue.insert([pending("managed", "t"), pending("by-hand", "u")]).await;
    let by_hand = opened.engine.claim_next("u").await.expect("the server answers").expect("a job");
    opened.process_with("t", |config| {
        config.visibility_timeout = Duration::from_secs(3);
        config.heartbeat_interval = Some(Duration::from_millis(300));
    });
    let job = opened.recorder.next_job().await;
    let is_ours = |body: &mongodb::bson::RawDocument| {
        body.get_document("filter").is_ok_and(|filter| filter.get_str("marker").is_ok())
    };
    let held = proxy.hold_reply_if(is_ours);
    let busy = {
        let engine = opened.engine.clone();
        tokio::spawn(async move { engine.find_one(doc! { "marker": "busy" }).await })
    };
    held.has_come().await;
    let claimed_at = async || *queue.job("managed").await.get_datetime("claimedAt").expect("a time");
    let mut last: DateTime = claimed_at().await;
    for _ in 0..4 {
        last = eventually("a renewal", async || Some(claimed_at().await).filter(|at| *at > last)).await;
    }
    assert!(soon("a heartbeat", opened.engine.heartbeat(&by_hand.id(), by_hand.token())).await);
    assert!(opened.recorder.lost_leases().is_empty());
    assert!(!busy.is_finished(), "the connection was busy all the time");
    drop(held);
    busy.await.expect("no panic").expect("the server answers");
    soon("a line", opened.engine.log("managed", None, &line("a line"))).await;
    opened.finish(job.run_id, Verdict::Complete);
    opened.recorder.outcome(job.run_id).await.expect("it is written");
}

#[tokio::test]
async fn a_write_that_a_transaction_holds_up_leaves_the_only_connection_to_others() {
    let queue = TestQueue::bare().await;
    let opened = queue.engine_with(|settings| settings.max_pool_size = Some(1), |_| {});
    opened.engine.startup().await.expect("the server can be worked with");
    for is_claimed in [false, true] {
        let mut session = open_transaction(&queue, vec![made("first", "k", "pending+active")]).await;
        let held_up = {
            let engine = opened.engine.clone();
            let job = Job::of("t").exclusive("k");
            tokio::spawn(async move {
                if is_claimed {
                    engine.claim_or_enqueue(job.into()).await.map(|job| job.map(|job| job.id()))
                } else {
                    engine.enqueue(job.into()).await
                }
            })
        };
        // No brief one any more.
        under_way(&opened, 1, doc! { "op": "insert", "command.maxTimeMS": { "$exists": false } }).await;
        for _ in 0..3 {
            soon("an enqueue", opened.engine.enqueue(Job::of("t").into())).await;
        }
        assert!(!held_up.is_finished());
        session.abort_transaction().await.expect("it is aborted");
        let made = held_up.await.expect("no panic").expect("the server answers");
        assert!(made.is_some());
        queue.jobs().delete_many(doc! {}).await.expect("they can be removed");
    }
}
