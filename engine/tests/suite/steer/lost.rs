//! A change whose reply was lost is made once, and told as made.

use std::sync::atomic::{AtomicUsize, Ordering};

use durabl_engine::{Change, Settled, Steered, Verdict};
use mongodb::bson::RawDocument;

use super::{RETRY, ended};
use crate::support::{Opened, TestQueue, active, pending, proxy::Proxy};

async fn start() -> (TestQueue, Proxy, Opened) {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    opened.engine.stats(None).await.expect("the server answers");
    (queue, proxy, opened)
}

fn is_update(command: &RawDocument) -> bool {
    command.get_str("update").is_ok() && !format!("{command:?}").contains("MinKey")
}

#[tokio::test]
async fn a_change_with_its_reply_lost_is_told_as_made() {
    let (queue, proxy, opened) = start().await;
    queue.insert([ended("retried", "failed"), pending("promoted", "t"), pending("removed", "t")]).await;
    for (number, (id, change)) in [("retried", RETRY), ("promoted", Change::Promote)].into_iter().enumerate()
    {
        proxy.lose_reply_if(is_update);
        assert_eq!(opened.engine.steer(id, &change).await, Ok(Steered::Done));
        assert_eq!(proxy.lost(), number + 1);
    }
    proxy.lose_reply_to("delete");
    assert_eq!(opened.engine.remove("removed").await, Ok(Steered::Done));
    assert_eq!(proxy.lost(), 3);
    assert_eq!(opened.engine.remove("removed").await, Ok(Steered::NotFound));
}

#[tokio::test]
async fn a_completion_with_its_reply_lost_is_told_as_made_though_the_job_was_retried_since() {
    for (verdict, settled) in
        [(Verdict::Complete, Settled::Completed), (Verdict::FailFatal, Settled::FailedTerminal)]
    {
        let (queue, proxy, opened) = start().await;
        let operator = queue.engine();
        queue.insert([active("job", "t", "token")]).await;
        proxy.lose_reply_if(is_update);
        let tries = AtomicUsize::new(0);
        let held =
            proxy.hold_if(move |command| is_update(command) && tries.fetch_add(1, Ordering::Relaxed) == 1);
        let settling =
            tokio::spawn(async move { opened.engine.settle("job", Some("token"), verdict, None).await });
        held.has_come().await;
        assert_eq!(operator.engine.steer("job", &RETRY).await, Ok(Steered::Done));
        let again = operator.engine.claim_next("t").await.expect("the server answers").expect("it is due");
        assert_ne!(again.token(), Some("token"));
        drop(held);
        assert_eq!(settling.await.expect("it ends"), Ok(settled));
        assert_eq!(queue.status("job").await, "active", "the new claim is left alone");
    }
}

#[tokio::test]
async fn a_job_that_ran_before_the_lost_reply_was_looked_up_was_retried_once() {
    let (queue, proxy, opened) = start().await;
    queue.insert([ended("job", "failed")]).await;
    let elsewhere = queue.engine();
    proxy.lose_reply_if(is_update);
    // Until the job has run, the look is not answered.
    let looks = AtomicUsize::new(0);
    let held = proxy.hold_if(move |command| {
        command.get_str("find").is_ok() && looks.fetch_add(1, Ordering::Relaxed) == 1
    });
    let retrying = tokio::spawn(async move { opened.engine.steer("job", &RETRY).await });
    held.has_come().await;
    let run = elsewhere.engine.claim_next("t").await.expect("the server answers").expect("it is due");
    elsewhere
        .engine
        .settle(&run.id(), run.token(), Verdict::FailFatal, None)
        .await
        .expect("the server answers");
    drop(held);
    assert_eq!(retrying.await.expect("it ends"), Ok(Steered::Done));
    assert_eq!(queue.status("job").await, "failed", "it is not retried again");
}
