//! The price of operations for the server: the same with a few thousand jobs as with four times as many.

use std::time::Duration;

use durabl_engine::{Change, Due, Steered, Verdict};
use mongodb::bson::{Document, doc};

use crate::support::{
    Job, Opened, TestQueue, active,
    documents::moment,
    eventually, line, pending,
    profile::{self, Operation},
};

const MOST_KEYS: i64 = 10;

/// Adds jobs of every state, numbered from `from` on; twice as many that have ended as wait.
async fn fill(queue: &TestQueue, from: usize, to: usize) {
    let mut jobs = Vec::new();
    for number in from..to {
        let keyed = |mut job: Document, key: &str, scope: &str| {
            job.extend(doc! { "dedupeKey": format!("{key}-{number}"), "dedupeScope": scope });
            job
        };
        let later = |mut job: Document| {
            job.insert("runAt", moment(3_600_000 + number as i64));
            job
        };
        let ended = |status: &str| {
            let mut job = keyed(pending(&format!("{status}-{number}"), "t"), "ended", "pending");
            job.extend(doc! { "status": status, "completedAt": moment(-1_000), "failedAt": moment(-1_000) });
            job
        };
        let kept = |key: &str, until: i64| {
            let mut job = pending(&format!("of-{key}"), "t");
            job.extend(doc! {
                "status": "completed", "completedAt": moment(-1_000), "dedupeKey": key,
                "dedupeScope": "pending+active", "dedupeUntil": moment(until),
            });
            job
        };
        jobs.extend([
            pending(&format!("plain-{number}"), "t"),
            keyed(pending(&format!("pending-{number}"), "t"), "waiting", "pending"),
            keyed(pending(&format!("exclusive-{number}"), "t"), "exclusive", "pending+active"),
            later(pending(&format!("later-{number}"), "t")),
            later(pending(&format!("future-{number}"), "future")),
            ended("completed"),
            ended("completed-again").tap("status", "completed"),
            ended("failed"),
            kept(&format!("kept-{number}"), 3_600_000),
            kept(&format!("passed-{number}"), -1_000),
            ended("superseded"),
        ]);
    }
    for chunk in jobs.chunks(2_000) {
        queue.insert(chunk.to_vec()).await;
    }
}

/// A pending job under the key of an ended one, which makes that key a held one.
fn held_key(id: &str) -> Document {
    let number = id.rsplit('-').next().expect("a number");
    let mut holder = pending(&format!("holder-of-{id}"), "t");
    holder.extend(
        doc! { "dedupeKey": format!("ended-{number}"), "dedupeScope": "pending", "runAt": moment(3_600_000) },
    );
    holder
}

trait Tap {
    fn tap(self, field: &str, value: &str) -> Self;
}

impl Tap for Document {
    fn tap(mut self, field: &str, value: &str) -> Self {
        self.insert(field, value);
        self
    }
}

