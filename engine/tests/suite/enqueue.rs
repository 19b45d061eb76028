//! Jobs on their way in, many at a time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use durabl_engine::ErrorKind;
use mongodb::bson::{Document, RawDocument, doc, rawdoc};

use crate::support::{
    Job, Opened, TestQueue, eventually, pending,
    proxy::{Held, Proxy},
    waiting::in_time,
};

/// Enqueues jobs while a write is on its way, so that they travel together in the next one; their ids or errors.
async fn together(
    queue: &TestQueue,
    proxy: &Proxy,
    opened: &Opened,
    jobs: Vec<Job>,
) -> Vec<Result<Option<String>, ErrorKind>> {
    let held = proxy.hold_if(|command| command.get_str("insert").is_ok());
    let enqueue = |job: Job| {
        let engine = opened.engine.clone();
        tokio::spawn(async move { engine.enqueue(job.into()).await.map_err(|error| error.kind()) })
    };
    let first = enqueue(Job::of("first"));
    held.has_come().await;
    let calls: Vec<_> = jobs.into_iter().map(enqueue).collect();
    // Each call hands its job over at once.
    for _ in 0..=calls.len() {
        tokio::task::yield_now().await;
    }
    let before = queue.count(doc! {}).await;
    drop(held);
    first.await.expect("no panic").expect("enqueued");
    let mut outcomes = Vec::new();
    for call in calls {
        outcomes.push(call.await.expect("no panic"));
    }
    assert!(queue.count(doc! {}).await > before);
    outcomes
}

async fn start() -> (TestQueue, Proxy, Opened) {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    opened.engine.stats(None).await.expect("the server answers");
    (queue, proxy, opened)
}

#[tokio::test]
async fn jobs_that_travel_together_each_come_to_their_own_outcome() {
    let (queue, proxy, opened) = start().await;
    let mut holder = pending("holder", "t");
    holder.extend(doc! { "dedupeKey": "held", "dedupeScope": "pending+active" });
    queue.insert([holder]).await;
    let outcomes = together(
        &queue,
        &proxy,
        &opened,
        vec![
            Job::of("t"),
            Job::of("t").exclusive("held"),
            Job::of("t").exclusive("free"),
            Job::of("t").exclusive("free"),
            Job::of("t").payload(rawdoc! { "no": "data" }),
            Job::of("t"),
        ],
    )
    .await;
    let made: Vec<bool> = outcomes.iter().map(|outcome| matches!(outcome, Ok(Some(_)))).collect();
    assert_eq!(made, [true, false, true, false, false, true], "{outcomes:?}");
    assert_eq!((&outcomes[1], &outcomes[3]), (&Ok(None), &Ok(None)));
    assert_eq!(outcomes[4], Err(ErrorKind::Internal));
    for id in outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()?.as_deref()) {
        assert_eq!(queue.status(id).await, "pending");
    }
}

fn is_update_of_key(command: &RawDocument, key: &str) -> bool {
    let filter = || -> Option<&RawDocument> {
        let first = command.get_array("updates").ok()?.get(0).ok()??;
        first.as_document()?.get_document("q").ok()
    };
    filter().is_some_and(|filter| filter.get_str("dedupeKey").ok() == Some(key))
}

/// The number of updates of a key that have been sent while the guard lives.
fn counting_updates_of_key(proxy: &Proxy, key: &'static str) -> (Arc<AtomicUsize>, Held) {
    let updates = Arc::new(AtomicUsize::new(0));
    let counter = updates.clone();
    let counting = proxy.hold_if(move |command| {
        counter.fetch_add(usize::from(is_update_of_key(command, key)), Ordering::Relaxed);
        false
    });
    (updates, counting)
}

fn held_by(id: &str, job_type: &str, key: &str) -> Document {
    let mut holder = pending(id, job_type);
    holder.extend(doc! { "dedupeKey": key, "dedupeScope": "pending" });
    holder
}

#[tokio::test]
async fn the_holder_of_one_key_that_is_slow_to_take_new_data_holds_up_no_other_key() {
    let (queue, proxy, opened) = start().await;
    queue.insert([held_by("1", "t", "slow"), held_by("2", "t", "quick")]).await;
    let held = proxy.hold_if(|command| is_update_of_key(command, "slow"));
    let job = |key: &str| Job::of("t").single_flight(key).coalesce().data("new");
    let (outcomes, ()) =
        tokio::join!(together(&queue, &proxy, &opened, vec![job("slow"), job("quick")]), async {
            held.has_come().await;
            let is_new = async || (queue.job("2").await.get_str("data").ok() == Some("new")).then_some(());
            eventually("the other key's new data", is_new).await;
            drop(held);
        });
    assert_eq!(outcomes, [Ok(None), Ok(None)]);
    assert_eq!(queue.job("1").await.get_str("data").ok(), Some("new"));
}

#[tokio::test]
async fn many_calls_that_coalesce_under_one_key_write_only_the_newest() {
    let (queue, proxy, opened) = start().await;
    queue.insert([held_by("holder", "t", "k")]).await;
    let (updates, _counting) = counting_updates_of_key(&proxy, "k");
    let job = |number: usize| Job::of("t").single_flight("k").coalesce().data(number.to_string());
    let outcomes = together(&queue, &proxy, &opened, (0..50).map(job).collect()).await;
    assert_eq!(outcomes, vec![Ok(None); 50]);
    assert_eq!(queue.job("holder").await.get_str("data").ok(), Some("49"));
    assert_eq!(updates.load(Ordering::Relaxed), 1);
}

