//! Old jobs are removed by sweeps, and what retention may not touch stays.

use std::time::Duration;

use durabl_engine::{RetentionRule, Settled, Steered, Verdict, connection::ConnectionSettings};
use mongodb::bson::{Document, doc};

use crate::support::{Job, Opened, TestQueue, documents::moment, eventually, let_pass, pending, profile};

const DAY_MS: i64 = 86_400_000;

fn ended(id: &str, job_type: &str, status: &str, age_ms: i64) -> Document {
    let mut job = pending(id, job_type);
    let field = if status == "completed" { "completedAt" } else { "failedAt" };
    job.extend(doc! { "status": status, field: moment(-age_ms) });
    job
}

fn with(mut job: Document, fields: Document) -> Document {
    job.extend(fields);
    job
}

/// An engine whose processors keep jobs for so long.
fn keeping(queue: &TestQueue, rules: Vec<RetentionRule>) -> Opened {
    queue.engine_with(|_| {}, |options| options.retention = rules)
}

async fn left(queue: &TestQueue) -> Vec<String> {
    let mut ids: Vec<String> =
        queue.all().await.iter().map(|job| job.get_str("_id").expect("an id").to_owned()).collect();
    ids.sort();
    ids
}

/// Everything that a removal must leave alone, and two jobs that it may take.
async fn fill(queue: &TestQueue) {
    let schedule = |id: &str, at: i64| doc! { "schedule": { "id": id, "occurrenceAt": moment(at) } };
    let until = |key: &str, ms: i64| doc! { "dedupeKey": key, "dedupeUntil": moment(ms) };
    queue
        .insert([
            ended("old", "t", "completed", 2 * DAY_MS),
            ended("old failure", "t", "failed", 2 * DAY_MS),
            ended("new", "t", "completed", DAY_MS / 2),
            with(ended("kept key", "t", "completed", 2 * DAY_MS), until("k", DAY_MS)),
            with(ended("freed key", "t", "completed", 2 * DAY_MS), until("f", -DAY_MS)),
            with(ended("to come again", "t", "completed", 2 * DAY_MS), schedule("behind", -2 * DAY_MS)),
            with(ended("gone past", "t", "completed", 2 * DAY_MS), schedule("past", -2 * DAY_MS)),
            with(
                ended("of a schedule that is gone", "t", "completed", 2 * DAY_MS),
                schedule("gone", -2 * DAY_MS),
            ),
            with(ended("just made", "t", "completed", 2 * DAY_MS), schedule("gone", 0)),
            pending("pending", "t"),
            // Of an app that keeps others in this collection.
            doc! { "_id": "no job", "type": "t", "status": "completed", "completedAt": moment(-2 * DAY_MS) },
        ])
        .await;
    let stored = |id: &str, next: i64| {
        doc! { "_id": format!("schedule:{id}"), "kind": "schedule", "nextRunAt": moment(next) }
    };
    let schedules = [stored("behind", -2 * DAY_MS - 1_000), stored("past", DAY_MS)];
    queue.side().insert_many(schedules).await.expect("they can be written");
}

#[tokio::test]
async fn a_clean_up_spares_held_keys_and_occurrences_that_would_come_again() {
    let (queue, opened) = TestQueue::start().await;
    fill(&queue).await;
    let removed = opened.engine.remove_old(Duration::from_millis(DAY_MS as u64)).await;
    assert_eq!(removed, Ok(5));
    assert_eq!(left(&queue).await, ["just made", "kept key", "new", "no job", "pending", "to come again"]);
}