/// The measured operations, by name. Each round takes jobs of its own.
async fn measure(queue: &TestQueue, opened: &Opened, round: usize) -> Vec<(&'static str, Vec<Operation>)> {
    let engine = &opened.engine;
    let key = |name: &str, number: usize| format!("{name}-{}", round * 20 + number);
    let mut measured = Vec::new();
    macro_rules! measure {
        ($name:literal, $action:expr) => {{
            let (outcome, operations) = profile::during(queue, opened, $action).await;
            measured.push(($name, operations));
            outcome.expect("the server answers")
        }};
    }
    assert!(measure!("a claim", engine.claim_next("t")).is_some());
    assert!(measure!("a claim where all jobs are later", engine.claim_next("future")).is_none());
    assert!(measure!("a claim of an unknown type", engine.claim_next("unknown")).is_none());
    assert!(measure!("a claim by key", engine.claim_next_by_key("t", &key("waiting", 7))).is_some());
    assert!(
        measure!("a claim by a key that runs", engine.claim_next_by_key("t", &key("waiting", 7))).is_none()
    );
    assert!(
        measure!("a claim by exclusive key", engine.claim_next_by_key("t", &key("exclusive", 7))).is_some()
    );
    assert!(measure!("a claim by a free key", engine.claim_next_by_key("t", "nobody's")).is_none());
    assert!(measure!("hasOutstanding, pending", engine.has_outstanding("t", &key("waiting", 8))));
    assert!(measure!("hasOutstanding, exclusive", engine.has_outstanding("t", &key("exclusive", 8))));
    assert!(!measure!("hasOutstanding, ended", engine.has_outstanding("t", &key("ended", 8))));
    assert!(!measure!("hasOutstanding, unknown", engine.has_outstanding("t", "nobody's")));
    let job = |key: &str| Job::of("t").single_flight(key);
    assert!(
        measure!("claimOrEnqueue, pending", engine.claim_or_enqueue(job(&key("waiting", 9)).into()))
            .is_none()
    );
    assert!(
        measure!("claimOrEnqueue, running", engine.claim_or_enqueue(job(&key("waiting", 7)).into()))
            .is_none()
    );
    let claimed = measure!("claimOrEnqueue, free", engine.claim_or_enqueue(job(&key("ended", 9)).into()))
        .expect("a job");
    assert!(measure!("a heartbeat", engine.heartbeat(&claimed.id(), claimed.token())));
    measure!("a log", engine.log(&claimed.id(), claimed.token(), &line("hello")));
    measure!("a settlement", engine.settle(&claimed.id(), claimed.token(), Verdict::Fail, None));
    measure!("coalescing", engine.enqueue(job(&key("waiting", 10)).coalesce().into()));
    let lasting = |key: &str| Job::of("t").exclusive(key).dedupe_for_ms(60_000).detailed();
    measure!("an enqueue under a kept key", engine.enqueue(lasting(&key("kept", 11)).into()));
    measure!("an enqueue under a key that is let go", engine.enqueue(lasting(&key("passed", 11)).into()));
    let detailed = Job::of("t").exclusive(&key("exclusive", 12)).detailed();
    measure!("an enqueue that names the holder", engine.enqueue(detailed.into()));
    let retry = Change::Retry { payload: None, delay_ms: 0, max_attempts: None };
    let held = key("failed", 11);
    queue.insert([held_key(&held)]).await;
    assert_eq!(
        measure!("a retry under a held key", engine.steer(&held, &retry)),
        Steered::KeyHeld(format!("holder-of-{held}"))
    );
    let steered = [
        measure!("a retry", engine.steer(&key("failed", 12), &retry)),
        measure!("a promotion", engine.steer(&key("later", 12), &Change::Promote)),
        measure!(
            "a reschedule",
            engine.steer(
                &key("plain", 12),
                &Change::Reschedule { due: Some(Due::After(1_000)), priority: None }
            )
        ),
        measure!("a removal", engine.remove(&key("completed", 12))),
        measure!("a removal of a pending job", engine.remove(&key("pending", 12))),
    ];
    assert_eq!(steered, [const { Steered::Done }; 5]);
    // The counts read what they count; the lag does not.
    let stats = measure!("the oldest due job", engine.stats(Some("t")));
    assert!(stats.oldest_pending_lag_ms >= 60_000);
    if let Some((_, operations)) = measured.last_mut() {
        operations.retain(|operation| format!("{:?}", operation.entry).contains("$first"));
        assert_eq!(operations.len(), 1);
    }
    // For the next round.
    queue.jobs().delete_many(doc! { "status": "active" }).await.expect("they can be removed");
    queue.jobs().delete_many(doc! { "_id": { "$in": [claimed.id()] } }).await.expect("it can be removed");
    measured
}

