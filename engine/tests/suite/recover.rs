//! Jobs whose holder is gone go on elsewhere, each once. A lease that is alive stays its holder's.

use std::time::Duration;

use durabl_engine::{Event, Settled, Sweep, Verdict};
use mongodb::bson::{Bson, Document, RawDocument, doc};

use crate::support::{TestQueue, active, documents::moment, eventually, pending, proxy::Proxy};

const VISIBILITY_TIMEOUT: Duration = Duration::from_secs(60);

fn claimed_ago(id: &str, ms: i64) -> Document {
    let mut job = active(id, "t", &format!("token-of-{id}"));
    job.insert("claimedAt", moment(-ms));
    job
}

/// As a processor claims: marked with the length of the lease.
fn managed(mut job: Document, lease_ms: i64) -> Document {
    let mark = doc! { "token": job.get("claimToken"), "attempt": job.get("attempt"), "ms": lease_ms };
    job.insert("lease", mark);
    job
}

async fn recovered(queue: &TestQueue, jobs: impl IntoIterator<Item = Document>) -> Vec<String> {
    recovered_after(queue, VISIBILITY_TIMEOUT, jobs).await
}

async fn recovered_after(
    queue: &TestQueue,
    timeout: Duration,
    jobs: impl IntoIterator<Item = Document>,
) -> Vec<String> {
    queue.insert(jobs).await;
    let engine = queue.engine();
    let sweep = engine.engine.recover_stuck_jobs(timeout, 1_000).await.expect("the server answers");
    let jobs = queue.all().await.into_iter();
    let mut ids: Vec<String> = jobs
        .filter(|job| job.get_str("status").is_ok_and(|status| status != "active"))
        .map(|job| job.get_str("_id").expect("an id").to_owned())
        .collect();
    assert_eq!(sweep.handled, ids.len() as u64);
    ids.sort();
    ids
}

#[tokio::test]
async fn a_managed_lease_ends_with_its_length_and_any_other_with_the_visibility_timeout() {
    let (queue, _opened) = TestQueue::start().await;
    let ids = recovered(
        &queue,
        [
            managed(claimed_ago("managed, over", 2_500), 2_000),
            managed(claimed_ago("managed, alive", 2_500), 50_000),
            managed(claimed_ago("managed for longer than the timeout", 70_000), 500_000),
            claimed_ago("by hand, over", 61_000),
            claimed_ago("by hand, alive", 50_000),
        ],
    )
    .await;
    assert_eq!(ids, ["by hand, over", "managed, over"]);
}

#[tokio::test]
async fn with_a_timeout_of_0_every_active_job_is_recovered() {
    let (queue, _opened) = TestQueue::start().await;
    let ids = recovered_after(
        &queue,
        Duration::ZERO,
        [
            managed(claimed_ago("managed, alive", 10), 50_000),
            claimed_ago("by hand, alive", 10),
            claimed_ago("claimed by a clock that runs ahead", -60_000),
        ],
    )
    .await;
    assert_eq!(ids, ["by hand, alive", "claimed by a clock that runs ahead", "managed, alive"]);
}

