//! Wake-ups by the change stream, between engines that share nothing but the server.

use std::time::Duration;

use durabl_engine::{StreamState, Verdict};

use crate::support::{Job, TestQueue};

/// So long that what comes at all comes by push.
const NEVER: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn a_job_made_elsewhere_wakes_an_idle_worker_without_a_poll() {
    let (queue, enqueuer) = TestQueue::start().await;
    let worker = queue.engine_with_push();
    worker.engine.startup().await.expect("the stream opens");
    worker.process_with("t", |config| config.poll_interval = Some(NEVER));
    assert!(worker.recorder.stream_states().contains(&StreamState::Streaming));
    for _ in 0..3 {
        let id = enqueuer.engine.enqueue(Job::of("t").into()).await.expect("the server answers");
        let job = worker.recorder.next_job().await;
        assert_eq!(Some(job.id()), id.as_deref());
        worker.finish(job.run_id, Verdict::Complete);
    }
}

#[tokio::test]
async fn a_retry_scheduled_elsewhere_wakes_an_idle_worker_without_a_poll() {
    let (queue, by_hand) = TestQueue::start().await;
    let worker = queue.engine_with_push();
    worker.engine.startup().await.expect("the stream opens");
    let claimed = by_hand.engine.claim_or_enqueue(Job::of("t").into()).await.expect("the server answers");
    let claimed = claimed.expect("nothing holds it");
    worker.process_with("t", |config| config.poll_interval = Some(NEVER));
    let reason = Some("it broke".to_owned());
    let (id, token) = (claimed.id(), claimed.token());
    by_hand.engine.settle(&id, token, Verdict::Fail, reason).await.expect("the server answers");
    assert_eq!(worker.recorder.next_job().await.id(), id);
}
