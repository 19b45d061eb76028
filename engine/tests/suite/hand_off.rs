//! Jobs that a processor of their process starts as they are made.

use std::time::Duration;

use durabl_engine::{HandedOff, NewJob, Verdict};
use mongodb::bson::doc;

use crate::support::{Job, Opened, TestQueue};

fn idle(opened: &Opened, concurrency: usize) -> u32 {
    opened.process_with("t", |config| {
        config.concurrency = concurrency;
        config.poll_interval = Some(Duration::from_secs(60));
    })
}

async fn made(opened: &Opened, count: usize) -> Vec<HandedOff> {
    let jobs: Vec<NewJob> = vec![Job::of("t").into(); count];
    let (fates, handed_off) = opened.engine.enqueue_or_start(jobs).await.expect("the server answers");
    assert!(fates.iter().all(Result::is_ok), "{fates:?}");
    handed_off
}

/// Makes so many jobs at once. If the processor was not idle yet, it runs them as any others, and more are made.
async fn handed_off(opened: &Opened, count: usize) -> Vec<HandedOff> {
    loop {
        let handed_off = made(opened, count).await;
        if !handed_off.is_empty() {
            return handed_off;
        }
        for _ in 0..count {
            let job = opened.recorder.next_job().await;
            opened.finish(job.run_id, Verdict::Complete);
            opened.recorder.outcome(job.run_id).await.expect("the server answers");
        }
    }
}

#[tokio::test]
async fn a_job_that_is_handed_off_has_the_lease_that_a_claim_would_give_it() {
    let (queue, opened) = TestQueue::start().await;
    idle(&opened, 2);
    let (_, _, document) = handed_off(&opened, 1).await.remove(0).into_parts();
    let stored = queue.job(document.get_str("_id").expect("an id")).await;
    let lease = stored.get_document("lease").expect("a lease");
    let claimed = opened.engine.enqueue(Job::of("t").into()).await.expect("enqueued").expect("a new job");
    opened.recorder.next_job().await;
    let claimed = queue.job(&claimed).await;
    let expected = claimed.get_document("lease").expect("a lease").get_i64("ms").expect("a length");
    assert_eq!(lease.get_i64("ms").ok(), Some(expected));
    assert_eq!(lease.get_str("token").ok(), stored.get_str("claimToken").ok());
    let swept =
        opened.engine.recover_stuck_jobs(Duration::from_secs(300), 10).await.expect("the server answers");
    assert_eq!(swept.handled, 0);
}

#[tokio::test]
async fn no_more_jobs_are_handed_off_than_there_are_free_slots() {
    let (queue, opened) = TestQueue::start().await;
    idle(&opened, 2);
    let handed_off = handed_off(&opened, 3).await;
    assert!(handed_off.len() <= 2, "{}", handed_off.len());
    let active = queue.count(doc! { "status": "active" }).await;
    assert!(active <= 2, "{active}");
}

#[tokio::test]
async fn a_processor_that_ends_is_handed_no_job() {
    let (queue, opened) = TestQueue::start().await;
    let processor = idle(&opened, 2);
    // Its run goes on.
    _ = handed_off(&opened, 1).await.remove(0).into_parts();
    opened.engine.quiesce(&[processor]);
    assert!(made(&opened, 1).await.is_empty());
    let waiting = doc! { "status": "pending", "settledTokens": { "$exists": false } };
    assert_eq!(queue.count(waiting).await, 1, "it was never claimed");
}
