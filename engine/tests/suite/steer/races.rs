//! Several who ask for changes at the same time.

use durabl_engine::{Change, Steered, Verdict};
use mongodb::bson::doc;

use super::{RETRY, ended, keyed};
use crate::support::{Job, TestQueue, pending};

const OPERATORS: usize = 8;

#[tokio::test]
async fn one_of_many_operators_retries_a_job_and_one_removes_it() {
    let (queue, first) = TestQueue::start().await;
    let engines: Vec<_> = (1..OPERATORS).map(|_| queue.engine()).chain([first]).collect();
    for round in 0..10 {
        let id = format!("job-{round}");
        queue.insert([ended(&id, "failed")]).await;
        let retries = engines.iter().map(|opened| opened.engine.steer(&id, &RETRY));
        let outcomes = futures_util::future::try_join_all(retries).await.expect("the server answers");
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Steered::Done).count(), 1, "{outcomes:?}");
        let removals = engines.iter().map(|opened| opened.engine.remove(&id));
        let outcomes = futures_util::future::try_join_all(removals).await.expect("the server answers");
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == Steered::Done).count(), 1, "{outcomes:?}");
    }
    assert_eq!(queue.count(doc! {}).await, 0);
}

#[tokio::test]
async fn one_of_two_jobs_of_a_key_is_retried_and_the_other_hears_of_it() {
    let (queue, opened) = TestQueue::start().await;
    for scope in ["pending", "pending+active"] {
        for _ in 0..10 {
            queue.insert(["a", "b"].map(|id| keyed(ended(id, "failed"), scope))).await;
            let (a, b) = tokio::join!(opened.engine.steer("a", &RETRY), opened.engine.steer("b", &RETRY));
            let outcomes = [a.expect("the server answers"), b.expect("the server answers")];
            let held = |id: &str| Steered::KeyHeld(id.to_owned());
            assert!(
                outcomes == [Steered::Done, held("a")] || outcomes == [held("b"), Steered::Done],
                "{outcomes:?}"
            );
            queue.jobs().delete_many(doc! {}).await.expect("they can be removed");
        }
    }
}

/// Each job is retried, promoted, rescheduled and removed while it is claimed and settled.
#[tokio::test]
async fn a_call_of_an_operator_leaves_a_running_job_alone() {
    let (queue, operator) = TestQueue::start().await;
    let worker = queue.engine();
    for round in 0..20 {
        let id = operator
            .engine
            .enqueue(Job::of("t").max_attempts(1).into())
            .await
            .expect("enqueued")
            .expect("a new job");
        let work = async {
            let mut runs = 0;
            while let Some(run) = worker.engine.claim_next("t").await.expect("the server answers") {
                runs += 1;
                let settled = worker.engine.settle(&run.id(), run.token(), Verdict::Fail, None).await;
                assert_eq!(
                    settled,
                    Ok(durabl_engine::Settled::FailedTerminal),
                    "round {round}: its lease was taken"
                );
            }
            runs
        };
        let steer = async {
            let mut retried = 0;
            for change in [Change::Promote, RETRY, RETRY] {
                let done = operator.engine.steer(&id, &change).await.expect("the server answers");
                retried += usize::from(done == Steered::Done && matches!(change, Change::Retry { .. }));
            }
            retried
        };
        let (runs, retried) = tokio::join!(work, steer);
        let left = usize::from(queue.status(&id).await == "pending");
        assert_eq!(runs + left, 1 + retried, "round {round}");
        queue.jobs().delete_many(doc! {}).await.expect("they can be removed");
    }
}

#[tokio::test]
async fn a_removed_followers_key_is_free() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([keyed(pending("follower", "t"), "pending")]).await;
    let job = || Job::of("t").single_flight("k");
    assert_eq!(opened.engine.enqueue(job().into()).await, Ok(None));
    assert_eq!(opened.engine.remove("follower").await, Ok(Steered::Done));
    assert!(opened.engine.enqueue(job().into()).await.expect("enqueued").is_some());
}