#[tokio::test]
async fn claims_of_older_versions_end_with_the_visibility_timeout() {
    let (queue, _opened) = TestQueue::start().await;
    // They know nothing of the mark that an earlier, managed claim of the same job may have left.
    let taken_over = |id: &str, age: i64, token: Bson| {
        let mut job = managed(claimed_ago(id, age), 2_000);
        job.extend(doc! { "claimToken": token, "attempt": 2 });
        job
    };
    let without = |id: &str, age: i64, field: &str| {
        let mut job = claimed_ago(id, age);
        job.remove(field);
        job
    };
    let nulls = |id: &str, age: i64| {
        let mut job = claimed_ago(id, age);
        for field in ["lease", "dedupeKey", "dedupeScope", "backoff", "completedAt", "failedAt", "failReason"]
        {
            job.insert(field, Bson::Null);
        }
        job
    };
    let ids = recovered(
        &queue,
        [
            taken_over("taken over, alive", 50_000, "new".into()),
            taken_over("taken over, over", 61_000, "new".into()),
            taken_over("taken over without a token, alive", 50_000, Bson::Null),
            taken_over("taken over without a token, over", 61_000, Bson::Null),
            without("no token, alive", 50_000, "claimToken"),
            without("no token, over", 61_000, "claimToken"),
            without("no claim time", 0, "claimedAt"),
            nulls("nulls, alive", 50_000),
            nulls("nulls, over", 61_000),
        ],
    )
    .await;
    let over = [
        "taken over, over",
        "taken over without a token, over",
        "no token, over",
        "no claim time",
        "nulls, over",
    ];
    let mut expected = over.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn a_recovered_job_bears_no_trace_of_its_claim_and_has_spent_its_attempt() {
    let (queue, opened) = TestQueue::start().await;
    let mut job = managed(claimed_ago("job", 100_000), 2_000);
    job.insert("settledTokens", ["token-of-job", "another"].map(Bson::from).to_vec());
    recovered(&queue, [job]).await;
    let job = queue.job("job").await;
    for field in ["claimToken", "claimedAt", "lease"] {
        assert!(!job.contains_key(field), "{field}");
    }
    // The holder that gave it back before may still be waiting for the reply.
    assert_eq!(job.get_array("settledTokens").ok(), Some(&vec!["another".into()]));
    let stale = opened.engine.settle("job", Some("token-of-job"), Verdict::Complete, None).await;
    assert_eq!(stale, Ok(Settled::LeaseLost));
    let again = opened.engine.claim_next("t").await.expect("the server answers").expect("the job");
    assert_eq!(again.attempt(), 2);
}

#[tokio::test]
async fn a_sweep_wakes_its_own_process_if_it_recovered_a_job() {
    let (queue, opened) = TestQueue::start().await;
    opened.engine.watch(true);
    let sweep = async || {
        let sweep = opened.engine.recover_stuck_jobs(VISIBILITY_TIMEOUT, 100).await;
        sweep.expect("the server answers").handled
    };
    let wakes =
        || opened.recorder.events().into_iter().filter(|event| matches!(event, Event::Wake(_))).count();
    queue.insert([claimed_ago("alive", 0)]).await;
    assert_eq!((sweep().await, wakes()), (0, 0));
    // No stream is open, and no poll comes: what the sink hears of it comes from the sweep.
    queue.insert([claimed_ago("over", 100_000)]).await;
    assert_eq!((sweep().await, wakes()), (1, 1));
}

#[tokio::test]
async fn the_sweeps_of_a_worker_wake_it_for_what_they_recovered() {
    let (queue, opened) = TestQueue::start().await;
    opened.engine.watch(true);
    queue.insert([claimed_ago("over", 100_000)]).await;
    opened.engine.start_recovery(Duration::from_millis(200));
    let wake = |event: &Event| matches!(event, Event::Wake(_)).then_some(());
    opened.recorder.event("a wake-up", wake).await;
    assert_eq!(queue.status("over").await, "pending");
}

#[tokio::test]
async fn an_exhausted_job_fails_or_yields_to_its_follower() {
    let (queue, _opened) = TestQueue::start().await;
    let exhausted = |id: &str| {
        let mut job = claimed_ago(id, 100_000);
        job.insert("attempt", 3);
        job
    };
    let keyed = |mut job: Document, key: &str| {
        job.extend(doc! { "dedupeKey": key, "dedupeScope": "pending" });
        job
    };
    queue.insert([keyed(pending("a follower", "u"), "a"), keyed(pending("b follower", "t"), "b")]).await;
    let engine = queue.engine();
    queue
        .insert([
            exhausted("alone"),
            keyed(exhausted("followed"), "a"),
            keyed(claimed_ago("followed with attempts left", 100_000), "b"),
            keyed(exhausted("keyed, alone"), "c"),
        ])
        .await;
    let sweep = engine.engine.recover_stuck_jobs(VISIBILITY_TIMEOUT, 100).await.expect("the server answers");
    assert_eq!((sweep.handled, sweep.saturated), (4, false));
    for (id, status) in [
        ("alone", "failed"),
        ("followed", "superseded"),
        ("followed with attempts left", "superseded"),
        ("keyed, alone", "failed"),
    ] {
        let job = queue.job(id).await;
        assert_eq!(job.get_str("status").ok(), Some(status), "{id}");
        assert!(job.get_datetime("failedAt").is_ok() && job.get_str("failReason").is_ok(), "{id}: {job}");
    }
}

#[tokio::test]
async fn a_sweep_takes_no_more_than_it_may_and_says_so() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert((0..25).map(|number| claimed_ago(&format!("job-{number:02}"), 100_000 - number))).await;
    let sweep = async |most| {
        let sweep =
            opened.engine.recover_stuck_jobs(VISIBILITY_TIMEOUT, most).await.expect("the server answers");
        (sweep.handled, sweep.saturated)
    };
    assert_eq!(sweep(0).await, (0, false));
    assert_eq!(sweep(10).await, (10, true));
    // The longest expired first.
    assert_eq!(queue.count(doc! { "_id": { "$lt": "job-10" }, "status": "pending" }).await, 10);
    assert_eq!(sweep(10).await, (10, true));
    assert_eq!(sweep(10).await, (5, false));
    assert_eq!(sweep(10).await, (0, false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_reapers_at_once_handle_each_job_once() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert((0..400).map(|number| claimed_ago(&format!("job-{number}"), 100_000))).await;
    let mut engines = vec![opened];
    engines.extend((1..4).map(|_| queue.engine()));
    let mut reapers = tokio::task::JoinSet::new();
    for opened in &engines {
        for _ in 0..2 {
            let engine = opened.engine.clone();
            reapers.spawn(async move {
                let mut handled = 0;
                for _ in 0..5 {
                    let sweep = engine.recover_stuck_jobs(VISIBILITY_TIMEOUT, 150).await;
                    handled += sweep.expect("the server answers").handled;
                }
                handled
            });
        }
    }
    assert_eq!(reapers.join_all().await.iter().sum::<u64>(), 400);
    assert_eq!(queue.count(doc! { "status": "pending", "attempt": 1 }).await, 400);
}

/// The reaper's write, held between its look and the server.
fn is_take_back(command: &RawDocument) -> bool {
    command.get_str("update").is_ok()
}

#[tokio::test]
async fn a_lease_renewed_between_a_reapers_look_and_its_write_is_left_alone() {
    let (queue, opened) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let reaper = proxy.engine(&queue);
    queue.insert([claimed_ago("renewed", 100_000), claimed_ago("gone", 100_000)]).await;
    let held = proxy.hold_if(is_take_back);
    let sweep = tokio::spawn(async move { reaper.engine.recover_stuck_jobs(VISIBILITY_TIMEOUT, 100).await });
    held.has_come().await;
    assert_eq!(opened.engine.heartbeat("renewed", Some("token-of-renewed")).await, Ok(true));
    drop(held);
    assert_eq!(sweep.await.expect("it ends").expect("the server answers").handled, 1);
    assert_eq!(queue.status("renewed").await, "active");
    assert_eq!(queue.status("gone").await, "pending");
}

#[tokio::test]
async fn a_job_that_changed_hands_between_a_reapers_look_and_its_write_is_left_alone() {
    let (queue, opened) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let reaper = proxy.engine(&queue);
    queue.insert([claimed_ago("job", 100_000)]).await;
    let held = proxy.hold_if(is_take_back);
    let sweep = tokio::spawn(async move { reaper.engine.recover_stuck_jobs(VISIBILITY_TIMEOUT, 100).await });
    held.has_come().await;
    // Another reaper was quicker, and a worker as well.
    opened.engine.recover_stuck_jobs(VISIBILITY_TIMEOUT, 100).await.expect("the server answers");
    let claimed = opened.engine.claim_next("t").await.expect("the server answers").expect("the job");
    drop(held);
    assert_eq!(sweep.await.expect("it ends").expect("the server answers").handled, 0);
    let completed = opened.engine.settle("job", claimed.token(), Verdict::Complete, None).await;
    assert_eq!(completed, Ok(Settled::Completed));
}

#[tokio::test]
async fn a_dead_workers_jobs_run_elsewhere_without_a_call() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([managed(claimed_ago("job", 3_000), 2_000)]).await;
    opened.process("t", 1);
    opened.engine.start_recovery(Duration::from_secs(2));
    let job = opened.recorder.next_job().await;
    assert_eq!((job.id(), job.document.get_i32("attempt").ok()), ("job", Some(2)));
    opened
        .recorder
        .event("word of the recovery", |event| {
            matches!(event, Event::Recovered(Sweep { handled: 1, saturated: false, .. })).then_some(())
        })
        .await;
}

#[tokio::test]
async fn a_sweep_names_the_jobs_that_it_has_recovered_and_their_ends() {
    let (queue, opened) = TestQueue::start().await;
    let with = |id: &str, fields: Document| {
        let mut job = managed(claimed_ago(id, 3_000), 2_000);
        job.extend(fields);
        job
    };
    queue
        .insert([
            with("again", doc! {}),
            with("last", doc! { "attempt": 3 }),
            with("cancelled", doc! { "cancelRequestedAt": moment(-1_000) }),
        ])
        .await;
    opened.engine.start_recovery(Duration::from_secs(2));
    let mut jobs = opened
        .recorder
        .event("word of the recovery", |event| match event {
            Event::Recovered(sweep) => Some(sweep.jobs.clone()),
            _ => None,
        })
        .await;
    jobs.sort_by(|one, other| one.id.cmp(&other.id));
    let named: Vec<_> = jobs.iter().map(|job| (job.id.as_str(), job.attempt, job.ending)).collect();
    assert_eq!(
        named,
        [("again", 1, None), ("cancelled", 1, Some("cancelled")), ("last", 3, Some("exhausted"))]
    );
    assert!(jobs.iter().all(|job| job.job_type == "t" && job.max_attempts == 3));
}

#[tokio::test]
async fn sweeps_that_fail_are_told_of_and_go_on() {
    let (queue, direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine_with(&queue, |settings| settings.server_selection_timeout_ms = Some(200));
    proxy.go_down();
    opened.engine.start_recovery(Duration::from_secs(1));
    let (is_first, message) = opened
        .recorder
        .event("word of the failure", |event| match event {
            Event::RecoveryFailed { is_first, message } => Some((*is_first, message.clone())),
            _ => None,
        })
        .await;
    assert!(is_first && !message.is_empty());
    proxy.come_back();
    queue.insert([managed(claimed_ago("job", 3_000), 2_000)]).await;
    eventually("the job to be recovered", async || (queue.status("job").await == "pending").then_some(()))
        .await;
    drop(direct);
}

#[tokio::test]
async fn a_job_whose_worker_has_gone_says_so_in_its_log() {
    let (queue, opened) = TestQueue::start().await;
    let with = |mut job: Document, changes: Document| {
        job.extend(changes);
        job
    };
    let keyed = || doc! { "dedupeKey": "k", "dedupeScope": "pending" };
    queue
        .insert([
            with(managed(claimed_ago("again", 3_000), 2_000), doc! { "maxAttempts": 3 }),
            with(managed(claimed_ago("ended", 3_000), 2_000), doc! { "maxAttempts": 1 }),
            with(managed(claimed_ago("followed", 3_000), 2_000), keyed()),
            with(pending("follower", "t"), keyed()),
        ])
        .await;
    let sweep = opened.engine.recover_stuck_jobs(Duration::from_secs(60), 10).await.expect("it answers");
    assert_eq!(sweep.handled, 3);
    let (gone, why) = ("the lease expired on attempt 1 of", "the job stalled, as its worker is gone");
    assert_eq!(queue.logged("again").await, [format!("Attempt failed: {gone} 3: {why}")]);
    assert_eq!(queue.logged("ended").await, [format!("Failed: {gone} 1: {why}")]);
    let followed = ["Superseded: the lease expired: the job stalled, and a follower covers the work"];
    assert_eq!(queue.logged("followed").await, followed);
    assert!(!queue.job("again").await.contains_key("failReason"));
}
