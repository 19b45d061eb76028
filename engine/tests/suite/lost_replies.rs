//! The server did what it was asked, and its reply was lost on the way. No caller may hear anything else, and nothing may
//! happen twice.

mod late_tries;
mod verdicts;

use std::{collections::HashSet, time::Duration};

use durabl_engine::{Cancelled, Change, Due, HandedOff, ProcessorConfig, Settled, Status, Verdict};
use mongodb::bson::{Bson, Document, RawDocument, doc};

use crate::support::{
    Job, Opened, TestQueue, active, documents::moment, pending, proxy::Proxy, waiting::eventually,
};

async fn start() -> (TestQueue, Proxy, Opened) {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    // The connection is made, and the clock read, before any reply is lost.
    opened.engine.stats(None).await.expect("the server answers");
    (queue, proxy, opened)
}

/// Whether a command is an update that gives jobs this status.
fn writes(command: &RawDocument, status: &str) -> bool {
    let Ok(command) = Document::try_from(command) else { return false };
    let Ok(updates) = command.get_array("updates") else { return false };
    let stages = updates.iter().filter_map(|update| update.as_document()?.get_array("u").ok()).flatten();
    let mut set = stages.filter_map(|stage| stage.as_document()?.get_document("$set").ok());
    set.any(|set| set.get_str("status").ok() == Some(status))
}

#[tokio::test]
async fn a_job_enqueued_with_its_reply_lost_is_there_once_and_its_id_is_told() {
    let (queue, proxy, opened) = start().await;
    proxy.lose_reply_to("insert");
    let id = opened.engine.enqueue(Job::of("t").into()).await.expect("enqueued").expect("a new job");
    assert_eq!(proxy.lost(), 1);
    assert_eq!(queue.count(doc! {}).await, 1);
    assert_eq!(queue.status(&id).await, "pending");
}

#[tokio::test]
async fn a_job_with_a_key_enqueued_with_its_reply_lost_is_not_taken_for_anothers() {
    let (queue, proxy, opened) = start().await;
    for (number, job) in
        [Job::of("t").exclusive("k"), Job::of("t").single_flight("k")].into_iter().enumerate()
    {
        proxy.lose_reply_to("insert");
        let id = opened.engine.enqueue(job.clone().into()).await.expect("enqueued").expect("a new job");
        assert_eq!(queue.status(&id).await, "pending");
        // And what is another's still is.
        proxy.lose_reply_to("insert");
        assert_eq!(opened.engine.enqueue(job.into()).await, Ok(None));
        assert_eq!(proxy.lost(), 2 * (number + 1));
    }
    assert_eq!(queue.count(doc! {}).await, 2);
}

#[tokio::test]
async fn a_job_with_an_id_of_its_callers_is_known_by_its_time_when_its_reply_is_lost() {
    let (queue, proxy, opened) = start().await;
    let named = |id: &str| Job::of("t").id(id);
    proxy.lose_reply_to("insert");
    assert_eq!(opened.engine.enqueue(named("own").into()).await, Ok(Some("own".to_owned())));
    // And what is another's still is, by whatever way it is made.
    queue.insert([pending("taken", "t")]).await;
    proxy.lose_reply_to("insert");
    assert_eq!(opened.engine.enqueue(named("taken").into()).await, Ok(None));
    proxy.lose_reply_to("insert");
    assert!(opened.engine.claim_or_enqueue(named("taken").into()).await.expect("an answer").is_none());
    proxy.lose_reply_to("insert");
    let claimed = opened.engine.claim_or_enqueue(named("mine").into()).await.expect("an answer");
    assert_eq!(claimed.expect("it is ours").id(), "mine");
    assert_eq!(proxy.lost(), 4);
    // Of two that travel together the first is made.
    proxy.lose_reply_to("insert");
    let both = vec![named("both").into(), named("both").into()];
    let fates = opened.engine.enqueue_many(both).await.expect("outcomes");
    let made: Vec<_> = fates.into_iter().map(|fate| fate.expect("no failure").created()).collect();
    assert_eq!(made, [Some("both".to_owned()), None]);
    assert_eq!(queue.count(doc! {}).await, 4);
}

