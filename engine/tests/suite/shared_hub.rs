//! Two engines of equal settings share a client and a hub: what one does must not be taken for the other's.

use std::time::Duration;

use durabl_engine::{Settled, Verdict};
use mongodb::bson::{DateTime, Document, doc};

use crate::support::{Opened, TestQueue, eventually, pending, recorder::Delivered};

const HEARTBEAT: Duration = Duration::from_millis(500);

fn claimed_at(job: &Document) -> DateTime {
    *job.get_datetime("claimedAt").expect("a time")
}

/// Two engines of one hub, each with a run of the same number.
async fn with_equal_runs() -> (TestQueue, [(Opened, Delivered); 2]) {
    let (queue, _) = TestQueue::start().await;
    queue.insert(["one", "other"].map(|name| pending(name, name))).await;
    let engine =
        || queue.engine_with(|settings| settings.app_name = Some(queue.database.name().to_owned()), |_| {});
    let start = async |opened: Opened, job_type: &str| {
        opened.process_with(job_type, |config| config.heartbeat_interval = Some(HEARTBEAT));
        let job = opened.recorder.next_job().await;
        assert_eq!(job.id(), job_type);
        (opened, job)
    };
    let runs = [start(engine(), "one").await, start(engine(), "other").await];
    assert_eq!(runs[0].1.run_id, runs[1].1.run_id, "this test is about equal numbers");
    (queue, runs)
}

async fn until_renewed(queue: &TestQueue, id: &str, since: DateTime) {
    let what = format!("the lease of {id} to be renewed");
    eventually(&what, async || (claimed_at(&queue.job(id).await) > since).then_some(())).await;
}

#[tokio::test]
async fn runs_of_equal_numbers_are_both_renewed() {
    let (queue, runs) = with_equal_runs().await;
    for (_, job) in &runs {
        until_renewed(&queue, job.id(), claimed_at(&job.document)).await;
    }
    for (opened, job) in &runs {
        opened.finish(job.run_id, Verdict::Complete);
        assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(Settled::Completed));
        assert!(opened.recorder.lost_leases().is_empty());
    }
}

#[tokio::test]
async fn the_end_of_a_run_ends_no_renewal_of_its_namesake() {
    let (queue, [(one, job), (other, namesake)]) = with_equal_runs().await;
    one.finish(job.run_id, Verdict::Complete);
    assert_eq!(one.recorder.outcome(job.run_id).await, Ok(Settled::Completed));
    until_renewed(&queue, namesake.id(), claimed_at(&queue.job(namesake.id()).await)).await;
    assert!(other.engine.gone_among(&[namesake.run_id]).is_empty());
    one.engine.shutdown(Duration::from_secs(5)).await;
    until_renewed(&queue, namesake.id(), claimed_at(&queue.job(namesake.id()).await)).await;
    other.finish(namesake.run_id, Verdict::Complete);
    assert_eq!(other.recorder.outcome(namesake.run_id).await, Ok(Settled::Completed));
}

#[tokio::test]
async fn a_lease_that_is_lost_is_its_own_engines_loss_only() {
    let (queue, [(one, job), (other, namesake)]) = with_equal_runs().await;
    let taken = doc! { "$set": { "claimToken": "another's" } };
    queue.jobs().update_one(doc! { "_id": job.id() }, taken).await.expect("it can be written");
    one.recorder.lease_lost(job.run_id).await;
    until_renewed(&queue, namesake.id(), claimed_at(&queue.job(namesake.id()).await)).await;
    assert!(other.recorder.lost_leases().is_empty());
    other.finish(namesake.run_id, Verdict::Complete);
    assert_eq!(other.recorder.outcome(namesake.run_id).await, Ok(Settled::Completed));
}
