//! Leases that are lost while they are made long for a transaction, as no reply comes.

use std::time::Duration;

use super::{LEASE, claimed_at, lease, started, token_of};
use crate::support::{TestQueue, eventually, let_pass, proxy::Proxy};

/// Longer than any test lasts.
const LONGEST_LEASE: Duration = Duration::from_secs(100);

/// Its transaction never began: the job must not stand still for as long as a transaction may take.
#[tokio::test]
async fn a_lease_that_is_lost_while_it_is_made_long_does_not_keep_its_job_for_so_long() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    let job = started(&queue, &opened).await;
    let losing = proxy.lose_replies_while(|command| command.get_str("update").is_ok());
    assert_eq!(opened.engine.suspend(job.run_id, LONGEST_LEASE).await, Ok(false));
    let lost = opened.recorder.lease_lost(job.run_id).await.timestamp_millis();
    let shortened = eventually("the lease to be as short as before", async || {
        let job = queue.job("job").await;
        (lease(&job) == Some(LEASE)).then_some(job)
    })
    .await;
    losing.stop();
    assert_eq!(shortened.get_str("status").ok(), Some("active"));
    assert_eq!(shortened.get_str("claimToken").ok(), Some(token_of(&job)));
    // Not sooner than its holder has given it up.
    assert!(claimed_at(&shortened).timestamp_millis() + LEASE.as_millis() as i64 > lost);
    let reaper = queue.engine();
    eventually("the job to be taken over", async || {
        let sweep = reaper.engine.recover_stuck_jobs(Duration::from_secs(300), 100).await;
        (sweep.expect("the server answers").handled == 1).then_some(())
    })
    .await;
}

/// A transaction may be under way: its lease stays as long as it was made.
#[tokio::test]
async fn a_lease_that_is_lost_when_it_was_long_already_stays_long() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    let job = started(&queue, &opened).await;
    assert_eq!(opened.engine.suspend(job.run_id, LEASE).await, Ok(true));
    let losing = proxy.lose_replies_while(|command| command.get_str("update").is_ok());
    assert_eq!(opened.engine.suspend(job.run_id, LONGEST_LEASE).await, Ok(false));
    opened.recorder.lease_lost(job.run_id).await;
    losing.stop();
    let_pass(LEASE / 2, "longer than a write takes").await;
    assert_eq!(lease(&queue.job("job").await), Some(LONGEST_LEASE));
}