#[tokio::test]
async fn a_key_that_is_kept_is_not_taken_for_anothers_when_replies_are_lost() {
    let (queue, proxy, opened) = start().await;
    let lasting = |ms: i64| Job::of("t").exclusive("k").dedupe_for_ms(ms);
    proxy.lose_reply_to("insert");
    let id = opened.engine.enqueue(lasting(60_000).into()).await.expect("enqueued").expect("a new job");
    proxy.lose_reply_to("insert");
    assert_eq!(opened.engine.enqueue(lasting(60_000).into()).await, Ok(None));
    let passed = doc! { "$set": { "status": "completed", "dedupeUntil": moment(-1_000) } };
    queue.jobs().update_one(doc! { "_id": &id }, passed).await.expect("it can be changed");
    // The write that lets go of the key, then the job itself.
    proxy.lose_reply_to("update");
    proxy.lose_reply_to("insert");
    let next = opened.engine.enqueue(lasting(60_000).into()).await.expect("enqueued").expect("a new job");
    assert_ne!(next, id);
    assert_eq!(queue.count(doc! { "dedupeUntil": { "$exists": true } }).await, 1);
    assert_eq!(queue.count(doc! {}).await, 2);
}

#[tokio::test]
async fn a_job_that_ran_before_its_lost_reply_was_looked_up_is_not_made_again() {
    let (queue, proxy, opened) = start().await;
    let elsewhere = queue.engine();
    elsewhere.process_with("t", |config| config.poll_interval = Some(Duration::from_millis(10)));
    // The reply to the first look-up is lost as well: time enough for somebody to run the job.
    proxy.lose_reply_to("insert");
    proxy.lose_reply_to("insert");
    let worker = tokio::spawn(async move {
        let job = elsewhere.recorder.next_job().await;
        elsewhere.finish(job.run_id, Verdict::Complete);
        elsewhere.recorder.outcome(job.run_id).await
    });
    let id = opened
        .engine
        .enqueue(Job::of("t").exclusive("k").into())
        .await
        .expect("enqueued")
        .expect("a new job");
    assert_eq!(worker.await.expect("it runs"), Ok(Settled::Completed));
    assert_eq!(proxy.lost(), 2);
    assert_eq!((queue.count(doc! {}).await, queue.status(&id).await), (1, "completed".to_owned()));
}

#[tokio::test]
async fn many_jobs_enqueued_at_once_with_their_reply_lost_are_each_there_once() {
    let (queue, proxy, opened) = start().await;
    proxy.lose_reply_to("insert");
    proxy.lose_reply_to("insert");
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..200 {
        let engine = opened.engine.clone();
        let job = if number % 2 == 0 { Job::of("t") } else { Job::of("t").exclusive(&format!("k{number}")) };
        calls.spawn(async move { engine.enqueue(job.into()).await.expect("enqueued").expect("a new job") });
    }
    let ids: HashSet<String> = calls.join_all().await.into_iter().collect();
    assert_eq!((ids.len(), queue.count(doc! {}).await), (200, 200));
    assert_eq!(proxy.lost(), 2);
}

#[tokio::test]
async fn a_job_coalesced_with_its_reply_lost_carries_the_newest_data() {
    let (queue, proxy, opened) = start().await;
    let job = |data: &str| Job::of("t").single_flight("k").coalesce().data(data);
    let id = opened.engine.enqueue(job("old").into()).await.expect("enqueued").expect("a new job");
    proxy.lose_reply_to("update");
    assert_eq!(opened.engine.enqueue(job("new").into()).await, Ok(None));
    proxy.lose_reply_to("update");
    assert!(opened.engine.claim_or_enqueue(job("newest").into()).await.expect("held").is_none());
    assert_eq!(proxy.lost(), 2);
    assert_eq!(queue.job(&id).await.get_str("data").ok(), Some("newest"));
    assert_eq!(queue.count(doc! {}).await, 1);
}

#[tokio::test]
async fn a_job_created_and_claimed_with_its_reply_lost_is_the_callers() {
    let (queue, proxy, opened) = start().await;
    for job in [Job::of("t"), Job::of("t").exclusive("k"), Job::of("t").single_flight("k")] {
        proxy.lose_reply_to("insert");
        let claimed =
            opened.engine.claim_or_enqueue(job.into()).await.expect("the server answers").expect("ours");
        let stored = queue.job(&claimed.id()).await;
        assert_eq!(stored.get_str("claimToken").ok(), claimed.token());
        let completed = opened.engine.settle(&claimed.id(), claimed.token(), Verdict::Complete, None).await;
        assert_eq!(completed, Ok(Settled::Completed));
    }
    assert_eq!((proxy.lost(), queue.count(doc! {}).await), (3, 3));
}

#[tokio::test]
async fn every_look_of_claim_or_enqueue_may_lose_its_reply() {
    let (queue, proxy, opened) = start().await;
    let job = || Job::of("t").single_flight("k");
    for expected in [(1, 0), (1, 1), (1, 1)] {
        proxy.lose_reply_to("find");
        proxy.lose_reply_to("insert");
        opened.engine.claim_or_enqueue(job().into()).await.expect("the server answers");
        let count = async |status: &str| queue.count(doc! { "status": status }).await;
        assert_eq!((count("active").await, count("pending").await), expected);
    }
    assert!(proxy.lost() >= 5);
}

