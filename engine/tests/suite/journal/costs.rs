//! The price of journals for the server, by its own counters.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use durabl_engine::Appended;
use futures_util::future::join_all;
use mongodb::bson::{Bson, RawDocumentBuf, doc};

use super::{append, of, step};
use crate::support::{TestQueue, active, pending, profile, proxy::Proxy};

/// The records of a journal of so many bytes.
fn journal(bytes: usize) -> Bson {
    let record = |seq: i32| doc! { "seq": seq, "name": "s", "result": "x".repeat(100_000), "ts": null };
    Bson::from((0..bytes / 100_000).map(|seq| record(seq as i32)).collect::<Vec<_>>())
}

#[tokio::test]
async fn a_lone_append_is_one_command_that_examines_one_key_however_long_the_journal_is() {
    let (queue, opened) = TestQueue::start().await;
    for (id, bytes) in [("short", 0), ("long", 5_000_000)] {
        let mut job = active(id, "t", "token");
        job.extend(doc! { "steps": journal(bytes), "journalBytes": bytes as i32 });
        queue.insert([job]).await;
        // The clock is read.
        append(&opened, of(id, step(1_000, 1))).await;
        let (_, operations) = profile::during(&queue, &opened, append(&opened, of(id, step(1_001, 1)))).await;
        let names: Vec<_> = operations.iter().map(|operation| operation.name().to_owned()).collect();
        assert_eq!(names, ["update"], "{id}");
        assert_eq!((operations[0].keys_examined(), operations[0].documents_examined()), (1, 1), "{id}");
    }
}

#[tokio::test]
async fn records_that_come_together_travel_together() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    let jobs = 10;
    queue.insert((0..jobs).map(|n| active(&format!("job-{n}"), "t", "token"))).await;
    append(&opened, of("job-0", step(1_000, 1))).await;
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = sent.clone();
    proxy.lose_reply_if(move |command| {
        if command.get("update").ok().flatten().is_some() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        false
    });
    let all = (0..jobs).flat_map(|n| (0..10).map(move |seq| of(&format!("job-{n}"), step(seq, seq))));
    join_all(all.map(|one| append(&opened, one))).await;
    // One or two set out before the others have come.
    let sent = sent.load(Ordering::Relaxed);
    assert!((1..=3).contains(&sent), "{sent} commands for 100 records of 10 jobs");
    for n in 0..jobs {
        let steps = opened.engine.read_steps(&format!("job-{n}")).await.expect("the server answers");
        assert_eq!(steps.len(), if n == 0 { 11 } else { 10 });
    }
}

#[tokio::test]
async fn records_of_several_jobs_are_one_statement_that_examines_one_key_a_job() {
    let (queue, opened) = TestQueue::start().await;
    let mut branched = active("branched", "t", "token");
    // The same number in a branch is another place.
    branched.insert("steps", vec![doc! { "seq": 1_001, "name": "s", "path": "0", "result": 1, "ts": null }]);
    queue.insert([active("a", "t", "token"), active("b", "t", "token"), branched]).await;
    append(&opened, of("a", step(1_000, 1))).await;
    let ids = ["a", "b", "branched"];
    let mut all: Vec<_> = ids.map(|id| of(id, step(1_001, doc! { "$add": "$data" }))).into();
    // Two of one job go together too.
    all.push(of("b", step(1_002, 1)));
    let (outcomes, operations) = profile::during(&queue, &opened, async {
        opened.engine.append_steps(all).await.expect("it is open")
    })
    .await;
    assert_eq!(outcomes, vec![Ok(Appended::Appended); 4]);
    let names: Vec<_> = operations.iter().map(|operation| operation.name().to_owned()).collect();
    assert_eq!(names, ["update"]);
    assert_eq!(operations[0].documents_examined(), 3);
    assert!(operations[0].keys_examined() <= 6);
    for (id, count) in [("a", 2), ("b", 2), ("branched", 2)] {
        let job = queue.job(id).await;
        let steps = job.get_array("steps").expect("a journal");
        assert_eq!(steps.len(), count, "{id}");
        let own = steps.iter().map(|record| record.as_document().expect("a record"));
        let bytes: usize = own
            .filter(|record| !record.contains_key("path"))
            .map(|record| RawDocumentBuf::try_from(record).expect("it can be encoded").as_bytes().len())
            .sum();
        assert_eq!(job.get_i32("journalBytes").ok(), i32::try_from(bytes).ok(), "{id}");
    }
}

#[tokio::test]
async fn claims_settlements_and_renewals_read_no_journal_and_no_receipts() {
    let (queue, opened) = TestQueue::start().await;
    let mut bytes = Vec::new();
    for (id, size) in [("light", 0), ("heavy", 7_000_000)] {
        let mut job = pending(id, "t");
        job.extend(doc! {
            "steps": journal(size), "journalBytes": 7,
            "terminalReceipts": { "token_a": { "fail": { "status": "x".repeat(size / 10) } } },
        });
        queue.insert([job]).await;
        let work = async {
            let job = opened.engine.claim_next("t").await.expect("the server answers").expect("it is due");
            assert_eq!(job.id(), id);
            let token = queue.job(id).await.get_str("claimToken").expect("a token").to_owned();
            opened.engine.heartbeat(id, Some(&token)).await.expect("the server answers");
            opened.engine.complete_claimed(id, &token).await.expect("the server answers");
        };
        let ((), operations) = profile::during(&queue, &opened, work).await;
        assert!(!operations.is_empty());
        bytes.push(operations.iter().map(profile::Operation::response_length).sum::<i64>());
    }
    // Their ids differ by no byte, and their tokens by none.
    assert!((bytes[0] - bytes[1]).abs() < 64, "{bytes:?}");
}
