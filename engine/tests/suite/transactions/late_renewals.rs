//! Writes to a lease that their sender has given up, and that arrive when the lease has another length.

use std::time::Duration;

use mongodb::bson::{Document, RawDocument, doc};

use super::{LEASE, claimed_at, lease, started, token_of};
use crate::support::{Opened, TestQueue, active, eventually, proxy::Proxy, recorder::Delivered};

/// Longer than any test lasts.
const LONGEST_LEASE: Duration = Duration::from_secs(100);

async fn start() -> (TestQueue, Proxy, Opened, Delivered) {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    let job = started(&queue, &opened).await;
    (queue, proxy, opened, job)
}

/// Whether the command is a renewal of many leases, or one of a single lease.
fn renews(command: &RawDocument, many: bool) -> bool {
    let Ok(command) = Document::try_from(command) else { return false };
    let Ok(updates) = command.get_array("updates") else { return false };
    let Some(update) = updates.first().and_then(|update| update.as_document()) else { return false };
    update.get_bool("multi").ok() == Some(many) && format!("{update}").contains("\"ms\"")
}

/// The job once a write has come that was sent before the lease was as it is in `since`.
async fn after_the_late_write(queue: &TestQueue, since: &Document) -> Document {
    eventually("the late write to arrive", async || {
        let job = queue.job("job").await;
        (claimed_at(&job) > claimed_at(since)).then_some(job)
    })
    .await
}

/// Its transaction goes by the long lease: another worker must not take the job while it is under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_that_was_given_up_does_not_shorten_a_lease_that_was_made_long_since() {
    let (queue, proxy, opened, job) = start().await;
    let late = proxy.hold_if(|command| renews(command, true));
    late.has_come().await;
    // It waits for the renewal, which is given up half-way to the end of the lease.
    assert_eq!(opened.engine.suspend(job.run_id, LONGEST_LEASE).await, Ok(true));
    let suspended = queue.job("job").await;
    assert_eq!(lease(&suspended), Some(LONGEST_LEASE));
    drop(late);
    assert_eq!(lease(&after_the_late_write(&queue, &suspended).await), Some(LONGEST_LEASE));
    // The resumption that is wanted does make it short again.
    assert_eq!(opened.engine.resume(job.run_id, "job", token_of(&job)).await, Ok(None));
    assert_eq!(lease(&queue.job("job").await), Some(LEASE));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resumption_that_was_given_up_does_not_shorten_the_lease_of_the_next_transaction() {
    let (queue, proxy, opened, job) = start().await;
    assert_eq!(opened.engine.suspend(job.run_id, LONGEST_LEASE).await, Ok(true));
    let late = proxy.hold_if(|command| renews(command, false));
    let (engine, token) = (opened.engine.clone(), token_of(&job).to_owned());
    let resuming = tokio::spawn(async move { engine.resume(job.run_id, "job", &token).await });
    late.has_come().await;
    resuming.abort();
    assert!(resuming.await.is_err());
    assert_eq!(opened.engine.suspend(job.run_id, LONGEST_LEASE).await, Ok(true));
    let suspended = queue.job("job").await;
    drop(late);
    assert_eq!(lease(&after_the_late_write(&queue, &suspended).await), Some(LONGEST_LEASE));
}

/// A mark that an earlier claim has left says nothing of this one.
#[tokio::test]
async fn the_turn_of_an_earlier_claim_does_not_hold_up_a_claim_by_hand_that_is_adopted() {
    let (queue, opened) = TestQueue::start().await;
    let left = doc! { "token": "earlier", "attempt": 1, "ms": 5, "turn": 7_i64 };
    let mut job = active("job", "t", "token");
    job.insert("lease", left);
    queue.insert([job]).await;
    let adopted = opened.engine.adopt("job", "token", LEASE).await.expect("the server answers");
    assert!(adopted.is_some());
    let lease = queue.job("job").await.get_document("lease").expect("a mark").clone();
    assert_eq!(lease.get_str("token").ok(), Some("token"));
    assert!(!lease.contains_key("turn"));
}
