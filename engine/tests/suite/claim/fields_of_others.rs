//! Fields that features, people and other programs keep on a job cost its claims nothing.

use durabl_engine::{Settled, Verdict};

use super::*;

const MEGABYTES_7: usize = 7 * 1024 * 1024;
/// The largest answer to a claim, with all that belongs to it. A job's own fields are a few hundred bytes.
const LARGEST_ANSWER: i64 = 10_000;

fn laden(id: &str) -> Document {
    let mut job = pending(id, "t");
    job.insert("keptByOthers", "x".repeat(MEGABYTES_7));
    job
}

fn assert_nothing_travelled(operations: &[Operation]) {
    assert!(!operations.is_empty());
    for operation in operations {
        let length = operation.response_length();
        assert!(length < LARGEST_ANSWER, "{} answered {length} bytes", operation.name());
    }
}

#[tokio::test]
async fn a_large_field_of_others_does_not_travel_with_a_single_claim() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([laden("one")]).await;
    let claim = opened.engine.claim_next("t");
    let (claimed, operations) = profile::during(&queue, &opened, claim).await;
    let job = claimed.expect("the server answers").expect("it was due").into_document();
    assert!(job.get("keptByOthers").is_ok_and(|found| found.is_none()));
    assert!(job.get_str("type").is_ok() && job.get_datetime("createdAt").is_ok());
    assert_nothing_travelled(&operations);
    let stored = queue.job("one").await;
    assert!(stored.get_str("keptByOthers").is_ok_and(|kept| kept.len() == MEGABYTES_7), "it stays");
}

#[tokio::test]
async fn a_large_field_of_others_does_not_travel_with_a_processors_claims() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert(["a", "b", "c"].map(laden)).await;
    let run_all = async {
        opened.process("t", 3);
        for _ in 0..3 {
            let job = opened.recorder.next_job().await;
            assert!(!job.document.contains_key("keptByOthers"));
            opened.finish(job.run_id, Verdict::Complete);
            assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(Settled::Completed));
        }
    };
    let ((), operations) = profile::during(&queue, &opened, run_all).await;
    assert_nothing_travelled(&operations);
}
