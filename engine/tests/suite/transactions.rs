//! The engine's part in transactions that the app runs: it plans their writes, leaves leases alone, and reads back.

mod held_up;
mod late_renewals;
mod lost_replies;

use std::time::{Duration, Instant};

use durabl_engine::{NewJob, PlannedJob, Settled, Verdict};
use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf, doc};

use crate::support::{
    Job, Opened, TestQueue, active, eventually, let_pass, pending,
    proxy::Proxy,
    recorder::Delivered,
    told::{ROUNDS, assert_told},
};

const HEARTBEAT: Duration = Duration::from_millis(500);
/// Four heartbeats. Much longer than a busy machine takes for the writes that have to be acknowledged within it.
const LEASE: Duration = Duration::from_secs(2);
/// Its last tenth is how long before its end it is given up.
const LONG_LEASE: Duration = Duration::from_secs(8);

fn decoded(write: &RawDocumentBuf) -> Document {
    Document::try_from(write.as_ref()).expect("it can be decoded")
}

async fn plan(opened: &Opened, jobs: Vec<Job>) -> Vec<PlannedJob> {
    let jobs = jobs.into_iter().map(NewJob::from).collect();
    opened.engine.plan_enqueue(jobs).await.expect("the server tells its time")
}

/// Runs the writes of a job as a driver does; whether the job was made.
async fn run(queue: &TestQueue, planned: &PlannedJob) -> bool {
    let mut is_made = false;
    for write in &planned.writes {
        let mut write = decoded(write);
        if let Ok(document) = write.get_document("insert") {
            queue.insert([document.clone()]).await;
            is_made = true;
            continue;
        }
        write.insert("multi", false);
        let command = doc! { "update": "jobs", "updates": [write] };
        let reply = queue.database.run_command(command).await.expect("the server takes it");
        assert!(!reply.contains_key("writeErrors"), "{reply}");
        is_made = reply.contains_key("upserted");
    }
    is_made
}

/// Runs what completes a claim; whether it matched.
async fn complete(queue: &TestQueue, opened: &Opened, id: &str, token: Option<&str>) -> bool {
    let planned = opened.engine.plan_completion(id, token, None).expect("it can be planned");
    let command = doc! { "update": "jobs", "updates": [decoded(&planned)] };
    let reply = queue.database.run_command(command).await.expect("the server takes it");
    assert!(!reply.contains_key("writeErrors"), "{reply}");
    reply.get_i32("n").ok() == Some(1)
}

#[tokio::test]
async fn a_planned_job_is_the_job_that_an_enqueue_makes() {
    let (queue, opened) = TestQueue::start().await;
    let data = doc! { "$set": { "a": "$b" }, "dotted.name": "$$NOW", "n": 7_i64, "when": DateTime::now() };
    for keyed in [
        |job: Job| job,
        |job: Job| job.exclusive("k"),
        |job: Job| job.single_flight("k"),
        |job: Job| job.single_flight("k").coalesce(),
    ] {
        let job =
            || keyed(Job::of("t").data(data.clone()).delay_ms(60_000).max_attempts(7).fixed_backoff_ms(5));
        let enqueued = opened.engine.enqueue(job().into()).await.expect("the server answers");
        let mut expected = queue.job(&enqueued.expect("its key is free")).await;
        queue.jobs().delete_many(doc! {}).await.expect("they can be removed");

        let planned = plan(&opened, vec![job()]).await.remove(0);
        assert!(run(&queue, &planned).await);
        let mut made = queue.job(&planned.id).await;
        let between = |field| {
            let at = |job: &Document| job.get_datetime(field).expect("a time").timestamp_millis();
            at(&made) - at(&expected)
        };
        assert!((0..5_000).contains(&between("createdAt")), "{}", between("createdAt"));
        assert!((0..5_000).contains(&between("runAt")));
        for field in ["_id", "createdAt", "runAt", "keyHeld"] {
            made.remove(field);
            expected.remove(field);
        }
        let in_order = |job: Document| {
            let mut fields: Vec<(String, Bson)> = job.into_iter().collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            fields
        };
        assert_eq!(in_order(made), in_order(expected));
        queue.jobs().delete_many(doc! {}).await.expect("they can be removed");
    }
}

