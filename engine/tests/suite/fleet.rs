//! The knowledge that all workers of a queue share: the register, the counts, the history.

use std::time::{Duration, Instant};

use durabl_engine::{Action, Settled, Verdict, bson::Bson};
use mongodb::bson::{DateTime, Document, doc};

use crate::support::{
    Job, Opened, TestQueue, active, documents::moment, eventually, let_pass, pending, profile, proxy::Proxy,
    queue::SIDE,
};

async fn workers(queue: &TestQueue) -> u64 {
    queue.side().count_documents(doc! { "kind": "worker" }).await.expect("they can be counted")
}

#[tokio::test]
async fn a_worker_is_registered_while_it_has_processors() {
    let (queue, opened) = TestQueue::start().await;
    let_pass(Duration::from_millis(200), "one without processors would have told of itself").await;
    assert_eq!(workers(&queue).await, 0);
    opened.process("t", 3);
    opened.process("$u", 2);
    eventually("the registration", async || (workers(&queue).await == 1).then_some(())).await;
    let told = opened.engine.workers().await.expect("the server answers").remove(0);
    assert!(told.get_datetime("startedAt").is_ok() && told.get_datetime("seenAt").is_ok());
    let types: Vec<(&str, i64)> = told
        .get_array("types")
        .expect("types")
        .iter()
        .filter_map(Bson::as_document)
        .map(|known| {
            (known.get_str("type").expect("a type"), known.get_i64("concurrency").expect("a number"))
        })
        .collect();
    // It may have told of itself between the two.
    assert!(types == [("$u", 2), ("t", 3)] || types == [("t", 3)], "{types:?}");
    opened.engine.enqueue(Job::of("t").into()).await.expect("enqueued");
    let running = opened.recorder.next_job().await;
    // Its next registration by the clock is ten seconds away.
    let began = Instant::now();
    opened.process("later", 1);
    let is_told = doc! { "kind": "worker", "types.type": { "$all": ["t", "$u", "later"] } };
    eventually("the registration of a later processor", async || {
        let told = queue.side().count_documents(is_told.clone()).await.expect("they can be counted");
        (told == 1).then_some(())
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let is_told = doc! { "kind": "worker", "types": { "$elemMatch": { "type": "t", "active": 1 } } };
    assert_eq!(queue.side().count_documents(is_told).await.expect("they can be counted"), 1);
    opened.finish(running.run_id, Verdict::Complete);
    opened.recorder.outcome(running.run_id).await.expect("the server answers");
    opened.engine.shutdown(Duration::from_secs(5)).await;
    assert_eq!(workers(&queue).await, 0);
}

async fn run_one(opened: &Opened, verdict: Verdict, settled: Settled) {
    let job = opened.recorder.next_job().await;
    opened.finish(job.run_id, verdict);
    assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(settled));
}

#[tokio::test]
async fn the_history_has_what_ended_in_a_few_writes() {
    let (queue, opened) = TestQueue::start().await;
    opened.process("t", 1);
    profile::start(&queue, &opened).await;
    for _ in 0..20 {
        opened.engine.enqueue(Job::of("t").into()).await.expect("enqueued");
        run_one(&opened, Verdict::Complete, Settled::Completed).await;
    }
    for (attempts, verdict) in [(1, Verdict::Fail), (3, Verdict::FailFatal)] {
        opened.engine.enqueue(Job::of("t").max_attempts(attempts).into()).await.expect("enqueued");
        run_one(&opened, verdict, Settled::FailedTerminal).await;
    }
    let id = opened.engine.enqueue(Job::of("t").into()).await.expect("enqueued").expect("a new job");
    let job = opened.recorder.next_job().await;
    opened.engine.cancel(&[id], None).await.expect("the server answers");
    opened.finish(job.run_id, Verdict::Fail);
    assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(Settled::Cancelled));
    opened.engine.shutdown(Duration::from_secs(5)).await;
    let writes = profile::so_far_on(&queue, SIDE).await;
    let writes = writes.iter().filter(|operation| operation.name() == "update").count();
    assert!(writes <= 6, "{writes} writes");
    let elsewhere = queue.engine();
    let counted = sums(&elsewhere, ["completed", "exhausted", "fatal", "failedAttempts", "cancelled"]).await;
    assert_eq!(counted, [20, 1, 1, 2, 1]);
    let now = DateTime::now().timestamp_millis();
    let hours = elsewhere.engine.history(Some("t"), now - 3_600_000, now + 60_000).await;
    let hours = hours.expect("the server answers");
    assert_eq!(elsewhere.engine.history(None, now - 3_600_000, now + 60_000).await, Ok(hours.clone()));
    // The end of the time that is asked for is not in it.
    let hour = hours[0].get_str("_id").ok().and_then(|id| id.rsplit(':').next()?.parse::<i64>().ok());
    let hour = hour.expect("the id ends with the hour");
    for job_type in [Some("t"), None] {
        let found = async |first: i64, end: i64| {
            let found = elsewhere.engine.history(job_type, first * 3_600_000, end * 3_600_000).await;
            found.expect("the server answers").contains(&hours[0])
        };
        assert!(found(hour, hour + 1).await);
        assert!(!found(hour - 1, hour).await && !found(hour + 1, hour + 2).await);
        assert!(!found(hour, hour).await);
    }
}

