//! Push: what happens in one process wakes the workers of another, though these would look only once a minute.

use std::{collections::HashSet, time::Duration};

use durabl_engine::{Event, LogLevel, StreamState, Verdict};
use mongodb::bson::{Bson, Document, doc};

use crate::support::{
    Job, Opened, TestQueue, active, eventually, fail_point::FailPoint, pending, profile, server,
};

/// A queue, an engine with push whose workers of type `t` are idle, and another engine.
async fn start() -> (TestQueue, Opened, Opened) {
    start_with([]).await
}

/// The same, with jobs that these workers have met and can't claim.
async fn start_with<const COUNT: usize>(jobs: [Document; COUNT]) -> (TestQueue, Opened, Opened) {
    let (queue, other) = TestQueue::start().await;
    if COUNT > 0 {
        queue.insert(jobs).await;
    }
    let pushed = queue.engine_with_push();
    pushed.engine.startup().await.expect("the server can be worked with");
    idle_worker(&queue, &pushed, "t").await;
    (queue, pushed, other)
}

/// A worker that has found nothing and waits for the stream.
async fn idle_worker(queue: &TestQueue, pushed: &Opened, job_type: &str) -> u32 {
    profile::start(queue, pushed).await;
    let processor_id = pushed.process(job_type, 4);
    eventually("the look after the first claim", async || {
        let operations = profile::so_far(queue).await;
        operations.iter().any(|operation| format!("{:?}", operation.entry).contains("$group")).then_some(())
    })
    .await;
    profile::stop(queue).await;
    let wanted = format!("\"{job_type}\"");
    eventually("the stream to be opened anew for this type", async || {
        streams(queue, pushed)
            .await
            .iter()
            .any(|stream| format!("{stream:?}").contains(&wanted))
            .then_some(())
    })
    .await;
    processor_id
}

/// The cursors of an engine's change streams, as the server knows them.
async fn streams(queue: &TestQueue, pushed: &Opened) -> Vec<Document> {
    let filter = doc! {
        "appName": &pushed.app_name,
        "ns": { "$regex": queue.database.name() },
        "cursor.originatingCommand.pipeline.0.$changeStream": { "$exists": true },
    };
    let pipeline = [doc! { "$currentOp": { "idleCursors": true } }, doc! { "$match": filter }];
    let admin = server::client().await.database("admin");
    let mut found = admin.aggregate(pipeline).await.expect("the server answers");
    let mut streams = Vec::new();
    while found.advance().await.expect("the server answers") {
        let operation: Document = found.deserialize_current().expect("an operation");
        streams.push(operation.get_document("cursor").expect("a cursor").clone());
    }
    streams
}

/// The next so many answers of its streams are failures that the driver doesn't resume from by itself.
async fn failing_streams(pushed: &Opened, times: i32) -> FailPoint {
    let fatal = doc! { "errorCode": 280, "closeConnection": false };
    FailPoint::set(pushed, &["getMore"], times, fatal).await
}

fn keyed(mut job: Document) -> Document {
    job.extend(doc! { "dedupeKey": "k", "dedupeScope": "pending" });
    job
}

#[tokio::test]
async fn a_job_made_in_one_process_runs_in_another() {
    let (_queue, pushed, other) = start().await;
    for _ in 0..3 {
        let id = other.engine.enqueue(Job::of("t").into()).await.expect("enqueued");
        let job = pushed.recorder.next_job().await;
        assert_eq!(Some(job.id()), id.as_deref());
        pushed.finish(job.run_id, Verdict::Complete);
    }
}

#[tokio::test]
async fn a_job_that_fails_in_one_process_is_retried_by_another() {
    let (queue, pushed, other) = start().await;
    let mut job = active("job", "t", "token");
    job.extend(doc! { "backoff": "fixed", "backoffDelay": 30 });
    queue.insert([job]).await;
    other.engine.settle("job", Some("token"), Verdict::Fail, None).await.expect("the server answers");
    assert_eq!(pushed.recorder.next_job().await.id(), "job");
}

#[tokio::test]
async fn a_key_freed_in_one_process_starts_its_follower_in_another() {
    let jobs = [keyed(active("running", "t", "token")), keyed(pending("follower", "t"))];
    let (_queue, pushed, other) = start_with(jobs).await;
    other.engine.settle("running", Some("token"), Verdict::Complete, None).await.expect("the server answers");
    assert_eq!(pushed.recorder.next_job().await.id(), "follower");
}

#[tokio::test]
async fn a_follower_of_another_type_is_started_too() {
    let jobs = [keyed(active("running", "other", "token")), keyed(pending("follower", "t"))];
    let (_queue, pushed, other) = start_with(jobs).await;
    other
        .engine
        .settle("running", Some("token"), Verdict::FailFatal, None)
        .await
        .expect("the server answers");
    assert_eq!(pushed.recorder.next_job().await.id(), "follower");
}