/// The data of one type means nothing to another, so there is nothing to hand over, and nothing to try again.
#[tokio::test]
async fn a_key_that_another_type_holds_is_tried_once() {
    let (queue, proxy, opened) = start().await;
    queue.insert([held_by("holder", "other", "k")]).await;
    let (updates, _counting) = counting_updates_of_key(&proxy, "k");
    let job = Job::of("t").single_flight("k").coalesce().data("new");
    assert_eq!(opened.engine.enqueue(job.into()).await, Ok(None));
    assert_eq!(updates.load(Ordering::Relaxed), 1);
    assert!(queue.job("holder").await.get("data").is_some_and(|data| data.as_null().is_some()));
}

#[tokio::test]
async fn data_too_large_to_be_handed_over_is_refused_to_its_own_caller_only() {
    let (queue, proxy, opened) = start().await;
    let mut holder = held_by("holder", "t", "k");
    // Small enough to travel with others, and too much for the job that is to take it over.
    let logs = ["x".repeat(16 * 1024 * 1024 - 100_000)];
    holder.insert("logs", logs.to_vec());
    queue.insert([holder]).await;
    let large = "y".repeat(200_000);
    let outcomes = together(
        &queue,
        &proxy,
        &opened,
        vec![Job::of("t"), Job::of("t").single_flight("k").coalesce().data(large), Job::of("t")],
    )
    .await;
    assert!(matches!(outcomes[0], Ok(Some(_))), "{:?}", outcomes[0]);
    assert_eq!(outcomes[1], Err(ErrorKind::PayloadTooLarge));
    assert!(matches!(outcomes[2], Ok(Some(_))), "{:?}", outcomes[2]);
    assert!(queue.job("holder").await.get("data").is_some_and(|data| data.as_null().is_some()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_jobs_are_spread_over_as_many_writes_as_they_need() {
    let (queue, opened) = TestQueue::start().await;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..12 {
        let engine = opened.engine.clone();
        let size = if number % 3 == 0 { 15 * 1024 * 1024 } else { 3 * 1024 * 1024 };
        let job = Job::of("t").data("x".repeat(size));
        calls.spawn(async move { engine.enqueue(job.into()).await.expect("enqueued").expect("a new job") });
    }
    calls.join_all().await;
    assert_eq!(queue.count(doc! {}).await, 12);
}

/// Each caller that asks for a run gets one that begins after the call, however many ask at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_under_one_key_runs_once_more_after_its_last_call() {
    let (queue, first) = TestQueue::start().await;
    let engines = [first, queue.engine(), queue.engine()];
    let (asked, seen) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut workers = tokio::task::JoinSet::new();
    for opened in &engines {
        opened.process_with("t", |config| config.poll_interval = Some(Duration::from_millis(20)));
        let (engine, recorder) = (opened.engine.clone(), opened.recorder.clone());
        let (asked, seen) = (asked.clone(), seen.clone());
        workers.spawn(async move {
            loop {
                let job = recorder.next_job().await;
                seen.fetch_max(asked.load(Ordering::SeqCst), Ordering::SeqCst);
                let verdict = durabl_engine::Verdict::Complete;
                engine.finish([durabl_engine::RunVerdict {
                    run_id: job.run_id,
                    verdict,
                    reason: None,
                    details: durabl_engine::Details::default(),
                    frees_slot: true,
                    elapsed: None,
                }]);
            }
        });
    }
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..60 {
        let engine = engines[number % 3].engine.clone();
        let (asked, seen) = (asked.clone(), seen.clone());
        callers.spawn(async move {
            asked.fetch_add(1, Ordering::SeqCst);
            let claimed = engine.claim_or_enqueue(Job::of("t").single_flight("k").into()).await;
            if let Some(job) = claimed.expect("the server answers") {
                seen.fetch_max(asked.load(Ordering::SeqCst), Ordering::SeqCst);
                tokio::task::yield_now().await;
                let verdict = durabl_engine::Verdict::Complete;
                engine.settle(&job.id(), job.token(), verdict, None).await.expect("the server answers");
            }
        });
    }
    callers.join_all().await;
    eventually("a run that began after the last call", async || {
        (seen.load(Ordering::SeqCst) == 60).then_some(())
    })
    .await;
    workers.abort_all();
}

#[tokio::test]
async fn all_of_a_long_queue_gives_up_together_when_the_server_is_away() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let patience = Duration::from_secs(2);
    let opened = proxy.engine_with(&queue, |settings| {
        settings.server_selection_timeout_ms = Some(patience.as_millis() as u64);
    });
    opened.engine.enqueue(Job::of("t").into()).await.expect("the server answers");
    proxy.go_down();
    let began = Instant::now();
    // A thousand travel together.
    let jobs = (0..10_000).map(|_| Job::of("t").into()).collect();
    let outcomes = in_time("an end", opened.engine.enqueue_many(jobs)).await.expect("an outcome for each");
    assert!(outcomes.iter().all(Result::is_err));
    let took = began.elapsed();
    assert!(took < patience * 4, "the last one gave up after {took:?}");
    proxy.come_back();
    opened.engine.enqueue(Job::of("t").into()).await.expect("the server answers");
    assert_eq!(queue.count(doc! {}).await, 2);
}