#[tokio::test]
async fn counts_are_made_once_for_all_callers() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert((0..20).map(|number| pending(&number.to_string(), "t"))).await;
    let first = opened.engine.counts().await.expect("the server answers");
    queue.insert([pending("one more", "t")]).await;
    let elsewhere = queue.engine();
    profile::start(&queue, &elsewhere).await;
    for _ in 0..10 {
        let again = elsewhere.engine.counts().await.expect("the server answers");
        assert_eq!(again.get("at"), first.get("at"));
    }
    assert!(profile::so_far(&queue).await.is_empty(), "the jobs are not read");
    // Once its time has come one of many counts, and the others go by it or by what was known.
    let past = doc! { "$set": { "nextAt": moment(-1) } };
    queue.side().update_one(doc! { "_id": "counts" }, past).await.expect("it can be written");
    let (one, other) = tokio::join!(opened.engine.counts(), elsewhere.engine.counts());
    assert!(one.is_ok() && other.is_ok());
    let newest = elsewhere.engine.counts().await.expect("the server answers");
    assert_ne!(newest.get("at"), first.get("at"));
}

#[tokio::test]
async fn the_counts_of_all_types_add_up() {
    let (queue, opened) = TestQueue::start().await;
    for (job_type, status, count) in [
        ("t", "pending", 4),
        ("t", "active", 3),
        ("t", "failed", 2),
        ("t", "superseded", 1),
        ("t", "completed", 5),
        ("u", "active", 2),
        ("u", "completed", 6),
    ] {
        let jobs = (0..count).map(|number| {
            let mut job = active(&format!("{job_type}-{status}-{number}"), job_type, "token");
            job.insert("status", status);
            job
        });
        queue.insert(jobs).await;
    }
    let counts = opened.engine.counts().await.expect("the server answers");
    let number = |of: &Document, field: &str| {
        of.get_document(field).expect("a count").get_i64("count").expect("a number")
    };
    assert_eq!(number(&counts, "completedTotal"), 11);
    let types: Vec<_> =
        counts.get_array("types").expect("types").iter().filter_map(Bson::as_document).collect();
    let open = types
        .iter()
        .map(|of| (of.get_str("type").expect("a type"), number(of, "pending"), number(of, "active")));
    assert_eq!(open.collect::<Vec<_>>(), [("t", 4, 3), ("u", 0, 2)]);
    let lags: Vec<i64> = types.iter().map(|of| of.get_i64("lagMs").expect("a number")).collect();
    assert!((60_000..3_600_000).contains(&lags[0]) && lags[1] == 0, "{lags:?}");
}

#[tokio::test]
async fn counts_read_one_key_for_each_job_and_no_document() {
    let (queue, opened) = TestQueue::start().await;
    for chunk in 0..4 {
        let jobs = (0..1_000).map(|number| {
            let mut job = pending(&format!("{chunk}-{number}"), "t");
            if number % 2 == 0 {
                job.extend(doc! { "status": "failed", "failedAt": moment(-1_000) });
            }
            job
        });
        queue.insert(jobs).await;
    }
    profile::start(&queue, &opened).await;
    let began = Instant::now();
    opened.engine.counts().await.expect("the server answers");
    assert!(began.elapsed() < Duration::from_secs(5));
    let operations = profile::stop(&queue).await;
    let examined: i64 = operations.iter().map(profile::Operation::keys_examined).sum();
    assert!((6_000..6_200).contains(&examined), "{examined} keys");
    for operation in &operations {
        assert!(!operation.plan().contains("COLLSCAN"), "{:?}", operation.entry);
        assert!(operation.documents_examined() <= 1, "{:?}", operation.entry);
    }
}

/// Failed jobs of one type, as many of each ending.
fn failed(ending: Option<&str>, from: usize, to: usize) -> Vec<Document> {
    (from..to)
        .map(|number| {
            let mut job = pending(&format!("{}-{number}", ending.unwrap_or("old")), "t");
            job.extend(doc! { "status": "failed", "failedAt": moment(-1_000) });
            job.extend(ending.map_or(doc! {}, |ending| doc! { "ending": ending }));
            job
        })
        .collect()
}