#[tokio::test]
async fn a_job_that_a_reaper_returned_is_started_elsewhere() {
    let (queue, pushed, other) = start().await;
    let mut stuck = active("job", "t", "token");
    stuck.insert("claimedAt", Bson::Null);
    queue.insert([stuck]).await;
    let sweep =
        other.engine.recover_stuck_jobs(Duration::from_secs(60), 10).await.expect("the server answers");
    assert_eq!(sweep.handled, 1);
    assert_eq!(pushed.recorder.next_job().await.id(), "job");
}

#[tokio::test]
async fn odd_documents_do_not_end_the_stream() {
    let (queue, pushed, _other) = start().await;
    for (field, oddity) in [
        ("type", Bson::Int32(7)),
        ("type", Bson::Null),
        ("status", Bson::Array(vec!["pending".into()])),
        ("runAt", Bson::Null),
        ("runAt", "tomorrow".into()),
        ("dedupeKey", Bson::Boolean(true)),
        ("keyFreed", Bson::Null),
    ] {
        let mut job = pending(&format!("odd {field} {oddity}"), "x");
        job.insert(field, oddity);
        queue.insert([job]).await;
    }
    queue
        .jobs()
        .update_many(doc! { "type": { "$ne": "t" } }, doc! { "$set": { "keyFreed": 1 } })
        .await
        .expect("written");
    queue.insert([pending("job", "t")]).await;
    assert_eq!(pushed.recorder.next_job().await.id(), "job");
    assert_eq!(pushed.engine.stream_state(), StreamState::Streaming);
    assert!(!pushed.recorder.stream_states().contains(&StreamState::Reconnecting));
}

#[tokio::test]
async fn a_stream_that_fails_for_good_is_replaced_and_what_it_missed_is_found() {
    let (queue, pushed, _other) = start().await;
    let _failing = failing_streams(&pushed, 1).await;
    queue.insert([pending("first", "t")]).await;
    let state = |wanted: StreamState| {
        move |event: &Event| matches!(event, Event::Stream(state) if *state == wanted).then_some(())
    };
    pushed.recorder.event("the loss", state(StreamState::Reconnecting)).await;
    queue.insert([pending("second", "t")]).await;
    let found = [pushed.recorder.next_job().await, pushed.recorder.next_job().await];
    let ids: HashSet<&str> = found.iter().map(crate::support::recorder::Delivered::id).collect();
    assert_eq!(ids, HashSet::from(["first", "second"]));
    eventually("the stream", async || (pushed.engine.stream_state() == StreamState::Streaming).then_some(()))
        .await;
    queue.insert([pending("third", "t")]).await;
    assert_eq!(pushed.recorder.next_job().await.id(), "third");
}

#[tokio::test]
async fn a_stream_that_opens_and_never_answers_is_one_outage_and_tried_less_and_less() {
    let (queue, pushed, _other) = start().await;
    let _failing = failing_streams(&pushed, 6).await;
    queue.insert([pending("first", "t")]).await;
    let logged = |events: &[Event]| -> Vec<LogLevel> {
        events
            .iter()
            .filter_map(|event| if let Event::Log { level, .. } = event { Some(*level) } else { None })
            .collect()
    };
    let whole_story = [LogLevel::Warn, LogLevel::Error, LogLevel::Info];
    let told = pushed.recorder.events_until("the end of the outage", |events| {
        let told = logged(events);
        told.contains(&LogLevel::Info).then_some(told)
    });
    assert_eq!(told.await, whole_story);
}

#[tokio::test]
async fn a_stream_whose_cursor_was_killed_misses_nothing() {
    let (queue, pushed, _other) = start().await;
    // The one that was opened before there was a worker ends when the server notices.
    let stream = eventually("one stream", async || {
        let mut streams = streams(&queue, &pushed).await;
        (streams.len() == 1).then(|| streams.remove(0))
    })
    .await;
    let cursors = [stream.get("cursorId").expect("a cursor's id")];
    queue
        .database
        .run_command(doc! { "killCursors": "jobs", "cursors": cursors })
        .await
        .expect("it can be killed");
    for round in 0..3 {
        let id = format!("job-{round}");
        queue.insert([pending(&id, "t")]).await;
        assert_eq!(pushed.recorder.next_job().await.id(), id);
    }
}