#[tokio::test]
async fn a_claim_with_its_reply_lost_is_the_callers() {
    let (queue, proxy, opened) = start().await;
    queue.insert((0..3).map(|number| pending(&format!("job-{number}"), "t"))).await;
    proxy.lose_reply_to("findAndModify");
    // And the one to the look at what came of it.
    proxy.lose_reply_to("find");
    let claimed = opened.engine.claim_next("t").await.expect("the server answers").expect("a job");
    assert_eq!(claimed.id(), "job-0");
    assert_eq!(queue.job("job-0").await.get_str("claimToken").ok(), claimed.token());
    assert_eq!(queue.count(doc! { "status": "active" }).await, 1);
    assert_eq!(proxy.lost(), 2);
}

#[tokio::test]
async fn a_claim_that_the_driver_repeats_takes_one_job() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine_with(&queue, |_| {});
    queue.insert((0..3).map(|number| pending(&format!("job-{number}"), "t"))).await;
    proxy.lose_reply_to("findAndModify");
    let claimed = opened.engine.claim_next("t").await.expect("the server answers").expect("a job");
    assert_eq!(queue.job(&claimed.id()).await.get_str("claimToken").ok(), claimed.token());
    assert_eq!(queue.count(doc! { "status": "active" }).await, 1);
    assert_eq!(proxy.lost(), 1);
}

#[tokio::test]
async fn a_claim_by_key_with_its_reply_lost_is_the_callers() {
    let (queue, proxy, opened) = start().await;
    let mut job = pending("job", "t");
    job.extend(doc! { "dedupeKey": "k", "dedupeScope": "pending" });
    queue.insert([job]).await;
    proxy.lose_reply_to("findAndModify");
    let claimed = opened.engine.claim_next_by_key("t", "k").await.expect("the server answers");
    assert_eq!(claimed.map(|job| job.id()), Some("job".to_owned()));
    assert_eq!(proxy.lost(), 1);
}

#[tokio::test]
async fn a_batch_claimed_with_its_reply_lost_is_delivered_once() {
    let (queue, proxy, opened) = start().await;
    let jobs = (0..20).map(|number| {
        let mut job = pending(&format!("job-{number:02}"), "t");
        if number % 3 == 0 {
            job.extend(doc! { "dedupeKey": format!("k{number}"), "dedupeScope": "pending" });
        }
        job
    });
    queue.insert(jobs).await;
    proxy.lose_reply_if(|command| writes(command, "active"));
    opened.process("t", 20);
    let mut delivered = HashSet::new();
    for _ in 0..20 {
        let job = opened.recorder.next_job().await;
        delivered.insert(job.id().to_owned());
        opened.finish(job.run_id, Verdict::Complete);
        assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(Settled::Completed));
    }
    assert_eq!((delivered.len(), proxy.lost()), (20, 1));
    assert_eq!(queue.count(doc! { "status": "completed", "attempt": 1 }).await, 20);
}

#[tokio::test]
async fn a_batch_whose_reading_back_was_lost_is_delivered_once() {
    let (queue, proxy, opened) = start().await;
    queue.insert((0..10).map(|number| pending(&format!("job-{number}"), "t"))).await;
    for _ in 0..2 {
        proxy.lose_reply_if(|command| {
            let filter = command.get_document("filter");
            command.get_str("find").is_ok() && filter.is_ok_and(|filter| filter.get_str("claimToken").is_ok())
        });
    }
    opened.process("t", 10);
    let mut delivered = HashSet::new();
    for _ in 0..10 {
        delivered.insert(opened.recorder.next_job().await.id().to_owned());
    }
    assert_eq!((delivered.len(), proxy.lost()), (10, 2));
    assert_eq!(queue.count(doc! { "status": "active", "attempt": 1 }).await, 10);
}

#[tokio::test]
async fn a_heartbeat_with_its_reply_lost_loses_no_lease() {
    let (queue, proxy, opened) = start().await;
    queue.insert([active("job", "t", "token")]).await;
    proxy.lose_reply_to("update");
    assert_eq!(opened.engine.heartbeat("job", Some("token")).await, Ok(true));
    proxy.lose_reply_to("update");
    let adopted = opened.engine.adopt("job", "token", Duration::from_secs(300)).await;
    assert!(matches!(adopted, Ok(Some(_))), "{adopted:?}");
    assert_eq!(proxy.lost(), 2);
}