#[tokio::test]
async fn a_held_key_is_found_and_its_holder_kept() {
    let (queue, opened) = TestQueue::start().await;
    for (scope, holder, follows) in [
        ("pending+active", pending("holder", "t"), false),
        ("pending+active", active("holder", "t", "token"), false),
        ("pending", pending("holder", "t"), false),
        ("pending", active("holder", "t", "token"), true),
    ] {
        let mut holder = holder;
        holder.extend(doc! { "dedupeKey": "k", "dedupeScope": scope });
        queue.insert([holder.clone()]).await;
        let job = Job::of("t").data("new");
        let job = if scope == "pending" { job.single_flight("k") } else { job.exclusive("k") };
        let planned = plan(&opened, vec![job]).await.remove(0);
        assert_eq!(run(&queue, &planned).await, follows, "{scope}");
        let mut kept = queue.job("holder").await;
        kept.remove("keyHeld");
        assert_eq!(kept, holder);
        queue.jobs().delete_many(doc! {}).await.expect("they can be removed");
    }
}

#[tokio::test]
async fn a_pending_holder_is_written_to_so_that_a_claim_of_it_is_noticed() {
    let (queue, opened) = TestQueue::start().await;
    let mut holder = pending("holder", "t");
    holder.extend(doc! { "dedupeKey": "k", "dedupeScope": "pending" });
    queue.insert([holder]).await;
    let mut marks = Vec::new();
    for _ in 0..3 {
        let planned = plan(&opened, vec![Job::of("t").single_flight("k")]).await.remove(0);
        assert!(!run(&queue, &planned).await);
        let mark = queue.job("holder").await.get_str("keyHeld").expect("a mark").to_owned();
        // A write of what is there already is none.
        assert!(!marks.contains(&mark));
        marks.push(mark);
    }
}

#[tokio::test]
async fn a_look_at_a_key_costs_a_few_index_keys_whatever_the_backlog() {
    let (queue, opened) = TestQueue::start().await;
    for scope in ["pending", "pending+active"] {
        let jobs = (0..2_000).map(|number| {
            let mut job = pending(&format!("{scope}-{number}"), "t");
            job.extend(doc! { "dedupeKey": format!("{scope}-{number}"), "dedupeScope": scope });
            job
        });
        queue.insert(jobs).await;
    }
    let jobs = vec![
        Job::of("t").single_flight("pending-77"),
        Job::of("t").single_flight("pending-77").coalesce(),
        Job::of("t").exclusive("pending+active-77"),
        Job::of("t").exclusive("free"),
    ];
    for planned in plan(&opened, jobs).await {
        for write in &planned.writes {
            let explain = doc! {
                "explain": { "update": "jobs", "updates": [decoded(write)] }, "verbosity": "executionStats",
            };
            let explained = queue.database.run_command(explain).await.expect("the server explains it");
            let stats = explained.get_document("executionStats").expect("figures");
            let keys = stats.get_i32("totalKeysExamined").expect("a figure");
            let documents = stats.get_i32("totalDocsExamined").expect("a figure");
            assert!(
                keys <= 10 && documents <= 2,
                "{keys} keys and {documents} documents: {}",
                decoded(write)
            );
        }
    }
}

#[tokio::test]
async fn a_planned_completion_is_fenced_and_frees_a_key_where_there_is_one() {
    let (queue, opened) = TestQueue::start().await;
    let keyed = |id: &str, scope: Option<&str>| {
        let mut job = active(id, "t", "token");
        job.insert("lease", doc! { "token": "token", "attempt": 1, "ms": 1_000 });
        if let Some(scope) = scope {
            job.extend(doc! { "dedupeKey": id, "dedupeScope": scope });
        }
        job
    };
    let jobs = [keyed("plain", None), keyed("one", Some("pending+active")), keyed("two", Some("pending"))];
    queue.insert(jobs).await;
    for (id, frees) in [("plain", false), ("one", false), ("two", true)] {
        assert!(!complete(&queue, &opened, id, Some("another's")).await);
        assert!(complete(&queue, &opened, id, Some("token")).await);
        assert!(!complete(&queue, &opened, id, Some("token")).await, "once");
        let job = queue.job(id).await;
        assert_eq!(job.get_str("status").ok(), Some("completed"));
        assert_eq!(job.get_str("claimToken").ok(), Some("token"));
        assert!(job.get_datetime("completedAt").is_ok() && !job.contains_key("lease"));
        assert_eq!(job.contains_key("keyFreed"), frees, "{id}");
        assert_eq!(opened.engine.read_back(id, Some("token")).await, Ok(Settled::Completed));
    }
    queue.insert([active("unfenced", "t", "token")]).await;
    assert!(complete(&queue, &opened, "unfenced", None).await);
    assert!(!complete(&queue, &opened, "unfenced", None).await);
}

