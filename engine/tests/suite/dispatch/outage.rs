//! The server goes away and comes back.

use super::*;
use crate::support::{fail_point::FailPoint, let_pass, line};

async fn through_a_proxy(queue: &TestQueue) -> (Proxy, Opened) {
    let proxy = Proxy::start().await;
    let opened = proxy.engine_with(queue, |settings| {
        settings.server_selection_timeout_ms = Some(200);
        settings.heartbeat_frequency_ms = Some(500);
    });
    (proxy, opened)
}

fn logged(opened: &Opened, wanted: LogLevel) -> Vec<String> {
    let message = |event: &Event| match event {
        Event::Log { level, message, .. } if *level == wanted => Some(message.clone()),
        _ => None,
    };
    opened.recorder.events().iter().filter_map(message).collect()
}

#[tokio::test]
async fn a_worker_goes_on_after_an_outage_and_tells_its_story_once() {
    let (queue, _direct) = TestQueue::start().await;
    let (proxy, opened) = through_a_proxy(&queue).await;
    // The first connection may take longer than it is waited for, which would be another story.
    eventually("the first connection", async || opened.engine.stats(None).await.ok()).await;
    opened.process_with("t", |config| {
        config.poll_interval = Some(Duration::from_millis(100));
        // Half of it is how long one claim is tried for.
        config.visibility_timeout = Duration::from_millis(500);
    });
    queue.insert([pending("before", "t")]).await;
    let job = opened.recorder.next_job().await;
    opened.finish(job.run_id, Verdict::Complete);
    opened.recorder.outcome(job.run_id).await.expect("the server answers");
    proxy.go_down();
    let error = |event: &Event| matches!(event, Event::Log { level: LogLevel::Error, .. }).then_some(());
    opened.recorder.event("the error that tells of a lasting outage", error).await;
    queue.insert([pending("meanwhile", "t")]).await;
    proxy.come_back();
    let job = opened.recorder.next_job().await;
    assert_eq!(job.id(), "meanwhile");
    opened.finish(job.run_id, Verdict::Complete);
    assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(Settled::Completed));
    let info = |event: &Event| matches!(event, Event::Log { level: LogLevel::Info, .. }).then_some(());
    opened.recorder.event("word that it is over", info).await;
    for (level, stories) in [(LogLevel::Warn, 1), (LogLevel::Error, 1), (LogLevel::Info, 1)] {
        let messages = logged(&opened, level);
        assert_eq!(messages.len(), stories, "{messages:?}");
    }
}

#[tokio::test]
async fn verdicts_given_during_an_outage_are_written_after_it() {
    let (queue, _direct) = TestQueue::start().await;
    let (proxy, opened) = through_a_proxy(&queue).await;
    queue.insert(many(10, "t")).await;
    opened.process("t", 10);
    let jobs = delivered(&opened, 10).await;
    proxy.go_down();
    for job in &jobs {
        opened.finish(job.run_id, Verdict::Complete);
    }
    let warning = |event: &Event| matches!(event, Event::Log { level: LogLevel::Warn, .. }).then_some(());
    opened.recorder.event("a warning", warning).await;
    proxy.come_back();
    for job in &jobs {
        assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(Settled::Completed));
    }
    assert!(opened.recorder.lost_leases().is_empty());
}

#[tokio::test]
async fn calls_made_during_an_outage_wait_for_its_end() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    proxy.go_down();
    let calls = tokio::spawn({
        let engine = opened.engine.clone();
        async move {
            let enqueued = engine.enqueue(Job::of("t").into());
            let created = engine.claim_or_enqueue(Job::of("u").single_flight("k").into());
            let looked = engine.has_outstanding("t", "k");
            let (enqueued, created, looked) = tokio::join!(enqueued, created, looked);
            (enqueued.map(|id| id.is_some()), created.map(|job| job.is_some()), looked.is_ok())
        }
    });
    let_pass(Duration::from_millis(100), "not a single call may be answered").await;
    assert!(!calls.is_finished());
    proxy.come_back();
    assert_eq!(calls.await.expect("they end"), (Ok(true), Ok(true), true));
    assert_eq!(queue.count(doc! {}).await, 2);
}

