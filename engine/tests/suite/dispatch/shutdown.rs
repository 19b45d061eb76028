//! No more claims, and nothing left behind.

use durabl_engine::{ErrorKind, RunVerdict};

use super::*;
use crate::support::{fail_point::FailPoint, let_pass};

const GENEROUS: Duration = Duration::from_secs(20);

fn is_claim(command: &RawDocument) -> bool {
    command.get_str("findAndModify").is_ok()
}

#[tokio::test]
async fn a_quiesced_processor_claims_no_more_and_its_runs_go_on() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([pending("running", "t")]).await;
    let processor = opened.process("t", 5);
    let job = opened.recorder.next_job().await;
    opened.engine.quiesce(&[processor, 77]);
    opened.engine.quiesce(&[processor]);
    let elsewhere = queue.engine();
    elsewhere.process_with("t", |config| {
        config.concurrency = 20;
        config.poll_interval = Some(Duration::from_millis(20));
    });
    for _ in 0..20 {
        opened.engine.enqueue(Job::of("t").into()).await.expect("enqueued");
    }
    delivered(&elsewhere, 20).await;
    assert!(opened.recorder.ready_job().await.is_none());
    opened.finish(job.run_id, Verdict::Complete);
    assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(Settled::Completed));
}

#[tokio::test]
async fn a_claim_on_its_way_when_its_processor_was_stopped_is_given_back() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    queue.insert([pending("job", "t")]).await;
    let held = proxy.hold_reply_if(is_claim);
    let processor = opened.process("t", 1);
    held.has_come().await;
    opened.engine.quiesce(&[processor]);
    drop(held);
    eventually("the job to be given back", async || {
        (queue.count(doc! { "status": "pending", "attempt": 0 }).await == 1).then_some(())
    })
    .await;
    assert!(opened.recorder.ready_job().await.is_none());
}

#[tokio::test]
async fn a_shutdown_gives_unfinished_jobs_back_with_their_attempts() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert(many(30, "t")).await;
    opened.process_with("t", |config| {
        config.concurrency = 10;
        config.prefetch = Some(10);
    });
    let jobs = delivered(&opened, 20).await;
    opened.finish(jobs[0].run_id, Verdict::Complete);
    opened.engine.shutdown(GENEROUS).await;
    assert_eq!(queue.status(jobs[0].id()).await, "completed");
    assert_eq!(queue.count(doc! { "status": "pending", "attempt": 0 }).await, 29);
    assert_eq!(queue.count(doc! { "claimToken": { "$exists": true }, "status": "pending" }).await, 0);
}

#[tokio::test]
async fn a_shutdown_waits_for_verdicts_on_their_way() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    queue.insert([pending("job", "t")]).await;
    opened.process("t", 1);
    let job = opened.recorder.next_job().await;
    let held = proxy.hold_if(|command| command.get_str("update").is_ok());
    opened.finish(job.run_id, Verdict::Complete);
    held.has_come().await;
    let ending = tokio::spawn({
        let engine = opened.engine.clone();
        async move { engine.shutdown(GENEROUS).await }
    });
    let_pass(Duration::from_millis(50), "the shutdown must not end").await;
    assert!(!ending.is_finished());
    drop(held);
    ending.await.expect("it ends");
    assert_eq!(queue.status("job").await, "completed");
}

/// After the shutdown no listener hears events.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shutdown_waits_until_its_verdicts_are_told_of() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([pending("job", "t")]).await;
    opened.process("t", 1);
    let job = opened.recorder.next_job().await;
    opened.recorder.hold_outcomes(true);
    opened.finish(job.run_id, Verdict::Complete);
    opened.recorder.outcomes_have_come().await;
    let ending = tokio::spawn({
        let engine = opened.engine.clone();
        async move { engine.shutdown(GENEROUS).await }
    });
    let_pass(Duration::from_millis(50), "the shutdown must not end").await;
    let was_first = ending.is_finished();
    opened.recorder.hold_outcomes(false);
    ending.await.expect("it ends");
    assert!(!was_first);
    assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(Settled::Completed));
}

/// Queues share an engine: who did not ask for its shutdown must not let handlers go on with jobs that run elsewhere.
#[tokio::test]
async fn a_shutdown_tells_of_the_runs_whose_jobs_it_gives_back_and_answers_no_verdict_after_it() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert(many(2, "t")).await;
    opened.process("t", 2);
    let jobs = delivered(&opened, 2).await;
    opened.engine.shutdown(GENEROUS).await;
    let mut taken_back = opened
        .recorder
        .event("runs to be taken back", |event| match event {
            Event::TakenBack(run_ids) => Some(run_ids.clone()),
            _ => None,
        })
        .await;
    taken_back.sort_unstable();
    assert_eq!(taken_back, jobs.iter().map(|job| job.run_id).collect::<Vec<_>>());
    let late = RunVerdict {
        run_id: jobs[0].run_id,
        verdict: Verdict::Complete,
        reason: None,
        details: durabl_engine::Details::default(),
        frees_slot: true,
        elapsed: None,
    };
    assert!(!opened.engine.finish([late]), "nobody may wait for an answer");
    assert_eq!(queue.count(doc! { "status": "pending", "attempt": 0 }).await, 2);
}