#[tokio::test]
async fn a_sweep_with_its_reply_lost_recovers_each_job_once() {
    let (queue, proxy, opened) = start().await;
    let stuck = (0..10).map(|number| {
        let mut job = active(&format!("job-{number}"), "t", "token");
        job.insert("claimedAt", Bson::Null);
        job
    });
    queue.insert(stuck).await;
    proxy.lose_reply_if(|command| writes(command, "pending"));
    opened.engine.recover_stuck_jobs(Duration::from_secs(60), 100).await.expect("the server answers");
    assert_eq!(proxy.lost(), 1);
    assert_eq!(queue.count(doc! { "status": "pending", "attempt": 1 }).await, 10);
}

#[tokio::test]
async fn a_job_cancelled_with_the_reply_lost_was_cancelled_by_this_call() {
    let (queue, proxy, opened) = start().await;
    queue.insert([pending("a", "t"), active("b", "t", "token")]).await;
    proxy.lose_reply_to("update");
    let ids = ["a".to_owned(), "b".to_owned()];
    let outcomes = opened.engine.cancel(&ids, None).await.expect("the server answers");
    assert_eq!(proxy.lost(), 1);
    assert_eq!(outcomes, [Cancelled::Cancelled, Cancelled::Requested]);
    assert_eq!(queue.job("a").await.get_str("ending").ok(), Some("cancelled"));
}

/// The driver sends a command again whose reply was lost; the second loss reaches durabl.
fn lose_two_replies_to(proxy: &Proxy, command: &'static str) {
    proxy.lose_reply_to(command);
    proxy.lose_reply_to(command);
}

#[tokio::test]
async fn a_pause_and_its_end_with_their_replies_lost_were_made_by_these_calls() {
    let (_queue, proxy, opened) = start().await;
    proxy.want_side();
    for expected in [true, false] {
        lose_two_replies_to(&proxy, "findAndModify");
        assert_eq!(opened.engine.pause_type("t", None).await, Ok(expected));
    }
    for expected in [true, false] {
        lose_two_replies_to(&proxy, "findAndModify");
        assert_eq!(opened.engine.resume_type("t").await, Ok(expected));
    }
    assert_eq!(proxy.lost(), 8);
}

#[tokio::test]
async fn many_jobs_that_are_rescheduled_with_the_reply_lost_count_once() {
    let (queue, proxy, opened) = start().await;
    queue.insert([pending("a", "t"), pending("b", "t"), active("c", "t", "token")]).await;
    lose_two_replies_to(&proxy, "update");
    let ids = ["a", "b", "c"].map(str::to_owned);
    let change = Change::Reschedule { due: Some(Due::After(60_000)), priority: None };
    assert_eq!(opened.engine.steer_each(&ids, &change, Some(Status::Pending)).await, Ok(2));
    assert_eq!(proxy.lost(), 2);
}

/// An engine with a processor that is handed what is made.
async fn idle_processor(proxy: &Proxy, queue: &TestQueue) -> Opened {
    let opened = proxy.engine(queue);
    opened.engine.stats(None).await.expect("the server answers");
    opened.engine.process(ProcessorConfig {
        job_type: "t".to_owned(),
        // More than are made here: none of them ends.
        concurrency: 1000,
        poll_interval: Some(Duration::from_secs(60)),
        heartbeat_interval: None,
        visibility_timeout: Duration::from_secs(300),
        prefetch: Some(0),
    });
    // Dropped, they are given back.
    drop(handed_off(&opened).await);
    opened
}

/// Makes jobs until one of them is handed off.
async fn handed_off(opened: &Opened) -> HandedOff {
    eventually("a job is handed off", async || {
        let made = opened.engine.enqueue_or_start(vec![Job::of("t").into()]).await;
        let (fates, jobs) = made.expect("the server answers");
        assert!(fates.iter().all(Result::is_ok), "{fates:?}");
        jobs.into_iter().next()
    })
    .await
}

#[tokio::test]
async fn a_job_that_is_handed_off_with_its_reply_lost_is_there_once_and_starts_once() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = idle_processor(&proxy, &queue).await;
    let lost = proxy.lost();
    proxy.lose_reply_to("insert");
    let (_, _, document) = handed_off(&opened).await.into_parts();
    assert_eq!(proxy.lost(), lost + 1);
    let id = document.get_str("_id").expect("an id");
    assert_eq!(queue.status(id).await, "active");
    assert_eq!(queue.count(doc! { "_id": id }).await, 1);
    assert_eq!(queue.job(id).await.get_i32("attempt").expect("an attempt"), 1);
}

#[tokio::test]
async fn a_job_that_is_handed_off_to_no_processor_is_given_back_with_its_attempt() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = idle_processor(&proxy, &queue).await;
    // Given back, it is due: the processor claims it, as any other.
    drop(handed_off(&opened).await);
    eventually("all are claimed", async || {
        (queue.count(doc! { "status": "pending" }).await == 0).then_some(())
    })
    .await;
    assert_eq!(queue.count(doc! { "attempt": { "$gt": 1 } }).await, 0);
}
