//! Tries that are made again: others may come between two of them, and the first may still arrive.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use durabl_engine::{Settled, Verdict};
use mongodb::bson::{Document, RawDocument, doc};

use super::{start, writes};
use crate::support::{active, fail_point::FailPoint, pending};

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
    // A try that nobody waits for any more could still come to the server.
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
