//! The process that made a call is told of the jobs that it made claimable, even without a stream, and of nothing else.

use durabl_engine::{Event, Settled, Verdict};
use mongodb::bson::{Document, doc};

use crate::support::{Job, Opened, TestQueue, active, pending};

const TYPE: &str = "t";
const HOUR_MS: i64 = 3_600_000;

/// Counts what an engine is told of a type.
struct Ear {
    opened: Opened,
    markers: usize,
}

impl Ear {
    async fn start() -> (TestQueue, Self) {
        let (queue, opened) = TestQueue::start().await;
        opened.engine.watch(true);
        (queue, Self { opened, markers: 0 })
    }

    fn heard(&self) -> usize {
        let is_told = |event: &&Event| match event {
            Event::Wake(Some(job_type)) => job_type == TYPE,
            Event::Wake(None) => true,
            _ => false,
        };
        self.opened.recorder.events().iter().filter(is_told).count()
    }

    /// Fails unless this tells of the type, or does not. Another job that is told of after it ends the wait.
    async fn assert_told(&mut self, is_told: bool, what: &str, act: impl AsyncFnOnce(&Opened)) {
        let before = self.heard();
        act(&self.opened).await;
        self.markers += 1;
        let marker = format!("marker {}", self.markers);
        self.opened.engine.enqueue(Job::of(&marker).into()).await.expect("enqueued");
        let is_marker =
            |event: &Event| matches!(event, Event::Wake(Some(told)) if *told == marker).then_some(());
        self.opened.recorder.event("the marker", is_marker).await;
        assert_eq!(self.heard() > before, is_told, "{what}");
    }
}

fn keyed(mut job: Document, scope: &str) -> Document {
    let key = job.get_str("_id").expect("an id").to_owned();
    job.extend(doc! { "dedupeKey": key, "dedupeScope": scope });
    job
}

#[tokio::test]
async fn a_job_that_is_enqueued_is_told_of_if_it_is_due() {
    let (_queue, mut ear) = Ear::start().await;
    let cases = [
        (true, "a due job", Job::of(TYPE)),
        (false, "a job that is due in an hour", Job::of(TYPE).delay_ms(HOUR_MS)),
        (true, "a job under a free key", Job::of(TYPE).exclusive("k")),
        (false, "a job under a held key", Job::of(TYPE).exclusive("k")),
    ];
    for (is_told, what, job) in cases {
        ear.assert_told(is_told, what, async move |opened: &Opened| {
            opened.engine.enqueue(job.into()).await.expect("enqueued");
        })
        .await;
    }
    ear.assert_told(true, "several jobs", async |opened: &Opened| {
        let jobs = vec![Job::of("other").into(), Job::of(TYPE).into()];
        opened.engine.enqueue_many(jobs).await.expect("enqueued");
    })
    .await;
}

#[tokio::test]
async fn claim_or_enqueue_tells_of_the_follower_that_it_makes_and_of_nothing_else() {
    let (_queue, mut ear) = Ear::start().await;
    for (is_told, what) in [
        (false, "a job that is claimed at once"),
        (true, "its follower"),
        (false, "a follower that was there"),
    ] {
        ear.assert_told(is_told, what, async |opened: &Opened| {
            opened
                .engine
                .claim_or_enqueue(Job::of(TYPE).single_flight("k").into())
                .await
                .expect("the server answers");
        })
        .await;
    }
}

/// Verdicts, and whether another job may be claimed because of them: the job itself, or its follower.
const VERDICTS: [(Verdict, &str, bool); 7] = [
    (Verdict::Release, "", true),
    (Verdict::Complete, "", false),
    (Verdict::FailFatal, "", false),
    (Verdict::Complete, "pending", true),
    (Verdict::FailFatal, "pending", true),
    (Verdict::Complete, "pending+active", false),
    (Verdict::FailFatal, "pending+active", false),
];

#[tokio::test]
async fn a_verdict_by_hand_tells_of_what_may_be_claimed_because_of_it() {
    let (queue, mut ear) = Ear::start().await;
    for (verdict, scope, is_told) in VERDICTS {
        let id = format!("{verdict:?} {scope}");
        let job = active(&id, TYPE, "token");
        queue.insert([if scope.is_empty() { job } else { keyed(job, scope) }]).await;
        ear.assert_told(is_told, &id, async |opened: &Opened| {
            let settled = opened.engine.settle(&id, Some("token"), verdict, None).await;
            assert!(matches!(settled, Ok(Settled::Released | Settled::Completed | Settled::FailedTerminal)));
        })
        .await;
    }
}

#[tokio::test]
async fn a_verdict_of_a_run_tells_of_what_may_be_claimed_because_of_it() {
    for (verdict, scope, is_told) in VERDICTS {
        let (queue, mut ear) = Ear::start().await;
        let id = format!("{verdict:?} {scope}");
        let job = pending(&id, TYPE);
        queue.insert([if scope.is_empty() { job } else { keyed(job, scope) }]).await;
        let processor = ear.opened.process(TYPE, 1);
        let run = ear.opened.recorder.next_job().await;
        // It would claim what it is told of.
        ear.opened.engine.quiesce(&[processor]);
        ear.assert_told(is_told, &id, async |opened: &Opened| {
            opened.finish(run.run_id, verdict);
            opened.recorder.outcome(run.run_id).await.expect("the server answers");
        })
        .await;
    }
}

#[tokio::test]
async fn a_retry_is_told_of_when_it_is_due() {
    let (queue, ear) = Ear::start().await;
    let mut job = active("job", TYPE, "token");
    job.extend(doc! { "backoff": "fixed", "backoffDelay": 50 });
    queue.insert([job]).await;
    let settled = ear.opened.engine.settle("job", Some("token"), Verdict::Fail, None).await;
    assert!(matches!(settled, Ok(Settled::RetryScheduled(_))), "{settled:?}");
    let told = |event: &Event| matches!(event, Event::Wake(Some(told)) if told == TYPE).then_some(());
    ear.opened.recorder.event("a wake-up", told).await;
}
