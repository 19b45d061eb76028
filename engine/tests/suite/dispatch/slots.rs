//! A slot is its handler's until that has ended, whatever has become of the job meanwhile.

use super::*;
use crate::support::fail_point::FailPoint;

/// Runs the first of several jobs, ends that run in a way that its handler survives, and sees who gets the next ones.
async fn while_the_handler_works_on(run_over: impl AsyncFn(&TestQueue, &Opened, u32)) {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([pending("1 first", "t"), pending("2 second", "t"), pending("3 third", "t")]).await;
    opened.process_with("t", |config| config.poll_interval = Some(Duration::from_millis(20)));
    let first = opened.recorder.next_job().await;
    run_over(&queue, &opened, first.run_id).await;
    let elsewhere = queue.engine();
    elsewhere.process("t", 1);
    let second = elsewhere.recorder.next_job().await;
    assert_eq!(second.id(), "2 second");
    assert!(opened.recorder.ready_job().await.is_none(), "there is no slot to run it in");
    assert_eq!(queue.status("3 third").await, "pending");
    opened.handler_ended(first.run_id);
    let third = opened.recorder.next_job().await;
    assert_eq!(third.id(), "3 third");
    // Twice makes no room for two.
    queue.insert([pending("4 fourth", "t"), pending("5 fifth", "t")]).await;
    opened.handler_ended(first.run_id);
    elsewhere.finish(second.run_id, Verdict::Complete);
    assert_eq!(elsewhere.recorder.next_job().await.id(), "4 fourth");
    assert!(opened.recorder.ready_job().await.is_none());
    opened.finish(third.run_id, Verdict::Complete);
    assert_eq!(opened.recorder.next_job().await.id(), "5 fifth");
}

#[tokio::test]
async fn no_job_is_claimed_for_the_slot_of_a_handler_that_has_settled_its_job_and_works_on() {
    while_the_handler_works_on(async |_, opened, run_id| {
        opened.settle_and_work_on(run_id, Verdict::Complete);
        assert_eq!(opened.recorder.outcome(run_id).await, Ok(Settled::Completed));
    })
    .await;
}

#[tokio::test]
async fn no_job_is_claimed_for_the_slot_of_a_handler_that_has_lost_its_lease() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([pending("1 first", "t"), pending("2 second", "t")]).await;
    opened.process_with("t", |config| config.heartbeat_interval = Some(Duration::from_millis(50)));
    let first = opened.recorder.next_job().await;
    let stolen = doc! { "$set": { "claimToken": "anothers" } };
    queue.jobs().update_one(doc! { "_id": "1 first" }, stolen).await.expect("the server answers");
    opened.recorder.lease_lost(first.run_id).await;
    let elsewhere = queue.engine();
    elsewhere.process("t", 1);
    assert_eq!(elsewhere.recorder.next_job().await.id(), "2 second");
    queue.insert([pending("3 third", "t")]).await;
    opened.handler_ended(first.run_id);
    assert_eq!(opened.recorder.next_job().await.id(), "3 third");
}

#[tokio::test]
async fn no_job_is_claimed_for_the_slot_of_a_handler_that_has_committed_its_transaction_and_works_on() {
    while_the_handler_works_on(async |queue, opened, run_id| {
        let committed = doc! { "$set": { "status": "completed" }, "$unset": { "claimToken": "" } };
        queue.jobs().update_one(doc! { "_id": "1 first" }, committed).await.expect("the server answers");
        opened.engine.completed(run_id);
    })
    .await;
}

/// The two cross: its handler has ended, and nothing else will say so.
#[tokio::test]
async fn a_verdict_that_comes_after_its_lease_was_lost_frees_the_slot() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([pending("1 first", "t")]).await;
    opened.process_with("t", |config| config.heartbeat_interval = Some(Duration::from_millis(50)));
    let first = opened.recorder.next_job().await;
    let stolen = doc! { "$set": { "claimToken": "anothers" } };
    queue.jobs().update_one(doc! { "_id": "1 first" }, stolen).await.expect("the server answers");
    opened.recorder.lease_lost(first.run_id).await;
    queue.insert([pending("2 second", "t")]).await;
    opened.finish(first.run_id, Verdict::Complete);
    assert_eq!(opened.recorder.next_job().await.id(), "2 second");
}