#[tokio::test]
async fn the_cost_of_an_operation_does_not_depend_on_the_number_of_jobs() {
    let (queue, opened) = TestQueue::start().await;
    fill(&queue, 0, 500).await;
    let few = measure(&queue, &opened, 0).await;
    fill(&queue, 500, 2_000).await;
    let many = measure(&queue, &opened, 1).await;
    let mut complaints = Vec::new();
    for ((name, few), (_, many)) in few.iter().zip(&many) {
        assert!(!few.is_empty(), "{name}: nothing was profiled");
        for (before, after) in few.iter().zip(many) {
            let (keys, documents) = (after.keys_examined(), after.documents_examined());
            let moved = keys > before.keys_examined() || documents > before.documents_examined();
            if moved || keys > MOST_KEYS || documents > MOST_KEYS || after.plan().contains("COLLSCAN") {
                complaints.push(format!(
                    "{name}: {} examined {} keys, then {keys}; {} documents, then {documents}; by {}",
                    after.name(),
                    before.keys_examined(),
                    before.documents_examined(),
                    after.plan(),
                ));
            }
        }
        if few.len() != many.len() {
            complaints.push(format!("{name}: {} operations, then {}", few.len(), many.len()));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[tokio::test]
async fn an_idle_workers_looks_cost_a_few_keys() {
    let (queue, opened) = TestQueue::start().await;
    fill(&queue, 0, 1_000).await;
    profile::start(&queue, &opened).await;
    opened.process_with("future", |config| config.poll_interval = Some(Duration::from_millis(50)));
    let is_look = |operation: &Operation| operation.name() == "aggregate";
    eventually("some looks", async || {
        let looks = profile::so_far(&queue).await.iter().filter(|operation| is_look(operation)).count();
        (looks >= 3).then_some(())
    })
    .await;
    for operation in profile::stop(&queue).await {
        let keys = operation.keys_examined();
        assert!(keys <= MOST_KEYS, "{} examined {keys} keys by {}", operation.name(), operation.plan());
    }
}

#[tokio::test]
async fn a_batch_costs_a_few_keys_for_each_of_its_jobs() {
    let (queue, opened) = TestQueue::start().await;
    fill(&queue, 0, 1_000).await;
    profile::start(&queue, &opened).await;
    let processor = opened.process("t", 100);
    let mut jobs = Vec::new();
    while jobs.len() < 100 {
        jobs.push(opened.recorder.next_job().await);
    }
    opened.engine.quiesce(&[processor]);
    for job in &jobs {
        opened.finish(job.run_id, Verdict::Complete);
    }
    for job in &jobs {
        opened.recorder.outcome(job.run_id).await.expect("the server answers");
    }
    for operation in profile::stop(&queue).await {
        let keys = operation.keys_examined();
        assert!(keys <= 400, "{} examined {keys} keys by {}", operation.name(), operation.plan());
        assert!(!operation.plan().contains("COLLSCAN"), "{:?}", operation.entry);
    }
}

#[tokio::test]
async fn changes_of_many_jobs_cost_a_few_keys_for_each() {
    let (queue, opened) = TestQueue::start().await;
    fill(&queue, 0, 1_000).await;
    let ids = |name: &str| -> Vec<String> { (0..100).map(|number| format!("{name}-{number}")).collect() };
    let retry = Change::Retry { payload: None, delay_ms: 0, max_attempts: None };
    let engine = &opened.engine;
    let (changed, operations) = profile::during(&queue, &opened, async {
        [
            engine.steer_each(&ids("failed"), &retry, None).await.expect("the server answers"),
            engine.steer_each(&ids("later"), &Change::Promote, None).await.expect("the server answers"),
            engine.remove_each(&ids("plain"), None).await.expect("the server answers"),
        ]
    })
    .await;
    assert_eq!(changed, [100; 3]);
    for operation in operations {
        let keys = operation.keys_examined();
        assert!(keys <= 400, "{} examined {keys} keys by {}", operation.name(), operation.plan());
        assert!(!operation.plan().contains("COLLSCAN"), "{:?}", operation.entry);
    }
}

#[tokio::test]
async fn no_operation_reads_the_whole_collection() {
    let (queue, opened) = TestQueue::start().await;
    fill(&queue, 0, 200).await;
    let mut stuck = active("stuck", "t", "token");
    stuck.insert("claimedAt", moment(-600_000));
    queue.insert([stuck, active("running", "t", "token")]).await;
    let engine = &opened.engine;
    let ((), operations) = profile::during(&queue, &opened, async {
        engine.stats(None).await.expect("the server answers");
        engine.stats(Some("t")).await.expect("the server answers");
        engine.batch_heartbeat(&["running".to_owned()]).await.expect("the server answers");
        engine.adopt("running", "token", Duration::from_secs(300)).await.expect("the server answers");
        let sweep =
            engine.recover_stuck_jobs(Duration::from_secs(60), 100).await.expect("the server answers");
        assert_eq!(sweep.handled, 1);
        assert_eq!(engine.remove_old(Duration::from_secs(3_600)).await, Ok(0));
        engine.remove_old(Duration::ZERO).await.expect("the server answers");
    })
    .await;
    assert!(operations.len() > 10);
    for operation in operations {
        let plan = operation.plan();
        assert!(!plan.contains("COLLSCAN"), "{} went by {plan}: {:?}", operation.name(), operation.entry);
        let (keys, waiting) = (operation.keys_examined(), 200 * 5);
        // Counting, and removing what is old, read what they count and remove.
        assert!(keys <= waiting + 1, "{} examined {keys} keys by {plan}", operation.name());
    }
}