#[tokio::test]
async fn cancelled_and_expired_jobs_are_no_failures_and_cost_a_key_each() {
    let (queue, opened) = TestQueue::start().await;
    let mut before = 0;
    for (from, to) in [(0, 500), (500, 1_500)] {
        for ending in [Some("exhausted"), Some("cancelled"), Some("expired"), None] {
            queue.insert(failed(ending, from, to)).await;
        }
        let past = doc! { "$set": { "nextAt": moment(-1) } };
        queue.side().update_one(doc! { "_id": "counts" }, past).await.expect("it can be written");
        profile::start(&queue, &opened).await;
        let counts = opened.engine.counts().await.expect("the server answers");
        let operations = profile::stop(&queue).await;
        let examined: i64 = operations.iter().map(profile::Operation::keys_examined).sum();
        let (failed, set_apart) = (4 * to as i64, 2 * to as i64);
        assert!((failed + set_apart..failed + set_apart + 100).contains(&examined), "{examined} keys");
        assert!(examined > before);
        before = examined;
        for operation in &operations {
            assert!(!operation.plan().contains("COLLSCAN"), "{:?}", operation.entry);
            assert!(operation.documents_examined() <= 1, "{:?}", operation.entry);
        }
        let of_type = counts.get_array("types").expect("types")[0].as_document().expect("one");
        let counted = of_type.get_document("failed").expect("a count");
        assert_eq!(counted, &doc! { "count": 2 * to as i64, "precision": "exact" });
    }
}

/// The sums of a type's minutes, by name.
async fn sums<const N: usize>(opened: &Opened, names: [&str; N]) -> [i64; N] {
    let now = DateTime::now().timestamp_millis();
    let hours = opened.engine.history(Some("t"), now - 3_600_000, now + 60_000).await;
    let hours = hours.expect("the server answers");
    let minutes: Vec<&Document> = hours
        .iter()
        .flat_map(|hour| hour.get_document("minutes").expect("minutes").values())
        .filter_map(Bson::as_document)
        .collect();
    names.map(|name| minutes.iter().filter_map(|minute| minute.get_i64(name).ok()).sum())
}

#[tokio::test]
async fn the_history_has_what_sweeps_and_cancellations_have_ended() {
    let (queue, opened) = TestQueue::start().await;
    let left = |id: &str, attempt: i32, fields: Document| {
        let mut job = active(id, "t", "token");
        job.extend(doc! { "claimedAt": moment(-600_000), "attempt": attempt });
        job.extend(fields);
        job
    };
    let mut waiting = pending("waiting", "t");
    waiting.insert("runAt", moment(3_600_000));
    queue
        .insert([
            left("to run again", 1, doc! {}),
            left("exhausted", 3, doc! {}),
            left("cancelled", 1, doc! { "cancelRequestedAt": moment(-1_000) }),
            waiting,
        ])
        .await;
    // Its processor writes the history down, and runs nothing.
    opened.process("t", 0);
    let sweep = opened.engine.recover_stuck_jobs(Duration::from_secs(60), 10).await.expect("it answers");
    assert_eq!(sweep.handled, 3);
    opened.engine.cancel(&["waiting".to_owned()], None).await.expect("it answers");
    opened.engine.shutdown(Duration::from_secs(5)).await;
    let names = ["exhausted", "cancelled", "failedAttempts", "completed"];
    assert_eq!(sums(&queue.engine(), names).await, [1, 2, 2, 0]);
}

#[tokio::test]
async fn a_worker_that_ends_before_it_is_registered_writes_its_history_down() {
    let (queue, _) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    proxy.want_side();
    let opened = proxy.engine(&queue);
    let held = proxy.hold_if(|command| {
        command.get_document("filter").is_ok_and(|of| of.get_str("kind").is_ok_and(|kind| kind == "type"))
    });
    opened.process("t", 0);
    held.has_come().await;
    let mut stuck = active("stuck", "t", "token");
    stuck.extend(doc! { "claimedAt": moment(-600_000), "attempt": 3 });
    queue.insert([stuck]).await;
    let sweep = opened.engine.recover_stuck_jobs(Duration::from_secs(60), 10).await.expect("it answers");
    assert_eq!(sweep.handled, 1);
    opened.engine.shutdown(Duration::from_secs(5)).await;
    assert_eq!(sums(&queue.engine(), ["exhausted"]).await, [1]);
}

#[tokio::test]
async fn acts_of_operators_are_listed_the_newest_first_and_page_by_page() {
    let (_queue, opened) = TestQueue::start().await;
    assert_eq!(opened.engine.actions(None, 10).await, Ok(vec![]));
    let mut ids = Vec::new();
    for number in 0..3 {
        let action = Action {
            by: (number > 0).then(|| "$anna".to_owned()),
            action: format!("$act-{number}"),
            target: Some("$job".to_owned()),
            note: None,
        };
        ids.push(opened.engine.record_action(action).await.expect("it is written"));
    }
    let listed = async |before: Option<&str>, most| -> Vec<String> {
        let found = opened.engine.actions(before, most).await.expect("the server answers");
        found.iter().map(|action| action.get_str("action").expect("a name").to_owned()).collect()
    };
    assert_eq!(listed(None, 10).await, ["$act-2", "$act-1", "$act-0"]);
    assert_eq!(listed(None, 1).await, ["$act-2"]);
    assert_eq!(listed(Some(&ids[2]), 10).await, ["$act-1", "$act-0"]);
    let oldest = opened.engine.actions(Some(&ids[1]), 10).await.expect("the server answers").remove(0);
    assert_eq!((oldest.get("by"), oldest.get_str("target").ok()), (Some(&Bson::Null), Some("$job")));
    let [at, until] = ["at", "expireAt"].map(|field| oldest.get_datetime(field).expect("a time"));
    assert!(until > at);
}