#[tokio::test]
async fn a_collection_that_is_dropped_is_streamed_again_when_it_is_back() {
    let (queue, pushed, other) = start().await;
    queue.insert([pending("before", "t")]).await;
    assert_eq!(pushed.recorder.next_job().await.id(), "before");
    queue.jobs().drop().await.expect("it can be dropped");
    for _ in 0..3 {
        other.engine.enqueue(Job::of("t").into()).await.expect("enqueued");
        pushed.recorder.next_job().await;
    }
    let job = || Job::of("u").exclusive("k");
    eventually("dedupe to be certain again", async || {
        let first = other.engine.enqueue(job().into()).await.expect("the server answers");
        let second = other.engine.enqueue(job().into()).await.expect("the server answers");
        if second.is_some() {
            queue.jobs().delete_many(doc! { "type": "u" }).await.expect("they can be removed");
        }
        (first.is_some() && second.is_none()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn types_added_while_jobs_arrive_cost_no_wake_up() {
    let (queue, pushed, other) = start().await;
    let types: Vec<String> = (0..15).map(|number| format!("type-{number}")).collect();
    for job_type in &types {
        other.engine.enqueue(Job::of("t").into()).await.expect("enqueued");
        pushed.process(job_type, 100);
        for _ in 0..4 {
            other.engine.enqueue(Job::of(job_type).into()).await.expect("enqueued");
        }
    }
    for _ in 0..types.len() * 5 {
        let job = pushed.recorder.next_job().await;
        pushed.finish(job.run_id, Verdict::Complete);
    }
    assert_eq!(queue.count(doc! { "status": "pending" }).await, 0);
}

#[tokio::test]
async fn a_worker_that_ends_beside_another_type_does_not_break_the_stream() {
    let (queue, pushed, _other) = start().await;
    let ending = idle_worker(&queue, &pushed, "u").await;
    // The last that the stream tells is about the type that is wanted no more.
    queue.insert([pending("last", "u")]).await;
    let last = pushed.recorder.next_job().await;
    pushed.engine.quiesce(&[ending]);
    eventually("the stream to be opened anew without it", async || {
        let open = streams(&queue, &pushed).await;
        let asks_for_it = |stream: &Document| format!("{stream:?}").contains("\"u\"");
        (!open.is_empty() && !open.iter().any(asks_for_it)).then_some(())
    })
    .await;
    queue.insert([pending("job", "t")]).await;
    assert_eq!(pushed.recorder.next_job().await.id(), "job");
    assert!(!pushed.recorder.stream_states().contains(&StreamState::Reconnecting));
    let told = pushed.recorder.events();
    assert!(!told.iter().any(|event| matches!(event, Event::Log { .. })), "{told:?}");
    pushed.finish(last.run_id, Verdict::Complete);
}

#[tokio::test]
async fn listeners_hear_of_every_type_until_they_do_not_want_to() {
    let (_queue, pushed, other) = start().await;
    pushed.engine.watch(true);
    let heard = |wanted: &'static str| {
        move |event: &Event| matches!(event, Event::Wake(Some(job_type)) if job_type == wanted).then_some(())
    };
    // The stream is opened anew for them: what comes in between is told as "any".
    for job_type in ["a", "b"] {
        eventually("a hint", async || {
            other.engine.enqueue(Job::of(job_type).into()).await.expect("enqueued");
            pushed.recorder.events().iter().find_map(heard(job_type))
        })
        .await;
    }
    pushed.engine.watch(false);
    let before = pushed.recorder.events().len();
    other.engine.enqueue(Job::of("t").into()).await.expect("enqueued");
    pushed.recorder.next_job().await;
    assert!(!pushed.recorder.events()[before..].iter().any(|event| matches!(event, Event::Wake(_))));
}

/// The driver resumes a stream by itself, and when its first try fails it forgets where the stream was.
#[tokio::test]
async fn a_stream_that_is_resumed_at_the_second_try_misses_nothing() {
    let (queue, pushed, _other) = start().await;
    // The stream that takes its place was opened by no token.
    let failing = failing_streams(&pushed, 1).await;
    queue.insert([pending("first", "t")]).await;
    assert_eq!(pushed.recorder.next_job().await.id(), "first");
    drop(failing);
    eventually("the stream", async || {
        (pushed.engine.stream_state() == StreamState::Streaming && streams(&queue, &pushed).await.len() == 1)
            .then_some(())
    })
    .await;
    let stepped_down = doc! {
        "errorCode": 189, "errorLabels": ["ResumableChangeStreamError"], "blockConnection": true, "blockTimeMS": 500,
    };
    let failing = FailPoint::set(&pushed, &["getMore", "aggregate"], 2, stepped_down).await;
    failing.is_met().await;
    queue.insert([pending("second", "t")]).await;
    assert_eq!(pushed.recorder.next_job().await.id(), "second");
    assert!(
        pushed.recorder.stream_states().iter().filter(|state| **state == StreamState::Reconnecting).count()
            == 1,
        "the driver has resumed it"
    );
}
