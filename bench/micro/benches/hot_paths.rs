//! The engine's own time for a job, beside the server and JavaScript.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use durabl_engine::{
    BackoffKind, BackoffPolicy, DedupeKey, DedupeScope, NewJob,
    bson::{RawDocumentBuf, rawdoc},
    hot_paths, retry_delay,
};

fn job(payload_bytes: usize) -> NewJob {
    NewJob {
        job_type: "welcome-email".to_owned(),
        payload: rawdoc! { "data": { "text": "x".repeat(payload_bytes) } },
        priority: 0,
        id: None,
        delay_ms: 0,
        run_at_ms: None,
        max_attempts: 3,
        dedupe: Some(DedupeKey { key: "welcome-email:u_123".to_owned(), scope: DedupeScope::Pending }),
        coalesce_latest: false,
        dedupe_for_ms: None,
        is_detailed: false,
        backoff: None,
        backoff_delay_ms: None,
        backoff_max_delay_ms: None,
        trace: None,
    }
}

fn document(payload_bytes: usize) -> RawDocumentBuf {
    hot_paths::encode_new(&job(payload_bytes)).expect("a sound job")
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode a new job");
    for bytes in [10, 1_000, 100_000] {
        let job = job(bytes);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_with_input(BenchmarkId::from_parameter(bytes), &job, |bencher, job| {
            bencher.iter(|| hot_paths::encode_new(black_box(job)));
        });
    }
}

fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read a claimed job");
    for bytes in [10, 1_000, 100_000] {
        let document = document(bytes);
        group.bench_with_input(BenchmarkId::from_parameter(bytes), &document, |bencher, document| {
            bencher.iter_batched(|| document.clone(), hot_paths::read_claimed, BatchSize::SmallInput);
        });
    }
}

fn complete(criterion: &mut Criterion) {
    let claimed = hot_paths::read_claimed(document(10)).expect("a sound job");
    criterion.bench_function("complete a job", |bencher| {
        bencher.iter(|| hot_paths::completion(black_box(&claimed)));
    });
}

fn back_off(criterion: &mut Criterion) {
    let policy = BackoffPolicy { kind: BackoffKind::Exponential, delay_ms: 1_000, max_delay_ms: 60_000 };
    criterion.bench_function("delay of a retry", |bencher| {
        bencher.iter(|| retry_delay(black_box(policy), black_box(4), black_box(0.3)));
    });
}

criterion_group!(hot_paths_per_job, encode, read, complete, back_off);
criterion_main!(hot_paths_per_job);