#[tokio::test]
async fn the_fate_of_a_claim_is_read_back() {
    let (queue, opened) = TestQueue::start().await;
    let mut failed = active("failed", "t", "token");
    failed.insert("status", "failed");
    queue.insert([active("held", "t", "token"), active("taken", "t", "another's"), failed]).await;
    let read_back = |id: &'static str| opened.engine.read_back(id, Some("token"));
    assert_eq!(read_back("held").await, Ok(Settled::LeaseLost), "whatever it is, it is not completed");
    assert_eq!(read_back("taken").await, Ok(Settled::LeaseLost));
    let terminal = Settled::AlreadyTerminal(durabl_engine::Status::Failed);
    assert_eq!(read_back("failed").await, Ok(terminal));
    assert_eq!(read_back("nowhere").await, Ok(Settled::NotFound));
}

async fn started(queue: &TestQueue, opened: &Opened) -> Delivered {
    queue.insert([pending("job", "t")]).await;
    opened.process_with("t", |config| config.heartbeat_interval = Some(HEARTBEAT));
    opened.recorder.next_job().await
}

fn claimed_at(job: &Document) -> DateTime {
    *job.get_datetime("claimedAt").expect("a time")
}

fn lease(job: &Document) -> Option<Duration> {
    let ms = job.get_document("lease").ok()?.get_i64("ms").ok()?;
    Some(Duration::from_millis(ms.unsigned_abs()))
}

fn token_of(job: &Delivered) -> &str {
    job.document.get_str("claimToken").expect("a token")
}

#[tokio::test]
async fn a_suspended_lease_is_made_long_once_and_then_left_alone() {
    let (queue, opened) = TestQueue::start().await;
    let job = started(&queue, &opened).await;
    assert_eq!(opened.engine.suspend(job.run_id, LONG_LEASE).await, Ok(true));
    let suspended = queue.job("job").await;
    assert!(claimed_at(&suspended) > claimed_at(&job.document));
    assert_eq!(lease(&suspended), Some(LONG_LEASE));
    let_pass(LEASE * 3 / 2, "longer than the lease was, and many intervals of its renewals").await;
    let reaper = queue.engine();
    let sweep = reaper.engine.recover_stuck_jobs(Duration::from_secs(300), 100).await;
    assert_eq!(sweep.expect("the server answers").handled, 0);
    assert_eq!(queue.job("job").await, suspended);
    assert!(opened.recorder.lost_leases().is_empty());

    assert_eq!(opened.engine.resume(job.run_id, "job", token_of(&job)).await, Ok(None));
    let resumed = queue.job("job").await;
    assert_eq!(lease(&resumed), Some(LEASE));
    eventually("it to be renewed as before", async || {
        (claimed_at(&queue.job("job").await) > claimed_at(&resumed)).then_some(())
    })
    .await;
    opened.finish(job.run_id, Verdict::Complete);
    assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(Settled::Completed));
}

#[tokio::test]
async fn a_suspended_lease_is_given_up_before_anyone_else_may_take_it() {
    let (queue, opened) = TestQueue::start().await;
    let job = started(&queue, &opened).await;
    assert_eq!(opened.engine.suspend(job.run_id, LONG_LEASE).await, Ok(true));
    let lost = opened.recorder.lease_lost(job.run_id).await;
    let suspended = claimed_at(&queue.job("job").await).timestamp_millis();
    assert!(lost.timestamp_millis() < suspended + LONG_LEASE.as_millis() as i64);
    // The completion that it committed in time still counts.
    assert!(complete(&queue, &opened, "job", Some(token_of(&job))).await);
    let settled = opened.engine.resume(job.run_id, "job", token_of(&job)).await;
    assert_eq!(settled, Ok(Some(Settled::Completed)));
}

#[tokio::test]
async fn a_lease_that_could_not_be_resumed_at_once_is_renewed_again_when_the_server_is_back() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine_with(&queue, |settings| settings.server_selection_timeout_ms = Some(200));
    let job = started(&queue, &opened).await;
    assert_eq!(opened.engine.suspend(job.run_id, Duration::from_secs(20)).await, Ok(true));
    proxy.go_down();
    assert!(opened.engine.resume(job.run_id, "job", token_of(&job)).await.is_err());
    proxy.come_back();
    eventually("the lease to be as short as before", async || {
        (lease(&queue.job("job").await) == Some(LEASE)).then_some(())
    })
    .await;
    let resumed = queue.job("job").await;
    eventually("another renewal", async || {
        (claimed_at(&queue.job("job").await) > claimed_at(&resumed)).then_some(())
    })
    .await;
    assert!(opened.recorder.lost_leases().is_empty());
}

