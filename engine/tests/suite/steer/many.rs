//! Changes of many jobs, each of them left alone if others were quicker.

use std::time::Duration;

use durabl_engine::{Cancelled, Change, Status, Verdict};
use mongodb::bson::{RawDocument, doc, oid::ObjectId};

use super::{RETRY, ended, keyed};
use crate::support::{
    TestQueue, active, documents::moment, pending, proxy::Proxy, transactions::open_transaction,
};

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("job-{number}")).collect()
}

#[tokio::test]
async fn those_that_can_be_changed_are_and_no_others() {
    let (queue, opened) = TestQueue::start().await;
    let foreign = ObjectId::new();
    let mut by_object_id = ended("", "failed");
    by_object_id.insert("_id", foreign);
    queue
        .insert([
            ended("a", "failed"),
            ended("b", "completed"),
            pending("waits", "t"),
            active("runs", "t", "token"),
            by_object_id,
        ])
        .await;
    queue
        .insert(["first of its key", "second of its key"].map(|id| keyed(ended(id, "failed"), "pending")))
        .await;
    let all: Vec<String> =
        ["a", "b", "waits", "runs", "nobody", "first of its key", "second of its key", &foreign.to_hex()]
            .map(str::to_owned)
            .to_vec();
    assert_eq!(opened.engine.steer_each(&all, &RETRY, None).await, Ok(4));
    assert_eq!(queue.count(doc! { "status": "pending", "attempt": 0 }).await, 5);
    assert_eq!(queue.count(doc! { "dedupeKey": "k", "status": "failed" }).await, 1, "its key is held");
    assert_eq!(queue.status("runs").await, "active");
    assert_eq!(opened.engine.remove_each(&all, None).await, Ok(6));
    assert_eq!(queue.count(doc! {}).await, 1);
    assert_eq!(opened.engine.steer_each(&[], &RETRY, None).await, Ok(0));
}

#[tokio::test]
async fn a_job_that_has_left_the_status_by_which_it_was_found_is_left_alone() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([ended("failed", "failed"), ended("completed", "completed"), pending("waits", "t")]).await;
    let all: Vec<String> = ["failed", "completed", "waits"].map(str::to_owned).to_vec();
    let failed = Some(Status::Failed);
    assert_eq!(opened.engine.steer_each(&all, &RETRY, failed).await, Ok(1));
    assert_eq!(queue.status("completed").await, "completed");
    assert_eq!(opened.engine.steer_each(&all, &RETRY, failed).await, Ok(0));
    assert_eq!(opened.engine.remove_each(&all, failed).await, Ok(0));
    assert_eq!(opened.engine.remove_each(&all, Some(Status::Pending)).await, Ok(2));
    assert_eq!(queue.status("completed").await, "completed");
}

#[tokio::test]
async fn two_operators_change_each_job_once_between_them() {
    let (queue, first) = TestQueue::start().await;
    let second = queue.engine();
    let ids = ids(1_200);
    queue.insert(ids.iter().map(|id| ended(id, "failed"))).await;
    for change in [RETRY, Change::Reschedule { due: None, priority: Some(1) }] {
        let (one, other) = tokio::join!(
            first.engine.steer_each(&ids, &change, None),
            second.engine.steer_each(&ids, &change, None)
        );
        let (one, other) = (one.expect("the server answers"), other.expect("the server answers"));
        let expected = if matches!(change, Change::Retry { .. }) { 1_200 } else { 2_400 };
        assert_eq!(one + other, expected, "{one}, {other}");
    }
    let (one, other) =
        tokio::join!(first.engine.remove_each(&ids, None), second.engine.remove_each(&ids, None));
    assert_eq!(one.expect("the server answers") + other.expect("the server answers"), 1_200);
}

#[tokio::test]
async fn a_step_with_its_reply_lost_counts_as_it_was_done() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    opened.engine.stats(None).await.expect("the server answers");
    let ids = ids(20);
    queue.insert(ids.iter().map(|id| ended(id, "failed"))).await;
    proxy.lose_reply_if(|command: &RawDocument| command.get_str("update").is_ok());
    assert_eq!(opened.engine.steer_each(&ids, &RETRY, None).await, Ok(20));
    proxy.lose_reply_to("delete");
    assert_eq!(opened.engine.remove_each(&ids, None).await, Ok(20));
    assert_eq!((proxy.lost(), queue.count(doc! {}).await), (2, 0));
}

#[tokio::test]
async fn a_transaction_that_stays_open_holds_up_its_own_job_only() {
    let (queue, opened) = TestQueue::start().await;
    let ids = ids(5);
    queue.insert(ids.iter().map(|id| ended(id, "failed"))).await;
    let touched = doc! { "_id": "job-2", "$set": { "note": 1 } };
    let mut session = open_transaction(&queue, vec![touched]).await;
    assert_eq!(opened.engine.steer_each(&ids, &RETRY, None).await, Ok(4));
    session.abort_transaction().await.expect("it ends");
    assert_eq!(queue.status("job-2").await, "failed");
}

