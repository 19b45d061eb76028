//! Documents in which several fields are odd at once, at random, and those that have once been trouble.
//!
//! The variables that choose the seeds stand in `support/rounds.rs`.

use std::time::Duration;

use durabl_engine::{RunVerdict, Verdict};
use mongodb::{
    bson::{Binary, Bson, DateTime, Document, doc, spec::BinarySubtype},
    error::ErrorKind,
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{FIELDS, come_to, oddities};
use crate::support::{
    Opened, TestQueue, pending,
    rounds::{again, seeds},
};

const ROUNDS: u64 = 4;
const ODD_JOBS: usize = 150;
const GOOD_JOBS: usize = 20;
/// One document a line, as extended JSON; a seed that finds trouble adds its document here.
const CORPUS: &str = include_str!("../../corpus/documents.jsonl");

const STATUSES: [&str; 5] = ["pending", "active", "completed", "failed", "superseded"];
const VERDICTS: [Verdict; 4] = [Verdict::Complete, Verdict::Fail, Verdict::FailFatal, Verdict::Release];

fn value(random: &mut StdRng) -> Option<Bson> {
    let nested = |depth: usize| (0..depth).fold(Bson::Null, |inner, _| doc! { "$expr": inner }.into());
    match random.random_range(0..14) {
        0 => Some(random.random::<i32>().into()),
        1 => Some(random.random::<i64>().into()),
        2 => Some(random.random_range(-3..10).into()),
        3 => Some(format!("key-{}", random.random_range(0..4)).into()),
        4 => Some((*["pending", "pending+active"].choose(random)?).into()),
        5 => Some((*STATUSES.choose(random)?).into()),
        6 => Some((*[DateTime::MIN, DateTime::MAX, DateTime::from_millis(-1)].choose(random)?).into()),
        7 => Some(DateTime::from_millis(DateTime::now().timestamp_millis() - 3_600_000).into()),
        8 => Some("x".repeat(random.random_range(0..100_000)).into()),
        9 => Some(nested(random.random_range(1..90))),
        10 => Some(Bson::Undefined),
        11 => Some(Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: vec![0, 255] })),
        12 => Some(doc! { "token": "token", "attempt": 1, "ms": random.random::<i64>() }.into()),
        _ => oddities().choose(random).cloned().flatten(),
    }
}

fn odd_job(random: &mut StdRng, place: usize) -> Document {
    let mut job = pending(&format!("odd-{place}"), "t");
    let status = STATUSES.choose(random).copied().unwrap_or_default();
    job.insert("status", status);
    for _ in 0..random.random_range(1..7) {
        let field = FIELDS.choose(random).copied().unwrap_or_default();
        match value(random) {
            Some(value) => _ = job.insert(field, value),
            None => _ = job.remove(field),
        }
    }
    match random.random_range(0..30) {
        0 => _ = value(random).and_then(|value| job.insert("type", value)),
        1 => _ = value(random).and_then(|value| job.insert("status", value)),
        _ => {}
    }
    job
}

fn corpus() -> Vec<Document> {
    let parse = |line| serde_json::from_str(line).expect("extended JSON");
    CORPUS.lines().map(parse).collect()
}

/// A document that a unique index refuses stays out.
async fn insert(queue: &TestQueue, jobs: &[Document]) {
    if let Err(error) = queue.jobs().insert_many(jobs).ordered(false).await {
        let is_refusal = |code| code == 11_000;
        match *error.kind {
            ErrorKind::InsertMany(failed) => {
                let refused = failed.write_errors.unwrap_or_default();
                assert!(refused.iter().all(|error| is_refusal(error.code)), "{refused:?}");
            }
            other => panic!("{other}"),
        }
    }
}

/// All good jobs run, whatever stands beside them, and no call fails.
async fn survive(seed: u64, odd: Vec<Document>) {
    let queue = TestQueue::bare().await;
    let (before, after) = odd.split_at(odd.len() / 2);
    insert(&queue, before).await;
    let opened = queue.engine();
    // Keys that stand twice in the collection can't be made unique: told, and nothing else fails.
    if let Err(error) = opened.engine.startup().await {
        assert!(error.to_string().contains("key"), "seed {seed}: {error}");
    }
    insert(&queue, after).await;
    let good = (0..GOOD_JOBS).map(|number| pending(&format!("good-{number}"), "t"));
    queue.insert(good).await;
    run(&queue, &opened, seed).await;
    look(&opened, seed).await;
}

async fn run(queue: &TestQueue, opened: &Opened, seed: u64) {
    opened.process_with("t", |config| (config.concurrency, config.prefetch) = (8, None));
    let (engine, recorder) = (opened.engine.clone(), opened.recorder.clone());
    let worker = tokio::spawn(async move {
        let mut random = StdRng::seed_from_u64(seed);
        loop {
            let job = recorder.next_job().await;
            let is_good = job.document.get_str("_id").is_ok_and(|id| id.starts_with("good-"));
            let verdict =
                if is_good { Verdict::Complete } else { *VERDICTS.choose(&mut random).expect("verdicts") };
            let reason = Some("odd".to_owned());
            engine.finish([RunVerdict {
                run_id: job.run_id,
                verdict,
                reason,
                details: durabl_engine::Details::default(),
                frees_slot: true,
                elapsed: None,
            }]);
        }
    });
    let good_done = doc! { "_id": { "$regex": "^good-" }, "status": "completed" };
    let are_done = come_to(queue, good_done, GOOD_JOBS as u64).await;
    worker.abort();
    let left = queue.count(doc! { "_id": { "$regex": "^good-" }, "status": { "$ne": "completed" } }).await;
    assert!(are_done, "seed {seed}: {left} good jobs wait behind odd ones");
}

async fn look(opened: &Opened, seed: u64) {
    let engine = &opened.engine;
    let told = |call: &str, error: &dyn std::fmt::Display| panic!("seed {seed}: {call}: {error}");
    if let Err(error) = engine.recover_stuck_jobs(Duration::from_secs(60), 1_000).await {
        told("recover_stuck_jobs", &error);
    }
    for job_type in [None, Some("t")] {
        if let Err(error) = engine.stats(job_type).await {
            told("stats", &error);
        }
    }
    for key in ["key-0", "key-1", "key-2", "key-3"] {
        if let Err(error) = engine.has_outstanding("t", key).await {
            told("has_outstanding", &error);
        }
        if let Err(error) = engine.claim_next_by_key("t", key).await {
            told("claim_next_by_key", &error);
        }
    }
    for (call, failure) in [
        ("find_one", engine.find_one(doc! { "type": "t" }).await.err()),
        ("remove_old", engine.remove_old(Duration::ZERO).await.err()),
        ("startup again", engine.startup().await.err().filter(|error| !error.to_string().contains("key"))),
    ] {
        if let Some(error) = failure {
            told(call, &error);
        }
    }
}

async fn survive_seed(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    survive(seed, (0..ODD_JOBS).map(|place| odd_job(&mut random, place)).collect()).await;
}

#[tokio::test]
async fn good_jobs_run_beside_those_of_the_corpus() {
    let odd = corpus();
    assert!(!odd.is_empty());
    survive(0, odd).await;
}

#[tokio::test]
async fn good_jobs_run_beside_any() {
    for seed in seeds(ROUNDS) {
        println!("{}", again(seed));
        survive_seed(seed).await;
    }
}
