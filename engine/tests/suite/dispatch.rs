//! Processors: what they claim and when, and how they end.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use durabl_engine::{Event, LogLevel, Settled, Verdict};
use mongodb::bson::{DateTime, Document, RawDocument, doc};

use crate::support::{
    Job, Opened, TestQueue, active, documents::moment, eventually, pending, profile, proxy::Proxy,
    recorder::Delivered,
};

mod clock;
mod idle;
mod outage;
mod shutdown;
mod slots;

async fn delivered(opened: &Opened, count: usize) -> Vec<Delivered> {
    let mut jobs = Vec::with_capacity(count);
    while jobs.len() < count {
        jobs.push(opened.recorder.next_job().await);
    }
    jobs
}

fn many(count: usize, job_type: &str) -> impl Iterator<Item = Document> {
    (0..count).map(move |number| pending(&format!("{job_type}-{number:03}"), job_type))
}

#[tokio::test]
async fn every_job_is_delivered_finished_and_told_of_once() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert(many(500, "t")).await;
    opened.process_with("t", |config| {
        config.concurrency = 20;
        config.prefetch = None;
    });
    let mut runs = HashSet::new();
    let mut ids = HashSet::new();
    for _ in 0..500 {
        let job = opened.recorder.next_job().await;
        assert!(runs.insert(job.run_id), "run {} twice", job.run_id);
        assert!(ids.insert(job.id().to_owned()), "{} twice", job.id());
        opened.finish(job.run_id, Verdict::Complete);
    }
    let told = opened
        .recorder
        .events_until("all outcomes", |events| {
            let results = events.iter().filter_map(|event| match event {
                Event::Settled(results) => {
                    Some(results.iter().map(|result| (result.run_id, result.outcome.clone())))
                }
                _ => None,
            });
            let results: Vec<_> = results.flatten().collect();
            (results.len() >= 500).then_some(results)
        })
        .await;
    assert!(told.iter().all(|(_, outcome)| *outcome == Ok(Settled::Completed)));
    assert_eq!(told.iter().map(|(run_id, _)| *run_id).collect::<HashSet<_>>(), runs);
    assert_eq!(queue.count(doc! { "status": "completed", "attempt": 1 }).await, 500);
}

#[tokio::test]
async fn no_more_jobs_are_held_than_there_are_slots_and_prefetched_ones() {
    for (prefetch, most) in [(0, 3), (4, 7)] {
        let (queue, opened) = TestQueue::start().await;
        queue.insert(many(60, "t")).await;
        opened.process_with("t", |config| {
            config.concurrency = 3;
            config.prefetch = Some(prefetch);
        });
        let mut held = Vec::new();
        for _ in 0..60 {
            if held.is_empty() {
                held.push(opened.recorder.next_job().await);
            }
            while let Some(job) = opened.recorder.ready_job().await {
                held.push(job);
            }
            assert!(held.len() <= most, "{} held with prefetch {prefetch}", held.len());
            let job = held.remove(0);
            opened.finish(job.run_id, Verdict::Complete);
            opened.recorder.outcome(job.run_id).await.expect("the server answers");
            let active = queue.count(doc! { "status": "active" }).await;
            assert!(active <= most as u64, "{active} active with prefetch {prefetch}");
        }
    }
}

#[tokio::test]
async fn processors_of_one_engine_get_the_jobs_of_their_own_types() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert(many(20, "a").chain(many(20, "b")).chain(many(5, "c"))).await;
    let (a, b) = (opened.process("a", 20), opened.process("b", 20));
    for job in delivered(&opened, 40).await {
        let expected = if job.id().starts_with('a') { a } else { b };
        assert_eq!(job.processor_id, expected);
    }
    assert_eq!(queue.count(doc! { "type": "c", "status": "pending" }).await, 5);
}

#[tokio::test]
async fn a_failed_job_comes_again_after_its_backoff_until_its_attempts_are_spent() {
    let (queue, opened) = TestQueue::start().await;
    let job = Job::of("t").fixed_backoff_ms(30).max_attempts(3);
    let id = opened.engine.enqueue(job.into()).await.expect("enqueued").expect("a new job");
    opened.process("t", 1);
    for attempt in 1..=3 {
        let job = opened.recorder.next_job().await;
        assert_eq!(job.document.get_i32("attempt").ok(), Some(attempt));
        let due = *job.document.get_datetime("runAt").expect("a time");
        assert!(*job.document.get_datetime("claimedAt").expect("a time") >= due, "too early");
        opened.finish(job.run_id, Verdict::Fail);
    }
    eventually("the end", async || (queue.status(&id).await == "failed").then_some(())).await;
}

#[tokio::test]
async fn a_completed_jobs_follower_runs_next() {
    let (_queue, opened) = TestQueue::start().await;
    opened.process("t", 4);
    let job = || Job::of("t").single_flight("k");
    opened.engine.enqueue(job().into()).await.expect("enqueued").expect("a free key");
    let first = opened.recorder.next_job().await;
    opened.engine.enqueue(job().into()).await.expect("enqueued").expect("room for a follower");
    opened.finish(first.run_id, Verdict::Complete);
    let second = opened.recorder.next_job().await;
    assert_ne!(first.id(), second.id());
}

/// The process may end before a job that was claimed ahead has begun, and its attempt is spent then.
#[tokio::test]
async fn a_job_is_claimed_for_its_last_attempt_only_when_it_can_start() {
    for (spent, most) in [(0, 1), (2, 3)] {
        let (queue, opened) = TestQueue::start().await;
        queue.insert([pending("a", "t"), pending("b", "t")]).await;
        let mut last = pending("c last", "t");
        last.extend(doc! { "attempt": spent, "maxAttempts": most });
        queue.insert([last, pending("d", "t"), pending("e", "t")]).await;
        opened.process_with("t", |config| {
            config.concurrency = 1;
            config.prefetch = Some(10);
        });
        for id in ["a", "b"] {
            let job = opened.recorder.next_job().await;
            assert_eq!(job.id(), id);
            assert_eq!(queue.status("c last").await, "pending", "while {id} runs");
            opened.finish(job.run_id, Verdict::Complete);
            opened.recorder.outcome(job.run_id).await.expect("the server answers");
        }
        for id in ["c last", "d", "e"] {
            let job = opened.recorder.next_job().await;
            assert_eq!(job.id(), id, "in order");
            opened.finish(job.run_id, Verdict::Complete);
        }
    }
}
