//! Managed leases: kept alive for as long as somebody runs the job, and given up before anyone else may take it.

mod mixed_leases;

use std::time::Duration;

use durabl_engine::{Event, LogLevel, Settled, Verdict};
use mongodb::bson::{DateTime, Document, doc};

use crate::support::{
    Opened, TestQueue, eventually, let_pass, pending, proxy::Proxy, recorder::Delivered, stand_still,
};

const HEARTBEAT: Duration = Duration::from_millis(500);
/// Four heartbeats.
const LEASE_MS: i64 = 2_000;
/// Where it counts when a lease is given up: the last tenth of four of these is more than a busy machine is late by.
const SLOW_HEARTBEAT: Duration = Duration::from_secs(2);

async fn started(queue: &TestQueue, opened: &Opened) -> Delivered {
    started_with(queue, opened, HEARTBEAT).await
}

async fn started_with(queue: &TestQueue, opened: &Opened, heartbeat: Duration) -> Delivered {
    queue.insert([pending("job", "t")]).await;
    opened.process_with("t", |config| config.heartbeat_interval = Some(heartbeat));
    opened.recorder.next_job().await
}

fn claimed_at(job: &Document) -> DateTime {
    *job.get_datetime("claimedAt").expect("a time")
}

/// Fails if a reaper could have taken a lease of slow heartbeats before its holder was told to stop.
async fn assert_given_up_in_time(queue: &TestQueue, id: &str, lost: DateTime) {
    let job = queue.job(id).await;
    let length = job.get_document("lease").and_then(|lease| lease.get_i64("ms")).expect("a lease");
    assert_eq!(length, (SLOW_HEARTBEAT * 4).as_millis() as i64);
    let left = claimed_at(&job).timestamp_millis() + length - lost.timestamp_millis();
    assert!(left > 0, "two workers could have held the lease for {} ms", -left);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_is_renewed_outlives_its_length_however_many_reapers_sweep() {
    let (queue, opened) = TestQueue::start().await;
    let job = started(&queue, &opened).await;
    let first = claimed_at(&job.document).timestamp_millis();
    let reapers = [queue.engine(), queue.engine()];
    eventually("the lease to be renewed past its length", async || {
        for reaper in &reapers {
            let sweep = reaper.engine.recover_stuck_jobs(Duration::from_secs(300), 100).await;
            assert_eq!(sweep.expect("the server answers").handled, 0);
        }
        let renewed = claimed_at(&queue.job("job").await).timestamp_millis();
        (renewed > first + LEASE_MS).then_some(())
    })
    .await;
    assert!(opened.recorder.lost_leases().is_empty());
    opened.finish(job.run_id, Verdict::Complete);
    assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(Settled::Completed));
    assert_eq!(queue.job("job").await.get_i32("attempt").ok(), Some(1));
}

#[tokio::test]
async fn a_lease_that_another_has_taken_is_lost_and_its_slot_free() {
    let (queue, opened) = TestQueue::start().await;
    let job = started(&queue, &opened).await;
    let taken = doc! { "$set": { "claimToken": "another's", "attempt": 2 } };
    queue.jobs().update_one(doc! { "_id": "job" }, taken).await.expect("it can be written");
    opened.recorder.lease_lost(job.run_id).await;
    // Too late: its run is dead.
    opened.finish(job.run_id, Verdict::Complete);
    queue.insert([pending("next", "t")]).await;
    let next = opened.recorder.next_job().await;
    opened.finish(next.run_id, Verdict::Complete);
    assert_eq!(opened.recorder.outcome(next.run_id).await, Ok(Settled::Completed));
    assert_eq!(queue.status("job").await, "active");
    let settled = |event: &Event| matches!(event, Event::Settled(results) if results[0].run_id == job.run_id);
    assert!(!opened.recorder.events().iter().any(settled));
}

#[tokio::test]
async fn a_lease_of_a_job_that_was_removed_is_lost() {
    let (queue, opened) = TestQueue::start().await;
    let job = started(&queue, &opened).await;
    queue.jobs().delete_one(doc! { "_id": "job" }).await.expect("it can be removed");
    opened.recorder.lease_lost(job.run_id).await;
}