#[tokio::test]
async fn a_suspended_run_can_still_be_settled() {
    let (queue, opened) = TestQueue::start().await;
    let job = started(&queue, &opened).await;
    assert_eq!(opened.engine.suspend(job.run_id, LONG_LEASE).await, Ok(true));
    opened.finish(job.run_id, Verdict::FailFatal);
    assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(Settled::FailedTerminal));
    assert_eq!(queue.status("job").await, "failed");
}

#[tokio::test]
async fn a_run_whose_job_is_anothers_is_dead_before_its_transaction_and_after() {
    for is_begun in [false, true] {
        let (queue, opened) = TestQueue::start().await;
        let job = started(&queue, &opened).await;
        if is_begun {
            assert_eq!(opened.engine.suspend(job.run_id, LONG_LEASE).await, Ok(true));
        }
        let taken = doc! { "$set": { "claimToken": "another's", "attempt": 2 } };
        queue.jobs().update_one(doc! { "_id": "job" }, taken).await.expect("it can be written");
        if is_begun {
            let resumed = opened.engine.resume(job.run_id, "job", token_of(&job)).await;
            assert_eq!(resumed, Ok(Some(Settled::LeaseLost)));
        } else {
            assert_eq!(opened.engine.suspend(job.run_id, LONG_LEASE).await, Ok(false));
        }
        // Nothing comes of it any more, and its slot is free.
        opened.finish(job.run_id, Verdict::Complete);
        queue.insert([pending("next", "t")]).await;
        assert_eq!(opened.recorder.next_job().await.id(), "next");
        assert_eq!(queue.status("job").await, "active");
    }
}

#[tokio::test]
async fn a_completed_transaction_ends_its_run_and_wakes_what_waited_behind_its_key() {
    for is_told in [true, false] {
        let (queue, opened) = TestQueue::start().await;
        let keyed = |id: String| {
            let mut job = pending(&id, "t");
            job.extend(doc! { "dedupeKey": "k", "dedupeScope": "pending" });
            job
        };
        // With a slot beside that of the run: it is no free slot that makes the worker look.
        opened.process("t", 2);
        let mut waits = Vec::new();
        for round in 0..ROUNDS {
            queue.insert([keyed(format!("job-{round}"))]).await;
            opened.engine.wake("t", Duration::ZERO);
            let job = opened.recorder.next_job().await;
            queue.insert([keyed(format!("follower-{round}"))]).await;
            assert_eq!(opened.engine.suspend(job.run_id, LONG_LEASE).await, Ok(true));
            assert!(complete(&queue, &opened, job.id(), Some(token_of(&job))).await);
            if is_told {
                opened.engine.completed(job.run_id);
            } else {
                // Its reply was lost, so the engine finds out.
                let resumed = opened.engine.resume(job.run_id, job.id(), token_of(&job)).await;
                assert_eq!(resumed, Ok(Some(Settled::Completed)));
            }
            let from = Instant::now();
            let follower = opened.recorder.next_job().await;
            waits.push(from.elapsed());
            assert_eq!(follower.id(), format!("follower-{round}"));
            opened.finish(follower.run_id, Verdict::Complete);
            assert_eq!(opened.recorder.outcome(follower.run_id).await, Ok(Settled::Completed));
            opened.handler_ended(job.run_id);
        }
        assert_told(waits);
        assert!(opened.recorder.lost_leases().is_empty());
    }
}

#[tokio::test]
async fn a_job_made_by_a_transaction_is_found_when_its_process_is_told() {
    let (queue, opened) = TestQueue::start().await;
    opened.process("t", 1);
    for delay in [0, 20] {
        let mut waits = Vec::new();
        for _ in 0..ROUNDS {
            let planned = plan(&opened, vec![Job::of("t").delay_ms(delay)]).await.remove(0);
            assert!(run(&queue, &planned).await);
            let delay = Duration::from_millis(delay.unsigned_abs());
            opened.engine.wake("t", delay);
            let from = Instant::now();
            let job = opened.recorder.next_job().await;
            waits.push(from.elapsed().saturating_sub(delay));
            assert_eq!(job.id(), planned.id);
            opened.finish(job.run_id, Verdict::Complete);
            assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(Settled::Completed));
        }
        assert_told(waits);
    }
}