/// Its handler hears that nothing was written, and may settle again: until then the job must not become another's.
#[tokio::test]
async fn a_handler_whose_verdict_could_not_be_written_keeps_its_lease() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([pending("job", "t")]).await;
    opened.process_with("t", |config| config.heartbeat_interval = Some(Duration::from_secs(1)));
    let job = opened.recorder.next_job().await;
    let refusing = FailPoint::set(&opened, &["update"], 1_000, doc! { "errorCode": 13 }).await;
    opened.settle_and_work_on(job.run_id, Verdict::Complete);
    opened.recorder.outcome(job.run_id).await.expect_err("the server refuses");
    drop(refusing);
    let claimed_at = *job.document.get_datetime("claimedAt").expect("a time");
    eventually("the lease to be renewed", async || {
        (*queue.job("job").await.get_datetime("claimedAt").expect("a time") > claimed_at).then_some(())
    })
    .await;
    opened.finish(job.run_id, Verdict::FailFatal);
    eventually("the second verdict", async || (queue.status("job").await == "failed").then_some(())).await;
}

/// Its handler has ended without another verdict: if the lease were still renewed, the job would never end.
#[tokio::test]
async fn a_lease_is_let_go_when_its_handler_ends_and_no_verdict_comes() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([pending("job", "t")]).await;
    let lease = Duration::from_millis(400);
    opened.process_with("t", |config| config.visibility_timeout = lease);
    let job = opened.recorder.next_job().await;
    opened.handler_ended(job.run_id);
    let elsewhere = queue.engine();
    eventually("the lease to end", async || {
        let sweep = elsewhere.engine.recover_stuck_jobs(lease, 10).await.expect("the server answers");
        (sweep.handled == 1).then_some(())
    })
    .await;
}

/// Counted by the primary, and gone when they are to be read: as after an election.
#[tokio::test]
async fn the_slots_of_claimed_jobs_that_an_election_took_back_are_free() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    for round in 0..3 {
        queue.insert((0..3).map(|number| pending(&format!("{round}-{number}"), "t"))).await;
    }
    let is_reading = |command: &RawDocument| {
        let filter = command.get_document("filter");
        command.get_str("find").is_ok() && filter.is_ok_and(|filter| filter.get_str("claimToken").is_ok())
    };
    let mut reading = proxy.hold_if(is_reading);
    // The head is claimed alone, and keeps its slot; what stands behind it comes as a batch.
    opened.process_with("t", |config| {
        config.concurrency = 3;
        config.poll_interval = Some(Duration::from_millis(20));
    });
    let head = opened.recorder.next_job().await;
    for _ in 0..3 {
        reading.has_come().await;
        let batch = doc! { "status": "active", "_id": { "$ne": head.id() } };
        let back = doc! { "$set": { "status": "pending", "attempt": 0 }, "$unset": { "claimToken": "", "claimedAt": "", "lease": "" } };
        let taken_back = queue.jobs().update_many(batch, back).await.expect("they can be written");
        assert_eq!(taken_back.matched_count, 2);
        let next = proxy.hold_if(is_reading);
        drop(std::mem::replace(&mut reading, next));
    }
    drop(reading);
    delivered(&opened, 2).await;
    assert_eq!(queue.count(doc! { "status": "active" }).await, 3);
}

/// A claimed batch could not be read for longer than the claim tries, and the next claim finds it.
#[tokio::test]
async fn the_jobs_of_a_batch_that_is_read_late_take_their_slots_once() {
    let (queue, _direct) = TestQueue::start().await;
    let proxy = Proxy::start().await;
    let opened = proxy.engine(&queue);
    queue.insert(["1", "2", "3"].map(|id| pending(id, "t"))).await;
    // The look at what a claim has left behind goes by all its tokens, and this one by its last.
    let losing = proxy.lose_replies_while(|command| {
        command.get_document("filter").is_ok_and(|filter| filter.get_str("claimToken").is_ok())
    });
    opened.process_with("t", |config| {
        config.concurrency = 3;
        config.poll_interval = Some(Duration::from_millis(20));
    });
    let head = opened.recorder.next_job().await;
    delivered(&opened, 2).await;
    losing.stop();
    let logged = |event: &Event| matches!(event, Event::Log { level: LogLevel::Warn, .. }).then_some(());
    opened.recorder.event("word that they could not be read", logged).await;
    // No slot is free for another one, though it is the first to hear of it.
    let fourth = opened.engine.enqueue(Job::of("t").into()).await.expect("enqueued").expect("a new job");
    let elsewhere = queue.engine();
    elsewhere.process("t", 1);
    assert_eq!(elsewhere.recorder.next_job().await.id(), fourth);
    assert!(opened.recorder.ready_job().await.is_none());
    // And none is taken twice.
    opened.finish(head.run_id, Verdict::Complete);
    queue.insert([pending("5", "t")]).await;
    assert_eq!(opened.recorder.next_job().await.id(), "5");
}