#[tokio::test]
async fn a_job_that_the_server_will_not_write_costs_no_other_one_its_lease() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert(["1 odd", "2", "3"].map(|id| pending(id, "t"))).await;
    opened.process_with("t", |config| {
        config.concurrency = 3;
        config.heartbeat_interval = Some(HEARTBEAT);
    });
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.push(opened.recorder.next_job().await);
    }
    let odd = jobs.iter().position(|job| job.id() == "1 odd").expect("it was claimed");
    let odd = jobs.swap_remove(odd);
    let rule = doc! { "collMod": "jobs", "validator": { "_id": { "$ne": odd.id() } } };
    queue.database.run_command(rule).await.expect("it can be given");
    // No holder may believe in a lease that can't be renewed.
    opened.recorder.lease_lost(odd.run_id).await;
    for job in &jobs {
        let before = claimed_at(&job.document);
        assert!(claimed_at(&queue.job(job.id()).await) > before, "{} was not renewed", job.id());
        opened.finish(job.run_id, Verdict::Complete);
        assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(Settled::Completed));
    }
    assert_eq!(opened.recorder.lost_leases(), [odd.run_id]);
    let logged = |event: &Event| match event {
        Event::Log { message, .. } => message.contains("\"1 odd\" can't be renewed").then_some(()),
        _ => None,
    };
    opened.recorder.event("a word about the job", logged).await;
}

#[tokio::test]
async fn a_run_that_may_not_start_any_more_is_known_before_any_listener_is_told() {
    let (queue, opened) = TestQueue::start().await;
    let job = started(&queue, &opened).await;
    assert!(opened.engine.gone_among(&[job.run_id]).is_empty());
    assert_eq!(opened.engine.gone_among(&[job.run_id, 999]), [999]);
    opened.finish(job.run_id, Verdict::Release);
    assert_eq!(opened.engine.gone_among(&[job.run_id]), [job.run_id]);

    let again = opened.recorder.next_job().await;
    assert!(opened.engine.gone_among(&[again.run_id]).is_empty());
    opened.engine.shutdown(Duration::ZERO).await;
    assert_eq!(opened.engine.gone_among(&[again.run_id]), [again.run_id]);
}

/// Nothing of the process has run meanwhile, so the renewals have not noticed either.
#[tokio::test]
async fn a_lease_that_ended_while_the_process_stood_still_is_known_to_be_gone_at_once() {
    let (queue, opened) = TestQueue::start().await;
    let heartbeat = Duration::from_millis(100);
    let job = started_with(&queue, &opened, heartbeat).await;
    stand_still(heartbeat * 4, "the lease ends on the one thread that there is");
    assert_eq!(opened.engine.gone_among(&[job.run_id]), [job.run_id]);
    assert_eq!(opened.recorder.lost_leases(), [job.run_id]);
}

#[tokio::test]
async fn a_holder_without_a_server_gives_up_before_anyone_else_may_take_the_job() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    let job = started_with(&queue, &opened, SLOW_HEARTBEAT).await;
    proxy.freeze();
    let lost = opened.recorder.lease_lost(job.run_id).await;
    assert_given_up_in_time(&queue, "job", lost).await;
    proxy.come_back();
}

#[tokio::test]
async fn a_renewal_counts_from_when_it_was_sent_however_late_its_reply_is() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    let job = started_with(&queue, &opened, SLOW_HEARTBEAT).await;
    let held = proxy.hold_reply_if(|command| command.get_str("update").is_ok());
    held.has_come().await;
    // Not so late that it tries again.
    let_pass(SLOW_HEARTBEAT * 3 / 4, "longer than the margin by which a holder gives up early").await;
    drop(held);
    // By the time the reply has passed, nothing else does.
    proxy.freeze();
    let lost = opened.recorder.lease_lost(job.run_id).await;
    assert_given_up_in_time(&queue, "job", lost).await;
    assert!(claimed_at(&queue.job("job").await) > claimed_at(&job.document), "the renewal was not applied");
    proxy.come_back();
}

/// A claim whose reply is late, and after which nothing passes: the moment counts at which it was sent.
async fn assert_lease_of_a_late_claim_is_given_up_in_time(command: &'static str) {
    let (queue, _direct) = TestQueue::start().await;
    queue.insert(["a head", "job", "last"].map(|id| pending(id, "t"))).await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    // The head is claimed alone; what stands behind it comes as a batch.
    let wanted = if command == "update" { "job" } else { "a head" };
    let held = proxy.hold_reply_if(move |body| body.get_str(command).is_ok());
    opened.process_with("t", |config| {
        config.concurrency = 3;
        config.heartbeat_interval = Some(SLOW_HEARTBEAT);
    });
    held.has_come().await;
    // Shorter than what makes a lease not worth starting under.
    let_pass(SLOW_HEARTBEAT * 3 / 4, "longer than the margin by which a holder gives up early").await;
    drop(held);
    let mut job = opened.recorder.next_job().await;
    while job.id() != wanted {
        job = opened.recorder.next_job().await;
    }
    proxy.freeze();
    let lost = opened.recorder.lease_lost(job.run_id).await;
    assert_given_up_in_time(&queue, job.id(), lost).await;
    proxy.come_back();
}