type Shared = std::sync::Arc<durabl_engine::Engine>;
const LONG: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn every_call_ends_though_the_server_is_frozen() {
    let (queue, _direct) = TestQueue::start().await;
    let (proxy, opened) = through_a_proxy(&queue).await;
    opened.engine.stats(None).await.expect("the server answers");
    proxy.freeze();
    let mut calls = tokio::task::JoinSet::new();
    macro_rules! call {
        ($name:literal, $call:expr) => {{
            let engine = opened.engine.clone();
            calls.spawn(async move {
                let call = $call;
                let outcome = tokio::time::timeout(Duration::from_secs(22), call(engine)).await;
                outcome.ok().is_none_or(|succeeded| succeeded).then_some($name)
            });
        }};
    }
    call!("startup", async |engine: Shared| engine.startup().await.is_ok());
    call!("enqueue", async |engine: Shared| engine.enqueue(Job::of("t").into()).await.is_ok());
    call!("claimOrEnqueue", async |engine: Shared| {
        engine.claim_or_enqueue(Job::of("t").single_flight("k").into()).await.is_ok()
    });
    call!("claimNext", async |engine: Shared| engine.claim_next("t").await.is_ok());
    call!("claimNextByKey", async |engine: Shared| engine.claim_next_by_key("t", "k").await.is_ok());
    call!("settle", async |engine: Shared| engine.settle("a", None, Verdict::Complete, None).await.is_ok());
    call!("heartbeat", async |engine: Shared| engine.heartbeat("a", None).await.is_ok());
    call!("batchHeartbeat", async |engine: Shared| engine.batch_heartbeat(&["a".to_owned()]).await.is_ok());
    call!("log", async |engine: Shared| engine.log("a", None, &line("hello")).await.is_ok());
    call!("hasOutstanding", async |engine: Shared| engine.has_outstanding("t", "k").await.is_ok());
    call!("findOne", async |engine: Shared| engine.find_one(doc! {}).await.is_ok());
    call!("stats", async |engine: Shared| engine.stats(None).await.is_ok());
    call!("recoverStuckJobs", async |engine: Shared| engine.recover_stuck_jobs(LONG, 10).await.is_ok());
    call!("cleanup", async |engine: Shared| engine.remove_old(LONG).await.is_ok());
    call!("reset", async |engine: Shared| engine.reset_storage().await.is_ok());
    call!("adopt", async |engine: Shared| engine.adopt("a", "token", LONG).await.is_ok());
    let hanging: Vec<_> = calls.join_all().await.into_iter().flatten().collect();
    assert!(hanging.is_empty(), "no end, or no failure, of {hanging:?}");
    proxy.come_back();
}

#[tokio::test]
async fn failures_now_and_then_are_no_lasting_outage() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert(many(10, "t")).await;
    opened.process("t", 1);
    for failures in 1..=8 {
        let job = opened.recorder.next_job().await;
        // One that is not tried again on the spot.
        let refusal = doc! { "errorCode": 13 };
        let _refusal = FailPoint::set(&opened, &["findAndModify", "find"], 1, refusal).await;
        opened.finish(job.run_id, Verdict::Complete);
        opened.recorder.outcome(job.run_id).await.expect("the server answers");
        let has_failed = |events: &[Event]| {
            let is_warning = |event: &&Event| matches!(event, Event::Log { level: LogLevel::Warn, .. });
            (events.iter().filter(is_warning).count() == failures).then_some(())
        };
        opened.recorder.events_until("the next failure", has_failed).await;
    }
    opened.recorder.next_job().await;
    assert_eq!(logged(&opened, LogLevel::Error), Vec::<String>::new());
}