#[tokio::test]
async fn verdicts_that_a_shutdown_does_not_wait_for_are_answered() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    queue.insert(many(2, "t")).await;
    opened.process("t", 2);
    let jobs = delivered(&opened, 2).await;
    proxy.freeze();
    opened.finish(jobs[0].run_id, Verdict::Complete);
    opened.settle_and_work_on(jobs[1].run_id, Verdict::Complete);
    opened.engine.shutdown(Duration::from_millis(300)).await;
    for job in &jobs {
        let outcome = opened.recorder.outcome(job.run_id).await;
        assert_eq!(outcome.map_err(|error| error.kind()), Err(ErrorKind::ShutDown));
    }
    assert_eq!(opened.recorder.lost_leases(), [jobs[1].run_id], "its handler is at work without a lease");
    proxy.come_back();
}

#[tokio::test]
async fn a_claim_whose_reply_was_lost_is_given_back_though_no_look_worked_before_the_shutdown() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    queue.insert([pending("job", "t")]).await;
    proxy.lose_reply_if(is_claim);
    // Not tried again on the spot.
    let refusing = FailPoint::set(&opened, &["find"], 1_000, doc! { "errorCode": 13 }).await;
    let processor = opened.process("t", 1);
    // The side collection can't be read either, which is another warning.
    let warning = |event: &Event| match event {
        Event::Log { level: LogLevel::Warn, message, .. } => !message.contains("side collection"),
        _ => false,
    };
    opened.recorder.event("word of the claim that failed", |event| warning(event).then_some(())).await;
    assert_eq!(queue.status("job").await, "active");
    opened.engine.quiesce(&[processor]);
    drop(refusing);
    opened.engine.shutdown(GENEROUS).await;
    assert_eq!(queue.count(doc! { "status": "pending", "attempt": 0 }).await, 1);
}

#[tokio::test]
async fn a_shutdown_right_after_the_start_waits_for_nothing() {
    let (_queue, opened) = TestQueue::start().await;
    opened.process("t", 1);
    opened.process("u", 1);
    let began = Instant::now();
    opened.engine.shutdown(GENEROUS).await;
    assert!(began.elapsed() < GENEROUS / 4, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_second_shutdown_is_harmless_and_everything_else_is_refused() {
    let (_queue, opened) = TestQueue::start().await;
    opened.process("t", 1);
    tokio::join!(opened.engine.shutdown(GENEROUS), opened.engine.shutdown(GENEROUS));
    let began = Instant::now();
    opened.engine.shutdown(GENEROUS).await;
    assert!(began.elapsed() < GENEROUS / 4, "{:?}", began.elapsed());
    let kind = |error: durabl_engine::Error| error.kind();
    let refused = Err(ErrorKind::ShutDown);
    assert_eq!(opened.engine.enqueue(Job::of("t").into()).await.map_err(kind), refused.map(|()| None));
    assert_eq!(opened.engine.has_outstanding("t", "k").await.map_err(kind), refused.map(|()| false));
}

#[tokio::test]
async fn a_shutdown_is_bounded_though_the_server_is_frozen() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    queue.insert(many(10, "t")).await;
    opened.process("t", 5);
    opened.process("u", 1);
    delivered(&opened, 5).await;
    proxy.freeze();
    let timeout = Duration::from_millis(500);
    let began = Instant::now();
    opened.engine.shutdown(timeout).await;
    let took = began.elapsed();
    assert!(took < timeout + Duration::from_secs(1), "{took:?}");
    proxy.come_back();
}

#[tokio::test]
async fn a_shutdown_before_the_server_was_ever_reached_waits_for_nothing() {
    let queue = TestQueue::bare().await;
    let proxy = Proxy::start().await;
    proxy.go_down();
    let opened = proxy.engine(&queue);
    opened.process("t", 1);
    opened.engine.start_recovery(Duration::from_secs(300));
    let began = Instant::now();
    opened.engine.shutdown(Duration::from_secs(2)).await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_engine_that_was_dropped_claims_nothing_more() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([pending("first", "t")]).await;
    opened.process_with("t", |config| {
        config.concurrency = 5;
        config.poll_interval = Some(Duration::from_millis(20));
        config.visibility_timeout = Duration::from_secs(1);
    });
    let recorder = opened.recorder.clone();
    recorder.next_job().await;
    drop(opened);
    let elsewhere = queue.engine();
    elsewhere.process_with("t", |config| {
        config.concurrency = 50;
        config.poll_interval = Some(Duration::from_millis(200));
    });
    // The slower of two workers gets them all only if the other has gone.
    for round in 0..4 {
        queue.insert((0..10).map(|number| pending(&format!("{round}-{number}"), "t"))).await;
        delivered(&elsewhere, 10).await;
    }
    assert!(recorder.ready_job().await.is_none());
    eventually("the lease that it had to end", async || {
        let sweep = elsewhere.engine.recover_stuck_jobs(GENEROUS, 100).await;
        (sweep.expect("the server answers").handled == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn two_engines_on_one_collection_end_apart() {
    let (queue, first) = TestQueue::start().await;
    let second = queue.engine_with(|settings| settings.app_name = Some(first.app_name.clone()), |_| {});
    first.process("a", 1);
    second.process("b", 1);
    first.engine.shutdown(GENEROUS).await;
    second.engine.enqueue(Job::of("b").into()).await.expect("enqueued");
    let job = second.recorder.next_job().await;
    second.finish(job.run_id, Verdict::Complete);
    assert_eq!(second.recorder.outcome(job.run_id).await, Ok(Settled::Completed));
    let now = DateTime::now();
    assert!(
        queue.count(doc! { "completedAt": { "$lte": moment(60_000), "$gte": moment(-60_000) } }).await == 1,
        "{now}"
    );
}
