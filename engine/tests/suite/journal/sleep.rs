//! Jobs that park: pending until they wake, with their attempts, and left alone until then.

use std::time::Duration;

use durabl_engine::{Cancelled, Change, Details, Due, Settled, Steered, Verdict};
use mongodb::bson::{DateTime, doc};

use crate::support::{Opened, TestQueue, active, documents::moment, proxy::Proxy};

fn sleeping(until: DateTime) -> Details {
    Details { parked_until: Some(until), delay: Some(Duration::from_secs(60)), ..Details::default() }
}

async fn park(opened: &Opened, id: &str, until: DateTime) -> Settled {
    let details = sleeping(until);
    let parked = opened.engine.settle_with(id, Some("token"), Verdict::Release, None, details).await;
    parked.expect("the server answers")
}

async fn parked() -> (TestQueue, Opened, DateTime) {
    let (queue, opened) = TestQueue::start().await;
    let mut job = active("a", "t", "token");
    job.extend(doc! { "expiresAt": moment(1_000), "lease": { "token": "token" } });
    queue.insert([job]).await;
    let until = moment(3_600_000);
    assert!(matches!(park(&opened, "a", until).await, Settled::Deferred(_)));
    (queue, opened, until)
}

#[tokio::test]
async fn a_parked_job_waits_for_its_moment_and_bears_no_trace_of_its_claim() {
    let (queue, opened, until) = parked().await;
    let job = queue.job("a").await;
    assert_eq!((job.get_str("status").ok(), job.get_i32("attempt").ok()), (Some("pending"), Some(0)));
    assert_eq!(job.get_datetime("runAt").ok(), Some(&until));
    assert_eq!(job.get_document("parked").ok(), Some(&doc! { "kind": "sleep", "until": until }));
    for field in ["claimToken", "claimedAt", "lease", "expiresAt"] {
        assert!(job.get(field).is_none(), "{field}");
    }
    assert!(opened.engine.claim_next("t").await.expect("the server answers").is_none());
    assert_eq!(park(&opened, "a", moment(0)).await, Settled::LeaseLost);
}

#[tokio::test]
async fn promote_and_reschedule_leave_it_alone_while_it_is_parked_and_only_then() {
    let (queue, opened, until) = parked().await;
    let later = Change::Reschedule { due: Some(Due::After(5)), priority: None };
    let prior = Change::Reschedule { due: None, priority: Some(-1) };
    let wrong = Steered::WrongStatus(durabl_engine::Status::Pending);
    for change in [Change::Promote, later.clone(), prior] {
        assert_eq!(opened.engine.steer("a", &change).await, Ok(wrong.clone()));
        assert_eq!(opened.engine.steer_each(&["a".to_owned()], &change, None).await, Ok(0));
    }
    let job = queue.job("a").await;
    assert_eq!((job.get_datetime("runAt").ok(), job.get_i32("priority").ok()), (Some(&until), Some(0)));
    // It woke, and has failed since: it waits for a retry now, and its mark means nothing.
    let retried = doc! { "$set": { "runAt": moment(60_000), "attempt": 1 } };
    queue.jobs().update_one(doc! { "_id": "a" }, retried).await.expect("it can be changed");
    assert_eq!(opened.engine.steer("a", &Change::Promote).await, Ok(Steered::Done));
}

#[tokio::test]
async fn a_cancelled_parked_job_ends_at_once_and_a_job_with_a_request_does_not_park() {
    let (queue, opened, _) = parked().await;
    assert_eq!(opened.engine.cancel(&["a".to_owned()], None).await, Ok(vec![Cancelled::Cancelled]));
    assert_eq!(queue.status("a").await, "failed");
    queue.insert([active("b", "t", "token")]).await;
    opened.engine.cancel(&["b".to_owned()], None).await.expect("the server answers");
    assert_eq!(park(&opened, "b", moment(60_000)).await, Settled::Cancelled);
    assert_eq!(queue.status("b").await, "failed");
}

#[tokio::test]
async fn it_wakes_on_time_in_this_process_and_in_others() {
    let (queue, opened) = TestQueue::start().await;
    let other = queue.engine();
    for engine in [&opened, &other] {
        engine.process("t", 1);
    }
    queue.insert([active("a", "t", "token")]).await;
    let until = moment(700);
    park(&opened, "a", until).await;
    let job = tokio::select! {
        job = opened.recorder.next_job() => job,
        job = other.recorder.next_job() => job,
    };
    let late = DateTime::now().timestamp_millis() - until.timestamp_millis();
    assert!((0..2_000).contains(&late), "{late} ms");
    assert_eq!(queue.job("a").await.get_i32("attempt").ok(), Some(1));
    drop(job);
}

#[tokio::test]
async fn a_lost_reply_parks_it_once() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    opened.engine.stats(None).await.expect("the server answers");
    let mut job = active("a", "t", "token");
    job.insert("attempt", 2);
    queue.insert([job]).await;
    proxy.lose_reply_to("update");
    assert!(matches!(park(&opened, "a", moment(60_000)).await, Settled::Deferred(_)));
    assert_eq!((proxy.lost(), queue.job("a").await.get_i32("attempt").ok()), (1, Some(1)));
}
