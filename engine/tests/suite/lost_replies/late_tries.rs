//! Tries that are made again: others may come between two of them, and the first may still arrive.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use durabl_engine::{NewJob, Settled, Verdict};
use mongodb::bson::{Document, RawDocument, doc};

use super::{start, writes};
use crate::support::{Job, TestQueue, active, fail_point::FailPoint, let_pass, pending, proxy::Proxy};

#[tokio::test]
async fn a_retry_with_its_reply_lost_is_still_ones_own_after_others_have_given_the_job_back() {
    let (queue, proxy, opened) = start().await;
    let elsewhere = queue.engine();
    let mut job = active("job", "t", "token");
    job.extend(doc! { "backoff": "fixed", "backoffDelay": 0 });
    queue.insert([job]).await;
    proxy.lose_reply_if(|command| writes(command, "pending"));
    let tries = AtomicUsize::new(0);
    let second =
        move |command: &RawDocument| writes(command, "pending") && tries.fetch_add(1, Ordering::Relaxed) == 1;
    let held = proxy.hold_if(second);
    let settling =
        tokio::spawn(async move { opened.engine.settle("job", Some("token"), Verdict::Fail, None).await });
    held.has_come().await;
    for verdict in [Verdict::Release, Verdict::Fail, Verdict::Release] {
        let again = elsewhere.engine.claim_next("t").await.expect("the server answers").expect("the job");
        let settled = elsewhere.engine.settle("job", again.token(), verdict, None).await;
        assert!(matches!(settled, Ok(Settled::Released | Settled::RetryScheduled(_))), "{settled:?}");
    }
    drop(held);
    assert_eq!(settling.await.expect("it ends"), Ok(Settled::RetryScheduled(Duration::ZERO)));
}

#[tokio::test]
async fn a_claim_that_is_tried_again_has_another_token() {
    let (queue, proxy, opened) = start().await;
    queue.insert([pending("job", "t")]).await;
    let tokens = Arc::new(Mutex::new(Vec::new()));
    let seen = tokens.clone();
    let _never = proxy.hold_if(move |command| {
        if let Some(token) = token_of_claim(command) {
            seen.lock().expect("no test panics").push(token);
        }
        false
    });
    // A try that no caller waits for any more could still come to the server.
    let not_primary = doc! { "errorCode": 10107 };
    let _failing = FailPoint::set(&opened, &["findAndModify"], 2, not_primary).await;
    let job = opened.engine.claim_next("t").await.expect("the server answers").expect("the job");
    let tokens = tokens.lock().expect("no test panics").clone();
    let different: HashSet<&String> = tokens.iter().collect();
    assert!(tokens.len() >= 2 && different.len() == tokens.len(), "{tokens:?}");
    assert_eq!(tokens.last().map(String::as_str), job.token());
}

fn token_of_claim(command: &RawDocument) -> Option<String> {
    let command = Document::try_from(command).ok()?;
    command.get_str("findAndModify").ok()?;
    let stages = command.get_array("update").ok()?;
    let sets = stages.iter().filter_map(|stage| stage.as_document()?.get_document("$set").ok());
    sets.into_iter().find_map(|set| set.get_str("claimToken").ok()).map(str::to_owned)
}

/// Two calls whose jobs travel together, and were written though every reply was lost. The first call gives up; the second
/// goes on until it is told the truth.
async fn assert_one_caller_goes_on_after_another_gave_up(job: impl Fn(&str) -> NewJob) {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine_with(&queue, |settings| {
        settings.server_selection_timeout_ms = Some(4_000);
        (settings.retry_reads, settings.retry_writes) = (Some(false), Some(false));
    });
    opened.engine.stats(None).await.expect("the server answers");
    let losing = proxy.lose_replies_while(|command| command.get_str("insert").is_ok());
    let enqueue = |name: &str| {
        let (engine, job) = (opened.engine.clone(), job(name));
        tokio::spawn(async move { engine.enqueue(job).await })
    };
    // While the first of them is tried the other two gather behind it. The last runs out of patience later than the others by more
    // than the longest pause between two tries.
    let before = enqueue("before");
    let_pass(Duration::from_secs(1), "the patience of one call ends before the next one's").await;
    let first = enqueue("first");
    let_pass(Duration::from_millis(1_500), "the patience of one call ends before the next one's").await;
    let second = enqueue("second");
    for call in [before, first] {
        call.await.expect("no panic").expect_err("no reply has come");
    }
    assert!(!second.is_finished());
    assert_eq!(queue.count(doc! { "data": { "$in": ["first", "second"] } }).await, 2, "both were written");
    losing.stop();
    let id = second.await.expect("no panic").expect("enqueued").expect("its own job");
    assert_eq!(queue.job(&id).await.get_str("data").ok(), Some("second"));
    for name in ["before", "first", "second"] {
        assert_eq!(queue.count(doc! { "data": name }).await, 1, "{name}");
    }
}

#[tokio::test]
async fn a_job_keeps_its_id_after_another_caller_of_its_batch_gave_up() {
    assert_one_caller_goes_on_after_another_gave_up(|name| Job::of("t").data(name).into()).await;
}

#[tokio::test]
async fn a_job_with_a_key_is_known_as_ones_own_after_another_caller_of_its_batch_gave_up() {
    let keyed = |name: &str| Job::of("t").data(name).exclusive(name).into();
    assert_one_caller_goes_on_after_another_gave_up(keyed).await;
}

/// A claim that takes a job behind a held key, and of which neither the write nor the first look at it is answered.
#[tokio::test]
async fn a_single_claim_past_a_held_key_finds_what_it_took_however_many_replies_are_lost() {
    let (queue, proxy, opened) = start().await;
    let keyed = |mut job: Document| {
        job.extend(doc! { "dedupeKey": "k", "dedupeScope": "pending", "priority": -1 });
        job
    };
    queue.insert([keyed(active("running", "t", "token")), keyed(pending("behind it", "t"))]).await;
    queue.insert(["1", "2"].map(|id| pending(id, "t"))).await;
    proxy.lose_reply_if(|command| writes(command, "active"));
    // Reading the batch back goes by its one token; the look at what a claim has left behind, by all of them.
    let losing = proxy.lose_replies_while(|command| {
        command.get_document("filter").is_ok_and(|filter| filter.get_str("claimToken").is_ok())
    });
    let claimed = opened.engine.claim_next("t").await.expect("the server answers").expect("a job");
    losing.stop();
    assert_eq!(claimed.id(), "1");
    assert_eq!(queue.job("1").await.get_str("claimToken").ok(), claimed.token());
    assert_eq!(queue.status("2").await, "pending");
    assert!(proxy.lost() > 2);
}