#[tokio::test]
async fn sweeps_remove_what_is_configured_and_nothing_else() {
    let (queue, _) = TestQueue::start().await;
    fill(&queue).await;
    queue.insert([ended("other", "u", "completed", 2 * DAY_MS), ended("v", "v", "completed", 1_000)]).await;
    let rules = vec![
        RetentionRule { completed_ms: Some(DAY_MS), ..RetentionRule::default() },
        RetentionRule { job_type: Some("u".to_owned()), failed_ms: Some(1), ..RetentionRule::default() },
        RetentionRule { job_type: Some("v".to_owned()), completed_ms: Some(1), ..RetentionRule::default() },
    ];
    let opened = keeping(&queue, rules);
    opened.process("idle", 1);
    eventually("the sweep", async || {
        let left = left(&queue).await;
        (!left.contains(&"old".to_owned()) && !left.contains(&"v".to_owned())).then_some(())
    })
    .await;
    let_pass(Duration::from_secs(1), "the sweep goes on").await;
    let expected =
        ["just made", "kept key", "new", "no job", "old failure", "other", "pending", "to come again"];
    assert_eq!(left(&queue).await, expected);
}

#[tokio::test]
async fn the_longest_of_different_periods_counts() {
    let (queue, _) = TestQueue::start().await;
    queue
        .insert([ended("old", "t", "completed", 2 * DAY_MS), ended("v", "v", "completed", 2 * DAY_MS)])
        .await;
    let period = |ms| vec![RetentionRule { completed_ms: Some(ms), ..RetentionRule::default() }];
    let mut longer = period(3 * DAY_MS);
    longer.push(RetentionRule {
        job_type: Some("v".to_owned()),
        completed_ms: Some(1),
        ..Default::default()
    });
    let patient = keeping(&queue, longer);
    patient.process("idle", 1);
    eventually("its registration", async || {
        let workers = queue.side().count_documents(doc! { "kind": "worker" }).await.expect("an answer");
        (workers == 1).then_some(())
    })
    .await;
    let opened = keeping(&queue, period(DAY_MS));
    opened.process("idle", 1);
    eventually("the sweep", async || (left(&queue).await == ["old"]).then_some(())).await;
}

#[tokio::test]
async fn a_removal_goes_past_any_number_of_jobs_that_stay() {
    let (queue, opened) = TestQueue::start().await;
    let kept = |number: usize| {
        with(
            ended(&format!("kept-{number:04}"), "t", "completed", 3 * DAY_MS),
            doc! { "dedupeUntil": moment(DAY_MS), "dedupeKey": format!("{number}") },
        )
    };
    queue.insert((0..1_200).map(kept)).await;
    queue.insert([ended("old", "t", "completed", 2 * DAY_MS)]).await;
    profile::start(&queue, &opened).await;
    assert_eq!(opened.engine.remove_old(Duration::from_millis(DAY_MS as u64)).await, Ok(1));
    let operations = profile::stop(&queue).await;
    assert!(operations.len() < 20, "{} operations", operations.len());
    for operation in operations {
        assert!(!operation.plan().contains("COLLSCAN"), "{:?}", operation.entry);
        assert!(operation.keys_examined() <= 1_001, "{:?}", operation.entry);
    }
    assert_eq!(queue.count(doc! {}).await, 1_200);
}

#[tokio::test]
async fn an_operator_removes_no_job_that_its_schedule_would_make_again() {
    let (queue, opened) = TestQueue::start().await;
    fill(&queue).await;
    assert_eq!(opened.engine.remove("to come again").await, Ok(Steered::HeldBySchedule));
    let ids = ["to come again", "gone past", "of a schedule that is gone"].map(str::to_owned);
    assert_eq!(opened.engine.remove_each(&ids, None).await, Ok(2));
    assert_eq!(opened.engine.remove("just made").await, Ok(Steered::Done));
    assert!(left(&queue).await.contains(&"to come again".to_owned()));
    // Its schedule goes on.
    let on = doc! { "$set": { "nextRunAt": moment(DAY_MS) } };
    queue.side().update_one(doc! { "_id": "schedule:behind" }, on).await.expect("it can be written");
    assert_eq!(opened.engine.remove("to come again").await, Ok(Steered::Done));
}