#[tokio::test]
async fn jobs_that_become_due_wake_the_workers_of_each_type() {
    let (queue, opened) = TestQueue::start().await;
    let mut other = ended("of another type", "failed");
    other.insert("type", "u");
    queue.insert([ended("job", "failed"), other]).await;
    for job_type in ["t", "u"] {
        opened.process_with(job_type, |config| config.poll_interval = Some(Duration::from_secs(600)));
        let marker = opened.engine.enqueue(crate::support::Job::of(job_type).into()).await.expect("enqueued");
        let job = opened.recorder.next_job().await;
        assert_eq!(Some(job.id()), marker.as_deref());
        opened.finish(job.run_id, Verdict::Complete);
        opened.recorder.outcome(job.run_id).await.expect("the server answers");
    }
    let ids = ["job", "of another type"].map(str::to_owned);
    assert_eq!(opened.engine.steer_each(&ids, &RETRY, None).await, Ok(2));
    let mut jobs =
        [opened.recorder.next_job().await, opened.recorder.next_job().await].map(|job| job.id().to_owned());
    jobs.sort();
    assert_eq!(jobs, ids);
}

fn own(outcomes: &[Option<Cancelled>]) -> usize {
    outcomes.iter().flatten().count()
}

#[tokio::test]
async fn a_bulk_cancellation_touches_only_jobs_in_the_found_status_without_a_mark() {
    let (queue, opened) = TestQueue::start().await;
    let foreign = ObjectId::new();
    let mut by_object_id = pending("", "t");
    by_object_id.insert("_id", foreign);
    let mut marked = active("marked", "t", "token");
    marked.extend(doc! { "cancelRequestedAt": moment(-1_000), "cancelReason": "before" });
    queue.insert([pending("waits", "t"), active("runs", "t", "token"), ended("ended", "failed")]).await;
    queue.insert([by_object_id, marked]).await;
    let before = queue.job("marked").await;
    let all = ["waits", "runs", "ended", "marked", "nobody", &foreign.to_hex()].map(str::to_owned).to_vec();
    let (cancelled, requested) = (Some(Cancelled::Cancelled), Some(Cancelled::Requested));
    let cancel = |from| opened.engine.cancel_each(&all, from);
    assert_eq!(cancel(Some(Status::Failed)).await, Ok(vec![None; 6]));
    let of_pending = vec![cancelled, None, None, None, None, cancelled];
    assert_eq!(cancel(Some(Status::Pending)).await, Ok(of_pending));
    assert!(!queue.job("runs").await.contains_key("cancelRequestedAt"), "it ran, and was sought as pending");
    assert_eq!(cancel(None).await, Ok(vec![None, requested, None, None, None, None]));
    assert_eq!(cancel(Some(Status::Active)).await, Ok(vec![None; 6]), "each is marked once");
    assert_eq!(queue.job("marked").await, before);
    assert_eq!(queue.count(doc! { "status": "failed", "ending": "cancelled" }).await, 2);
    assert_eq!(opened.engine.cancel_each(&[], None).await, Ok(vec![]));
}

#[tokio::test]
async fn two_operators_cancel_each_job_once_between_them() {
    let (queue, first) = TestQueue::start().await;
    let second = queue.engine();
    let ids = ids(1_200);
    let made = |(n, id): (usize, &String)| {
        if n % 2 == 0 { pending(id, "t") } else { active(id, "t", &format!("token-{n}")) }
    };
    queue.insert(ids.iter().enumerate().map(made)).await;
    let (one, other) =
        tokio::join!(first.engine.cancel_each(&ids, None), second.engine.cancel_each(&ids, None));
    let (one, other) = (one.expect("the server answers"), other.expect("the server answers"));
    assert_eq!(own(&one) + own(&other), 1_200);
    assert!(one.iter().zip(&other).all(|(one, other)| one.is_some() != other.is_some()));
}

#[tokio::test]
async fn a_cancellation_with_its_reply_lost_counts_as_it_was_done() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    opened.engine.stats(None).await.expect("the server answers");
    let ids = ["waits", "runs"].map(str::to_owned);
    queue.insert([pending("waits", "t"), active("runs", "t", "token")]).await;
    proxy.lose_reply_if(|command: &RawDocument| command.get_str("update").is_ok());
    let expected = vec![Some(Cancelled::Cancelled), Some(Cancelled::Requested)];
    assert_eq!(opened.engine.cancel_each(&ids, None).await, Ok(expected));
    assert_eq!(proxy.lost(), 1);
}

#[tokio::test]
async fn a_running_job_that_a_transaction_holds_is_left_and_the_others_are_cancelled() {
    let (queue, opened) = TestQueue::start().await;
    let ids = ids(5);
    queue.insert(ids.iter().map(|id| active(id, "t", id))).await;
    let touched = doc! { "_id": "job-2", "$set": { "note": 1 } };
    let mut session = open_transaction(&queue, vec![touched]).await;
    let outcomes = opened.engine.cancel_each(&ids, Some(Status::Active)).await.expect("the server answers");
    session.abort_transaction().await.expect("it ends");
    assert_eq!((own(&outcomes), outcomes[2]), (4, None));
    assert_eq!(queue.count(doc! { "cancelRequestedAt": { "$exists": true } }).await, 4);
}
