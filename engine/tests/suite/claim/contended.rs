//! Many claimants at once.

use super::*;

const CLAIMANTS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_job_is_claimed_twice_by_single_claims() {
    let (queue, first) = TestQueue::start().await;
    queue.insert((0..200).map(|number| pending(&format!("job-{number}"), "t"))).await;
    let mut engines = vec![first];
    engines.extend((1..CLAIMANTS).map(|_| queue.engine()));
    let mut claimants = tokio::task::JoinSet::new();
    for opened in engines {
        for _ in 0..4 {
            let engine = opened.engine.clone();
            claimants.spawn(async move {
                let mut ids = Vec::new();
                while let Some(job) = engine.claim_next("t").await.expect("the server answers") {
                    ids.push(job.id());
                }
                ids
            });
        }
    }
    let claimed: Vec<String> = claimants.join_all().await.into_iter().flatten().collect();
    assert_eq!(claimed.len(), 200);
    assert_eq!(claimed.iter().collect::<HashSet<_>>().len(), 200);
    assert_eq!(queue.count(doc! { "status": "active", "attempt": 1 }).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_job_is_claimed_twice_by_batches() {
    let (queue, first) = TestQueue::start().await;
    queue.insert((0..600).map(|number| pending(&format!("job-{number}"), "t"))).await;
    let mut engines = vec![first];
    engines.extend((1..CLAIMANTS).map(|_| queue.engine()));
    for opened in &engines {
        // Together they have room for all.
        opened.process("t", 150);
    }
    let mut times_claimed = HashMap::new();
    for opened in &engines {
        for _ in 0..150 {
            let job = opened.recorder.next_job().await;
            *times_claimed.entry(job.id().to_owned()).or_insert(0) += 1;
        }
    }
    assert_eq!(times_claimed.len(), 600);
    assert!(times_claimed.values().all(|times| *times == 1));
    assert_eq!(queue.count(doc! { "status": "active", "attempt": 1 }).await, 600);
}

/// The number of jobs that each of several claims has tried to take.
fn tried(operations: &[Operation]) -> Vec<usize> {
    let tried = |operation: &Operation| {
        let chosen = operation.entry.get_document("command").ok()?.get_document("q").ok()?;
        Some(chosen.get_document("_id").ok()?.get_array("$in").ok()?.len())
    };
    operations.iter().filter(|operation| operation.name() == "update").filter_map(tried).collect()
}

#[tokio::test]
async fn a_worker_that_has_met_others_takes_a_few_before_it_takes_them_all() {
    let (queue, _direct) = TestQueue::start().await;
    queue.insert((0..4_000).map(|number| pending(&format!("job-{number:04}"), "t"))).await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    profile::start(&queue, &opened).await;
    // A look for several jobs, whose reply stays away until somebody else has taken what it shows.
    let look = || proxy.hold_reply_if(|command| command.get_i64("limit").is_ok_and(|limit| limit > 1));
    let theft = doc! { "$set": { "status": "active", "claimToken": "another's" } };
    let mut seen = look();
    opened.process_with("t", |config| (config.concurrency, config.prefetch) = (100, Some(200)));
    for last in ["job-1000", "job-4000"] {
        seen.has_come().await;
        let taken = doc! { "status": "pending", "_id": { "$lt": last } };
        queue.jobs().update_many(taken, theft.clone()).await.expect("they can be taken");
        let next = look();
        drop(std::mem::replace(&mut seen, next));
    }
    seen.has_come().await;
    drop(seen);
    let tried = tried(&profile::stop(&queue).await);
    assert!(matches!(tried[..], [all, 64] if all >= 100), "{tried:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single_flight_holds_while_claims_settlements_and_enqueues_race() {
    let (queue, first) = TestQueue::start().await;
    let second = queue.engine();
    let mut workers = tokio::task::JoinSet::new();
    for opened in [&first, &second] {
        opened.process("t", 8);
        let (engine, recorder) = (opened.engine.clone(), opened.recorder.clone());
        workers.spawn(async move {
            loop {
                let job = recorder.next_job().await;
                let verdict = Verdict::Complete;
                let elapsed = None;
                engine.finish([durabl_engine::RunVerdict {
                    run_id: job.run_id,
                    verdict,
                    reason: None,
                    details: durabl_engine::Details::default(),
                    frees_slot: true,
                    elapsed,
                }]);
            }
        });
    }
    for number in 0..300 {
        let engine = if number % 2 == 0 { &first.engine } else { &second.engine };
        let key = format!("key-{}", number % 3);
        engine.enqueue(Job::of("t").single_flight(&key).into()).await.expect("enqueued");
    }
    eventually("all jobs to be done", async || {
        (queue.count(doc! { "status": { "$ne": "completed" } }).await == 0).then_some(())
    })
    .await;
    assert_eq!(queue.count(doc! { "attempt": { "$ne": 1 } }).await, 0);
    workers.abort_all();
}