/// Old jobs of one type, a few steps of a sweep.
const MANY: usize = 1_100;
/// Of a claim that finds its job at once; while it was being looked for, another may have come before it.
const MOST_KEYS_A_CLAIM: i64 = 3;

#[tokio::test]
async fn a_sweep_under_load_slows_no_claim_and_rests_between_its_steps() {
    let (queue, _) = TestQueue::start().await;
    let old = (0..MANY).map(|number| ended(&format!("old-{number}"), "t", "completed", 2 * DAY_MS));
    queue.insert(old).await;
    let opened =
        keeping(&queue, vec![RetentionRule { completed_ms: Some(DAY_MS), ..RetentionRule::default() }]);
    profile::start(&queue, &opened).await;
    opened.process("t", 1);
    let old = doc! { "_id": { "$regex": "^old-" } };
    while queue.count(old.clone()).await > 0 {
        opened.engine.enqueue(Job::of("t").into()).await.expect("enqueued");
        let job = opened.recorder.next_job().await;
        opened.finish(job.run_id, Verdict::Complete);
        assert_eq!(opened.recorder.outcome(job.run_id).await, Ok(Settled::Completed));
    }
    // The server writes down an operation after its effect can be seen.
    eventually("the last removal to be written down", async || {
        let removed: i64 = profile::so_far(&queue).await.iter().map(profile::Operation::removed).sum();
        (removed >= MANY as i64).then_some(())
    })
    .await;
    let operations = profile::stop(&queue).await;
    let claims: Vec<_> = operations.iter().filter(|one| one.name() == "findAndModify").collect();
    // Few of them on a busy machine.
    assert!(!claims.is_empty(), "no claim came between the steps");
    for claim in claims {
        assert!(claim.keys_examined() <= MOST_KEYS_A_CLAIM, "{:?}", claim.entry);
    }
    let removals: Vec<_> = operations.iter().filter(|one| one.name() == "remove").collect();
    assert!(removals.len() >= MANY.div_ceil(500), "{} removals", removals.len());
    let ended_at = |entry: &Document| entry.get_datetime("ts").expect("a moment").timestamp_millis();
    let took = |entry: &Document| i64::from(entry.get_i32("millis").expect("a number"));
    for pair in removals.windows(2) {
        let (before, after) = (&pair[0].entry, &pair[1].entry);
        let rest = ended_at(after) - took(after) - ended_at(before);
        assert!(rest >= 49 * took(before), "a rest of {rest} ms after {before:?}");
    }
    for removal in removals {
        assert!(removal.removed() <= 500, "{:?}", removal.entry);
        assert!(removal.keys_examined() <= 2 * 500, "a removal goes through other jobs: {:?}", removal.entry);
    }
}

#[tokio::test]
async fn a_sweep_ends_with_the_last_queue_that_has_its_periods_though_another_of_the_process_goes_on() {
    let (queue, _) = TestQueue::start().await;
    let old = (0..MANY).map(|number| ended(&format!("old-{number}"), "t", "completed", 2 * DAY_MS));
    queue.insert(old).await;
    let in_one_process = |settings: &mut ConnectionSettings| settings.app_name = Some("shared".to_owned());
    let other = queue.engine_with(in_one_process, |_| {});
    other.process("other", 1);
    let period = RetentionRule { completed_ms: Some(DAY_MS), ..RetentionRule::default() };
    let keeping = queue.engine_with(in_one_process, |options| options.retention = vec![period]);
    keeping.process("t", 1);
    eventually("the first step", async || (queue.count(doc! {}).await < MANY as u64).then_some(())).await;
    keeping.engine.shutdown(Duration::from_secs(5)).await;
    // A step may have been under way.
    let_pass(Duration::from_millis(500), "the last step ends").await;
    let left = queue.count(doc! {}).await;
    assert!(left > 0, "the sweep was over too early to tell");
    let_pass(Duration::from_secs(4), "the sweep would go on").await;
    assert_eq!(queue.count(doc! {}).await, left);
}
