//! A key of scope `pending` that has an active job keeps its follower waiting, and no other job.

use durabl_engine::Verdict;

use super::*;
use crate::support::{
    Opened,
    proxy::{Held, Proxy},
};

/// Followers of this many running jobs, at the head of the queue.
fn blocked(count: usize) -> Vec<Document> {
    let keyed = |mut job: Document, number: usize| {
        job.extend(doc! { "dedupeKey": format!("key-{number}"), "dedupeScope": "pending", "priority": -1 });
        job
    };
    let running = (0..count).map(|number| keyed(active(&format!("running-{number}"), "t", "token"), number));
    let waiting = (0..count).map(|number| keyed(pending(&format!("waiting-{number}"), "t"), number));
    running.chain(waiting).collect()
}

#[tokio::test]
async fn a_single_claim_looks_past_a_held_key() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert(blocked(1)).await;
    queue.insert([pending("free", "t")]).await;
    assert_eq!(claimed_ids(&opened, "t").await, ["free"]);
}

#[tokio::test]
async fn a_single_claim_looks_past_hundreds_of_held_keys() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert(blocked(400)).await;
    queue.insert([pending("free", "t")]).await;
    assert_eq!(claimed_ids(&opened, "t").await, ["free"]);
}

#[tokio::test]
async fn a_processor_looks_past_thousands_of_held_keys() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert(blocked(2_500)).await;
    queue.insert((0..5).map(|number| pending(&format!("free-{number}"), "t"))).await;
    opened.process("t", 3);
    let mut claimed = Vec::new();
    for _ in 0..5 {
        let job = opened.recorder.next_job().await;
        opened.finish(job.run_id, Verdict::Complete);
        claimed.push(job.id().to_owned());
    }
    claimed.sort();
    assert_eq!(claimed, ["free-0", "free-1", "free-2", "free-3", "free-4"]);
}

#[tokio::test]
async fn one_blocked_job_costs_a_batch_no_other() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert(blocked(1)).await;
    let mut keyed = pending("of a free key", "t");
    keyed.extend(doc! { "dedupeKey": "free", "dedupeScope": "pending" });
    queue.insert([keyed, pending("of no key", "t")]).await;
    opened.process("t", 10);
    let mut claimed = [opened.recorder.next_job().await, opened.recorder.next_job().await];
    claimed.sort_by_key(|job| job.id().to_owned());
    assert_eq!([claimed[0].id(), claimed[1].id()], ["of a free key", "of no key"]);
    assert_eq!(queue.status("waiting-0").await, "pending");
    assert_eq!(queue.job("waiting-0").await.get_i32("attempt").ok(), Some(0));
}

#[tokio::test]
async fn a_processor_with_one_slot_is_not_held_up_by_a_held_key_at_the_head() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert(blocked(1)).await;
    queue.insert((0..3).map(|number| pending(&format!("free-{number}"), "t"))).await;
    opened.process("t", 1);
    for _ in 0..3 {
        let job = opened.recorder.next_job().await;
        assert!(job.id().starts_with("free"), "{}", job.id());
        opened.finish(job.run_id, Verdict::Complete);
    }
    let settled = opened.engine.settle("running-0", Some("token"), Verdict::Complete, None).await;
    assert_eq!(settled, Ok(Settled::Completed));
    assert_eq!(opened.recorder.next_job().await.id(), "waiting-0");
}

#[tokio::test]
async fn exclusive_keys_are_claimed_together_with_the_rest() {
    let (_queue, opened) = TestQueue::start().await;
    for number in 0..10 {
        let job = Job::of("t").exclusive(&format!("key-{number}"));
        opened.engine.enqueue(job.into()).await.expect("enqueued").expect("a free key");
    }
    opened.process("t", 10);
    for _ in 0..10 {
        opened.recorder.next_job().await;
    }
}

/// The write of a batch that is on its way while others act; its jobs in the order of their ids.
async fn batch_on_its_way(queue: &TestQueue) -> (Proxy, Opened, Held) {
    let proxy = Proxy::start().await;
    let opened = proxy.engine(queue);
    // The head is claimed alone; what stands behind it comes as a batch.
    let held = proxy.hold_if(|command| command.get_str("update").is_ok());
    opened.process("t", 10);
    held.has_come().await;
    (proxy, opened, held)
}

#[tokio::test]
async fn a_key_that_is_taken_between_a_batchs_look_and_its_write_costs_its_own_job_only() {
    let (queue, _direct) = TestQueue::start().await;
    let mut keyed = pending("b keyed", "t");
    keyed.extend(doc! { "dedupeKey": "k", "dedupeScope": "pending" });
    queue.insert([pending("a head", "t"), keyed, pending("c", "t"), pending("d", "t")]).await;
    let (_proxy, opened, held) = batch_on_its_way(&queue).await;
    let mut running = active("running", "u", "token");
    running.extend(doc! { "dedupeKey": "k", "dedupeScope": "pending" });
    queue.insert([running]).await;
    drop(held);
    let mut claimed = Vec::new();
    for _ in 0..3 {
        claimed.push(opened.recorder.next_job().await.id().to_owned());
    }
    claimed.sort();
    assert_eq!(claimed, ["a head", "c", "d"]);
    assert_eq!(queue.job("b keyed").await.get_i32("attempt").ok(), Some(0));
}

#[tokio::test]
async fn a_job_that_begins_to_wait_between_a_batchs_look_and_its_write_is_left_to_wait() {
    let (queue, direct) = TestQueue::start().await;
    let mut impatient = pending("b", "t");
    impatient.extend(doc! { "backoff": "fixed", "backoffDelay": 3_600_000, "backoffMaxDelay": 3_600_000 });
    queue.insert([pending("a head", "t"), impatient, pending("c", "t")]).await;
    let (_proxy, opened, held) = batch_on_its_way(&queue).await;
    // It runs elsewhere meanwhile, and fails.
    let claimed = direct.engine.claim_next("t").await.expect("the server answers").expect("a job");
    assert_eq!(claimed.id(), "b");
    let failed = direct.engine.settle("b", claimed.token(), Verdict::Fail, None).await;
    assert!(matches!(failed, Ok(Settled::RetryScheduled(_))), "{failed:?}");
    drop(held);
    for _ in 0..2 {
        let job = opened.recorder.next_job().await;
        assert!(["a head", "c"].contains(&job.id()), "{}", job.id());
    }
    assert_eq!(queue.status("b").await, "pending");
}
