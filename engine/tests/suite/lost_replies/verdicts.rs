//! Verdicts whose replies were lost: each is told as it was written, and written once.

use std::time::Duration;

use durabl_engine::{Settled, Status, Verdict};
use mongodb::bson::{Document, doc};

use super::{start, writes};
use crate::support::{active, pending};

/// The answer to a verdict whose reply was lost, and the fate of the job.
async fn settled_by_hand(verdict: Verdict, written: &'static str) -> (Settled, Document) {
    let (queue, proxy, opened) = start().await;
    queue.insert([active("job", "t", "token")]).await;
    proxy.lose_reply_if(move |command| writes(command, written));
    let settled =
        opened.engine.settle("job", Some("token"), verdict, None).await.expect("the server answers");
    assert_eq!(proxy.lost(), 1);
    (settled, queue.job("job").await)
}

#[tokio::test]
async fn a_handles_verdict_with_its_reply_lost_is_reported_as_it_was_written() {
    let (completed, job) = settled_by_hand(Verdict::Complete, "completed").await;
    assert_eq!((completed, job.get_str("status").ok()), (Settled::Completed, Some("completed")));
    let (failed, job) = settled_by_hand(Verdict::FailFatal, "failed").await;
    assert_eq!((failed, job.get_str("status").ok()), (Settled::FailedTerminal, Some("failed")));
    let (retried, job) = settled_by_hand(Verdict::Fail, "pending").await;
    assert!(matches!(retried, Settled::RetryScheduled(_)), "{retried:?}");
    assert_eq!(job.get_i32("attempt").ok(), Some(1));
    let (released, job) = settled_by_hand(Verdict::Release, "pending").await;
    assert_eq!((released, job.get_i32("attempt").ok()), (Settled::Released, Some(0)));
}

#[tokio::test]
async fn a_retry_with_its_reply_lost_is_still_ones_own_after_another_worker_has_run_the_job() {
    let (queue, proxy, opened) = start().await;
    let elsewhere = queue.engine();
    let mut job = active("job", "t", "token");
    job.extend(doc! { "backoff": "fixed", "backoffDelay": 0 });
    queue.insert([job]).await;
    // The one to the next try is lost too, and until then the job is claimed and completed by another.
    proxy.lose_reply_if(|command| writes(command, "pending"));
    proxy.lose_reply_if(|command| writes(command, "pending"));
    elsewhere.process_with("t", |config| config.poll_interval = Some(Duration::from_millis(10)));
    let worker = tokio::spawn(async move {
        let job = elsewhere.recorder.next_job().await;
        elsewhere.finish(job.run_id, Verdict::Complete);
        elsewhere.recorder.outcome(job.run_id).await
    });
    let settled = opened.engine.settle("job", Some("token"), Verdict::Fail, None).await;
    assert_eq!(settled, Ok(Settled::RetryScheduled(Duration::ZERO)));
    assert_eq!(worker.await.expect("it runs"), Ok(Settled::Completed));
    assert_eq!(queue.job("job").await.get_i32("attempt").ok(), Some(2));
}

#[tokio::test]
async fn a_release_without_a_token_gives_back_one_attempt_only() {
    let (queue, proxy, opened) = start().await;
    let mut job = active("job", "t", "token");
    job.insert("attempt", 3);
    queue.insert([job]).await;
    proxy.lose_reply_if(|command| writes(command, "pending"));
    assert_eq!(opened.engine.settle("job", None, Verdict::Release, None).await, Ok(Settled::Released));
    assert_eq!((proxy.lost(), queue.job("job").await.get_i32("attempt").ok()), (1, Some(2)));
}

#[tokio::test]
async fn a_completion_without_a_token_is_reported_as_it_was_written() {
    let (queue, proxy, opened) = start().await;
    queue.insert([active("job", "t", "token")]).await;
    proxy.lose_reply_if(|command| writes(command, "completed"));
    assert_eq!(opened.engine.settle("job", None, Verdict::Complete, None).await, Ok(Settled::Completed));
    assert_eq!(proxy.lost(), 1);
    let again = opened.engine.settle("job", None, Verdict::Complete, None).await;
    assert_eq!(again, Ok(Settled::AlreadyTerminal(Status::Completed)));
}

#[tokio::test]
async fn verdicts_of_managed_runs_with_their_reply_lost_all_stand() {
    let (queue, proxy, opened) = start().await;
    queue
        .insert((0..12).map(|number| {
            let mut job = pending(&format!("job-{number:02}"), "t");
            job.insert("maxAttempts", 2);
            job
        }))
        .await;
    opened.process("t", 12);
    let mut jobs = Vec::new();
    while jobs.len() < 12 {
        jobs.push(opened.recorder.next_job().await);
    }
    let verdicts = [Verdict::Complete, Verdict::Fail, Verdict::Release, Verdict::FailFatal];
    opened.engine.quiesce(&[jobs[0].processor_id]);
    for written in ["completed", "completed"] {
        proxy.lose_reply_if(move |command| writes(command, written));
    }
    opened.engine.finish(jobs.iter().zip(verdicts.iter().cycle()).map(|(job, verdict)| {
        durabl_engine::RunVerdict {
            run_id: job.run_id,
            verdict: *verdict,
            reason: None,
            details: durabl_engine::Details::default(),
            frees_slot: true,
            elapsed: None,
        }
    }));
    for (job, verdict) in jobs.iter().zip(verdicts.iter().cycle()) {
        let outcome = opened.recorder.outcome(job.run_id).await.expect("the server answers");
        let is_right = match verdict {
            Verdict::Complete => outcome == Settled::Completed,
            Verdict::Fail => matches!(outcome, Settled::RetryScheduled(_)),
            Verdict::Release => outcome == Settled::Released,
            Verdict::FailFatal => outcome == Settled::FailedTerminal,
            Verdict::Cancel => outcome == Settled::Cancelled,
            Verdict::Expire => outcome == Settled::Expired,
        };
        assert!(is_right, "{}: {verdict:?} came to {outcome:?}", job.id());
    }
    assert_eq!(proxy.lost(), 2);
    assert!(opened.recorder.lost_leases().is_empty());
    let count = async |filter| queue.count(filter).await;
    assert_eq!(count(doc! { "status": "completed" }).await, 3);
    assert_eq!(count(doc! { "status": "pending", "attempt": 1 }).await, 3);
    assert_eq!(count(doc! { "status": "pending", "attempt": 0 }).await, 3);
}

#[tokio::test]
async fn a_retry_that_finds_its_follower_waiting_is_superseded_though_its_reply_was_lost() {
    let (queue, proxy, opened) = start().await;
    let keyed = |mut job: Document| {
        job.extend(doc! { "dedupeKey": "k", "dedupeScope": "pending" });
        job
    };
    queue.insert([keyed(active("job", "t", "token")), keyed(pending("follower", "t"))]).await;
    proxy.lose_reply_if(|command| writes(command, "pending"));
    proxy.lose_reply_if(|command| writes(command, "superseded"));
    let settled = opened.engine.settle("job", Some("token"), Verdict::Fail, None).await;
    assert_eq!((settled, proxy.lost()), (Ok(Settled::Superseded), 2));
}
