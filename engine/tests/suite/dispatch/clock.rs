//! The engine has a wrong idea of the server's clock: the clock was set, or is another server's by now.

use super::*;

/// No poll comes within a test: a job that no wake-up starts is not started at all.
const LONG_POLL: Duration = Duration::from_secs(600);

/// An idle worker with push. Every request for the server's time gets this error.
async fn start(ms: i64) -> (TestQueue, Proxy, Opened) {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    proxy.set_clock_ahead(ms);
    let opened = proxy.engine_with_push(&queue);
    opened.engine.startup().await.expect("the server can be worked with");
    opened.process_with("t", |config| config.poll_interval = Some(LONG_POLL));
    opened.engine.enqueue(Job::of("t").into()).await.expect("enqueued");
    finish_next(&opened).await;
    (queue, proxy, opened)
}

async fn finish_next(opened: &Opened) -> Document {
    let job = opened.recorder.next_job().await;
    opened.finish(job.run_id, Verdict::Complete);
    opened.recorder.outcome(job.run_id).await.expect("the server answers");
    job.document
}

#[tokio::test]
async fn jobs_start_though_the_servers_clock_is_behind_what_was_read() {
    let (_queue, _proxy, opened) = start(100).await;
    for delay in [0, 0, 50, 0, 150, 300] {
        opened.engine.enqueue(Job::of("t").delay_ms(delay).into()).await.expect("enqueued");
        let job = finish_next(&opened).await;
        let time = |field: &str| *job.get_datetime(field).expect("a time");
        assert!(time("claimedAt") >= time("runAt"), "{job}");
    }
}

#[tokio::test]
async fn jobs_start_though_the_servers_clock_is_ahead_of_what_was_read() {
    let (_queue, _proxy, opened) = start(-3_000).await;
    for delay in [0, 50, 0, 3_100] {
        opened.engine.enqueue(Job::of("t").delay_ms(delay).into()).await.expect("enqueued");
        finish_next(&opened).await;
    }
}

#[tokio::test]
async fn a_later_job_starts_though_an_earlier_one_is_blocked_and_just_became_due() {
    let (queue, _proxy, opened) = start(100).await;
    let keyed = |mut job: Document| {
        job.extend(doc! { "dedupeKey": "k", "dedupeScope": "pending" });
        job
    };
    let mut blocked = keyed(pending("blocked", "t"));
    blocked.insert("runAt", moment(-500));
    queue.insert([keyed(active("running", "t", "token")), blocked]).await;
    for _ in 0..3 {
        opened.engine.enqueue(Job::of("t").delay_ms(200).into()).await.expect("enqueued");
        finish_next(&opened).await;
    }
}