#[tokio::test]
async fn the_lease_of_a_claim_counts_from_when_it_was_sent_however_late_its_reply_is() {
    assert_lease_of_a_late_claim_is_given_up_in_time("findAndModify").await;
}

#[tokio::test]
async fn the_lease_of_a_batch_counts_from_when_its_claim_was_sent_however_late_its_reply_is() {
    assert_lease_of_a_late_claim_is_given_up_in_time("update").await;
}

/// The claim failed for its processor, which found out afterwards that it had taken a job.
#[tokio::test]
async fn the_lease_of_a_claim_that_is_found_later_counts_from_when_it_was_sent() {
    let (queue, _direct) = TestQueue::start().await;
    queue.insert([pending("job", "t")]).await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    opened.engine.stats(None).await.expect("the server answers");
    proxy.lose_reply_to("findAndModify");
    let losing = proxy.lose_replies_while(|command| {
        command
            .get_document("filter")
            .is_ok_and(|filter| filter.get("claimToken").is_ok_and(|found| found.is_some()))
    });
    opened.process_with("t", |config| config.heartbeat_interval = Some(SLOW_HEARTBEAT));
    let failed = |event: &Event| matches!(event, Event::Log { level: LogLevel::Warn, .. }).then_some(());
    opened.recorder.event("word that the claim failed", failed).await;
    losing.stop();
    let job = opened.recorder.next_job().await;
    proxy.freeze();
    let lost = opened.recorder.lease_lost(job.run_id).await;
    assert_given_up_in_time(&queue, "job", lost).await;
    proxy.come_back();
}

#[tokio::test]
async fn one_renewal_that_gets_no_reply_does_not_cost_the_lease() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    let job = started(&queue, &opened).await;
    let first = claimed_at(&job.document).timestamp_millis();
    proxy.lose_reply_to("update");
    eventually("the lease to be renewed past its length", async || {
        let renewed = claimed_at(&queue.job("job").await).timestamp_millis();
        (renewed > first + LEASE_MS).then_some(())
    })
    .await;
    assert_eq!(proxy.lost(), 1);
    assert!(opened.recorder.lost_leases().is_empty());
}

#[tokio::test]
async fn leases_end_when_the_thread_of_the_handlers_is_stuck() {
    let (queue, opened) = TestQueue::start().await;
    let job = started(&queue, &opened).await;
    opened.recorder.set_responsive(false);
    opened.recorder.lease_lost(job.run_id).await;
    opened.recorder.set_responsive(true);
    let elsewhere = queue.engine();
    eventually("the job to be recovered", async || {
        let sweep = elsewhere.engine.recover_stuck_jobs(Duration::from_secs(300), 100).await;
        (sweep.expect("the server answers").handled == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_adopted_claim_is_renewed_and_settled_like_any_other() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([pending("job", "t")]).await;
    let claimed = opened.engine.claim_next("t").await.expect("the server answers").expect("the job");
    let token = claimed.token().expect("a token");
    let timeout = Duration::from_millis(LEASE_MS as u64);
    let run_id =
        opened.engine.adopt("job", token, timeout).await.expect("the server answers").expect("it is ours");
    let first = claimed_at(&queue.job("job").await).timestamp_millis();
    eventually("the lease to be renewed past its length", async || {
        let renewed = claimed_at(&queue.job("job").await).timestamp_millis();
        (renewed > first + LEASE_MS).then_some(())
    })
    .await;
    opened.finish(run_id, Verdict::Complete);
    assert_eq!(opened.recorder.outcome(run_id).await, Ok(Settled::Completed));
    assert_eq!(opened.engine.adopt("job", token, timeout).await, Ok(None));
    assert_eq!(opened.engine.adopt("nowhere", token, timeout).await, Ok(None));
}

#[tokio::test]
async fn renewals_of_many_runs_travel_together() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert((0..30).map(|number| pending(&format!("job-{number:02}"), "t"))).await;
    opened.process_with("t", |config| {
        config.concurrency = 30;
        config.heartbeat_interval = Some(HEARTBEAT);
    });
    let mut jobs = Vec::new();
    while jobs.len() < 30 {
        jobs.push(opened.recorder.next_job().await);
    }
    let claimed = jobs.iter().map(|job| claimed_at(&job.document)).max().expect("jobs");
    crate::support::profile::start(&queue, &opened).await;
    eventually("all of them to be renewed", async || {
        (queue.count(doc! { "claimedAt": { "$gt": claimed } }).await == 30).then_some(())
    })
    .await;
    let operations = crate::support::profile::stop(&queue).await;
    let writes = operations.iter().filter(|operation| operation.name() == "update").count();
    assert!((1..=6).contains(&writes), "{writes} writes for 30 leases");
}
