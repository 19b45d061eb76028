//! Workers with nothing to do: what wakes them, and what they cost.

use super::*;
use crate::support::told::{ROUNDS, assert_told};

/// The lateness of claims by the server's clock, sorted.
fn lateness(jobs: &[Delivered]) -> Vec<i64> {
    let time =
        |job: &Delivered, field: &str| job.document.get_datetime(field).expect("a time").timestamp_millis();
    let mut late: Vec<i64> = jobs.iter().map(|job| time(job, "claimedAt") - time(job, "runAt")).collect();
    late.sort_unstable();
    late
}

async fn take_all(opened: &Opened, count: usize) -> Vec<Delivered> {
    let mut jobs = Vec::new();
    while jobs.len() < count {
        let job = opened.recorder.next_job().await;
        opened.finish(job.run_id, Verdict::Complete);
        jobs.push(job);
    }
    jobs
}

/// An engine whose idle workers look once a minute: what they find sooner, something told them of.
async fn start() -> (TestQueue, Opened) {
    let (queue, _) = TestQueue::start().await;
    let opened = queue.engine_with_push();
    opened.engine.startup().await.expect("the server can be worked with");
    (queue, opened)
}

/// A job that is found by a look is most of a minute late. A job that starts together with one due much later is later than
/// this, too. A busy machine is not.
const ON_TIME_MS: i64 = 1_000;

/// None too early, and most of them on time.
fn assert_on_time(jobs: &[Delivered]) {
    let late = lateness(jobs);
    assert!(late[0] >= 0 && late[late.len() / 2] <= ON_TIME_MS, "{late:?}");
}

#[tokio::test]
async fn delayed_jobs_start_on_time_and_none_too_early() {
    let (_queue, opened) = start().await;
    opened.process("t", 1);
    // Most of them would be late if the first timer held, and if the last one did.
    for delay in [4_000, 700, 1_000, 400, 3_000] {
        opened.engine.enqueue(Job::of("t").delay_ms(delay).into()).await.expect("enqueued");
    }
    assert_on_time(&take_all(&opened, 5).await);
}

/// A look for the next job sees the blocked one, which is due, and not the one after it.
#[tokio::test]
async fn a_delayed_job_starts_on_time_though_one_that_is_due_waits_behind_its_key() {
    let (queue, _) = TestQueue::start().await;
    let keyed = |mut job: Document| {
        job.extend(doc! { "dedupeKey": "k", "dedupeScope": "pending" });
        job
    };
    let mut delayed = pending("delayed", "t");
    delayed.insert("runAt", moment(2_000));
    queue.insert([keyed(active("running", "u", "token")), keyed(pending("blocked", "t")), delayed]).await;
    // Not before: its stream would tell of them.
    let opened = queue.engine_with_push();
    opened.engine.startup().await.expect("the server can be worked with");
    opened.process("t", 1);
    let job = opened.recorder.next_job().await;
    assert_eq!(job.id(), "delayed");
    assert_on_time(&[job]);
}

#[tokio::test]
async fn delayed_jobs_that_were_there_before_the_worker_start_on_time() {
    let (queue, opened) = start().await;
    queue
        .insert([800, 1_000, 1_200, 1_400, 4_000].map(|delay| {
            let mut job = pending(&format!("job-{delay}"), "t");
            job.insert("runAt", moment(delay));
            job
        }))
        .await;
    opened.process("t", 1);
    assert_on_time(&take_all(&opened, 5).await);
}

#[tokio::test]
async fn a_delayed_job_behind_a_blocked_one_starts_on_time() {
    let (queue, opened) = start().await;
    let keyed = |mut job: Document| {
        job.extend(doc! { "dedupeKey": "k", "dedupeScope": "pending", "priority": -1 });
        job
    };
    let delayed = |delay: i64| {
        let mut job = pending(&format!("job-{delay}"), "t");
        job.extend(doc! { "priority": -1, "runAt": moment(delay) });
        job
    };
    queue.insert([keyed(active("running", "t", "token")), keyed(pending("blocked", "t"))]).await;
    queue.insert([600, 900, 4_000].map(delayed)).await;
    opened.process("t", 1);
    assert_on_time(&take_all(&opened, 3).await);
}

#[tokio::test]
async fn an_enqueue_wakes_the_workers_of_its_own_process_at_once() {
    // Without push no other process tells it.
    let (_queue, opened) = TestQueue::start().await;
    opened.process("t", 1);
    let mut waits = Vec::new();
    for _ in 0..ROUNDS {
        opened.engine.enqueue(Job::of("t").into()).await.expect("enqueued");
        let from = Instant::now();
        let job = opened.recorder.next_job().await;
        waits.push(from.elapsed());
        opened.finish(job.run_id, Verdict::Complete);
        assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(Settled::Completed));
    }
    assert_told(waits);
}

#[tokio::test]
async fn a_worker_with_nothing_to_do_looks_once_in_its_poll_interval_and_claims_nothing() {
    let (queue, opened) = TestQueue::start().await;
    let interval = Duration::from_millis(400);
    profile::start(&queue, &opened).await;
    let began = Instant::now();
    opened.process_with("t", |config| config.poll_interval = Some(interval));
    let count = |operations: &[profile::Operation], name: &str| {
        operations.iter().filter(|operation| operation.name() == name).count()
    };
    eventually("some looks", async || {
        (count(&profile::so_far(&queue).await, "aggregate") >= 6).then_some(())
    })
    .await;
    let operations = profile::stop(&queue).await;
    let intervals = began.elapsed().as_secs_f64() / interval.as_secs_f64();
    let looks = count(&operations, "aggregate") as f64;
    // Three more at the start: after the first claim, and as the pauses grow.
    assert!(looks <= intervals + 3.0, "{looks} looks in {intervals:.1} intervals");
    assert_eq!(count(&operations, "findAndModify"), 1);
    assert_eq!(count(&operations, "update"), 0);
}

#[tokio::test]
async fn a_blocked_job_keeps_no_worker_busy() {
    let (queue, opened) = TestQueue::start().await;
    let keyed = |mut job: Document| {
        job.extend(doc! { "dedupeKey": "k", "dedupeScope": "pending" });
        job
    };
    queue.insert([keyed(active("running", "t", "token")), keyed(pending("blocked", "t"))]).await;
    profile::start(&queue, &opened).await;
    let began = Instant::now();
    opened.process_with("t", |config| config.poll_interval = Some(Duration::from_millis(400)));
    eventually("some claims", async || {
        let operations = profile::so_far(&queue).await;
        let claims = operations.iter().filter(|operation| operation.name() == "findAndModify").count();
        (claims >= 4).then_some(())
    })
    .await;
    let operations = profile::stop(&queue).await;
    let operations = operations.len() as f64;
    let intervals = began.elapsed().as_secs_f64() / 0.4;
    // A look, a claim that is refused, a search for others, and the next timer.
    assert!(operations <= 8.0 * (intervals + 3.0), "{operations} operations in {intervals:.1} intervals");
}
