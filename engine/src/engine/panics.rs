//! A panic in each task, wherever it waits for something: nobody loses a job or a verdict, and the log says so once.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use mongodb::{
    Client, ClientSession, Collection,
    bson::{Bson, DateTime, Document, RawDocumentBuf, doc, rawdoc},
};
use tokio::sync::mpsc;

use super::{Engine, EngineOptions};
use crate::{
    base::{error::ErrorKind, sync::lock},
    connection::ConnectionSettings,
    job::log::LogBounds,
    job::{
        document::{DedupeKey, NewJob, new_id},
        journal::NewStep,
        status::DedupeScope,
        verdict::{Details, Verdict},
    },
    report::{
        event::{Event, Sink},
        tasks::{Task, planted},
    },
    verbs::journal::append::{Append, Appended},
    verbs::schedules::fire::Firing,
    worker::{dispatch::slots::ProcessorConfig, runs::RunVerdict},
};

/// The last wait of a task that is tried, from its beginning.
const MOST_POLLS: u32 = 8;
/// Of leases: a quarter of it passes between two renewals, and between two sweeps.
const VISIBILITY: Duration = Duration::from_secs(6);
const PATIENCE: Duration = Duration::from_secs(30);
const TYPE: &str = "t";

/// A job as it was handed over.
struct Run {
    id: u32,
    job: String,
    token: String,
    attempt: i32,
}

/// Passes jobs on, and remembers the rest.
struct Heard {
    runs: mpsc::UnboundedSender<Run>,
    answers: Mutex<Vec<(u32, bool)>>,
    panics: Mutex<Vec<String>>,
    /// Schedules that are due, not yet answered.
    batches: Mutex<Vec<u32>>,
}

impl Sink for Heard {
    fn event(&self, event: Event) {
        match event {
            Event::Jobs { run_ids, documents, .. } => {
                let mut rest = documents.as_slice();
                for id in run_ids {
                    let (job, others) =
                        rest.split_at(i32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize);
                    rest = others;
                    let job = RawDocumentBuf::from_bytes(job.to_vec()).expect("a document");
                    let attempt = job.get_i32("attempt").expect("it was claimed");
                    let text = |field| job.get_str(field).expect("it was claimed").to_owned();
                    let run = Run { id, job: text("_id"), token: text("claimToken"), attempt };
                    // Nobody may listen any more.
                    _ = self.runs.send(run);
                }
            }
            Event::Settled(results) => {
                lock(&self.answers)
                    .extend(results.iter().map(|result| (result.run_id, result.outcome.is_ok())));
            }
            Event::Log { message, .. } if message.contains("ended unexpectedly") => {
                lock(&self.panics).push(message);
            }
            Event::SchedulesDue { batch, .. } => lock(&self.batches).push(batch),
            _ => {}
        }
    }
}

struct World {
    engine: Arc<Engine>,
    heard: Arc<Heard>,
    runs: mpsc::UnboundedReceiver<Run>,
    client: Client,
    jobs: Collection<Document>,
    app_name: String,
    attempts: Vec<(String, i32)>,
}

impl World {
    async fn new() -> Self {
        let url = std::env::var("DURABL_TEST_URL").expect("DURABL_TEST_URL must name a MongoDB replica set");
        let client = Client::with_uri_str(&url).await.expect("a connection string");
        let database = format!("durabl_panics_{}", new_id());
        let jobs = client.database(&database).collection("jobs");
        let (sender, runs) = mpsc::unbounded_channel();
        let heard = Arc::new(Heard {
            runs: sender,
            answers: Mutex::default(),
            panics: Mutex::default(),
            batches: Mutex::default(),
        });
        // A client of its own, and with it a hub: its tasks begin while the panic is planted.
        let app_name = database.clone();
        let settings = ConnectionSettings {
            uri: Some(url),
            app_name: Some(app_name.clone()),
            ..ConnectionSettings::default()
        };
        let options = EngineOptions {
            database,
            collection: "jobs".to_owned(),
            use_change_streams: true,
            log_bounds: LogBounds::default(),
            about: crate::worker::upkeep::About::default(),
            retention: Vec::new(),
        };
        let engine = Engine::open(settings, options, heard.clone()).expect("the settings can be honoured");
        Self { engine: Arc::new(engine), heard, runs, client, jobs, app_name, attempts: Vec::new() }
    }

    async fn start(&self) {
        self.engine.startup().await.expect("the server can be worked with");
        self.engine.start_recovery(VISIBILITY);
        self.engine.process(ProcessorConfig {
            job_type: TYPE.to_owned(),
            concurrency: 4,
            poll_interval: None,
            heartbeat_interval: None,
            visibility_timeout: VISIBILITY,
            prefetch: None,
        });
    }

    /// As an app does that hears of a mistake: it calls again.
    async fn enqueue(&self, jobs: Vec<NewJob>) {
        let tried = self.engine.enqueue_many(jobs.clone()).await;
        let failed = match tried {
            Ok(outcomes) => outcomes.into_iter().find_map(Result::err),
            Err(error) => Some(error),
        };
        if let Some(error) = failed {
            assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
            let again = self.engine.enqueue_many(jobs).await.expect("the writer is there again");
            assert!(again.iter().all(Result::is_ok), "{again:?}");
        }
    }

    async fn next(&mut self) -> Run {
        let run = tokio::time::timeout(PATIENCE, self.runs.recv()).await;
        let run = run.expect("a job is handed over in time").expect("the engine lives");
        self.attempts.push((run.job.clone(), run.attempt));
        run
    }

    /// A schedule with one occurrence, which is due. As the calendar says each time that it is asked.
    async fn fire_a_schedule(&self) {
        let at = DateTime::from_millis(60_000);
        let schedules = self.client.database(&self.jobs.namespace().db).collection::<Document>("jobs.durabl");
        let job = doc! { "type": TYPE, "data": Bson::Null, "priority": 0, "maxAttempts": 3 };
        let schedule = doc! {
            "_id": "schedule:s", "kind": "schedule", "rev": "1", "nextRunAt": at, "spec": {}, "job": job,
        };
        schedules.insert_one(schedule).await.expect("it can be written");
        self.engine.fire_schedules(true);
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while schedules.find_one(doc! { "nextRunAt": at }).await.expect("it can be read").is_some() {
            assert!(tokio::time::Instant::now() < deadline, "the schedule is fired in time");
            for batch in std::mem::take(&mut *lock(&self.heard.batches)) {
                let ms = at.timestamp_millis();
                let firing = Firing { place: 0, occurrences_ms: vec![ms], last_ms: ms, next_ms: None };
                self.engine.schedules_answered(batch, vec![firing]);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn finish(&self, run: &Run, verdict: Verdict) {
        let verdict = RunVerdict {
            run_id: run.id,
            verdict,
            reason: None,
            details: Details::default(),
            frees_slot: true,
            elapsed: None,
        };
        self.engine.finish([verdict]);
    }

    /// Runs what there is until every job has ended. Each verdict is written; none is told as lost.
    async fn run_all(&mut self) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            while let Ok(Ok(run)) =
                tokio::time::timeout(Duration::from_millis(50), async { self.runs.recv().await.ok_or(()) })
                    .await
            {
                self.attempts.push((run.job.clone(), run.attempt));
                self.finish(&run, Verdict::Complete);
            }
            let open = doc! { "status": { "$in": ["pending", "active"] } };
            let open = self.jobs.find_one(open).await.expect("the jobs can be read");
            let Some(open) = open else { return };
            assert!(tokio::time::Instant::now() < deadline, "a job does not end: {open}");
        }
    }

    async fn end(self, task: Task, was_planted: bool) {
        self.engine.shutdown(Duration::from_secs(5)).await;
        self.jobs.client().database(&self.jobs.namespace().db).drop().await.expect("the server answers");
        assert_eq!(
            lock(&self.heard.panics).len(),
            usize::from(was_planted),
            "{task:?}: {:?}",
            self.heard.panics
        );
        let answers = lock(&self.heard.answers);
        let runs: HashSet<u32> = answers.iter().map(|(run, _)| *run).collect();
        assert_eq!(
            (runs.len(), answers.len()),
            (self.attempts.len(), self.attempts.len()),
            "one answer a run"
        );
        assert!(answers.iter().all(|(_, is_written)| *is_written), "{task:?}: a verdict was not written");
    }

    /// A transaction that has made a job under this key, and is open.
    async fn holding(&self, key: &str, scope: &str) -> ClientSession {
        let mut session = self.client.start_session().await.expect("a session");
        session.start_transaction().await.expect("a transaction");
        let mut job = by_hand("held", "pending");
        job.extend(doc! { "dedupeKey": key, "dedupeScope": scope });
        self.jobs.insert_one(job).session(&mut session).await.expect("nobody else writes it");
        session
    }
}

fn new_job() -> NewJob {
    NewJob {
        job_type: TYPE.to_owned(),
        payload: rawdoc! { "data": 1 },
        priority: 0,
        id: None,
        delay_ms: 0,
        run_at_ms: None,
        max_attempts: 3,
        dedupe: None,
        coalesce_latest: false,
        dedupe_for_ms: None,
        is_detailed: false,
        timeout_ms: None,
        expires_in_ms: None,
        backoff: None,
        backoff_delay_ms: None,
        backoff_max_delay_ms: None,
    }
}

fn keyed(scope: DedupeScope) -> NewJob {
    NewJob { dedupe: Some(DedupeKey { key: "k".to_owned(), scope }), ..new_job() }
}

fn by_hand(id: &str, status: &str) -> Document {
    let past = DateTime::from_millis(1_000_000_000_000);
    doc! {
        "_id": id, "type": TYPE, "data": Bson::Null, "status": status, "priority": 0, "attempt": 0, "maxAttempts": 3,
        "runAt": past, "createdAt": past, "logs": [],
    }
}

/// Has the task do something, with a panic planted in it.
async fn work(world: &mut World, task: Task) {
    world.start().await;
    // Several at once, so that claims are made in batches.
    world.enqueue(vec![new_job(); 12]).await;
    match task {
        Task::Timers => world.enqueue(vec![NewJob { delay_ms: 100, ..new_job() }]).await,
        Task::Stream => {
            world.jobs.insert_one(by_hand("by hand", "pending")).await.expect("it can be written");
        }
        Task::Sweeps => {
            let mut stuck = by_hand("stuck", "active");
            stuck.extend(doc! { "claimToken": "of a dead worker", "claimedAt": stuck.get("runAt") });
            stuck.insert("attempt", 1);
            world.jobs.insert_one(stuck).await.expect("it can be written");
        }
        Task::Cancellations => {
            let long = world.next().await;
            world.engine.cancel(std::slice::from_ref(&long.job), None).await.expect("the server answers");
            tokio::time::sleep(Duration::from_millis(200)).await;
            world.finish(&long, Verdict::Complete);
        }
        Task::Renewals => {
            let long = world.next().await;
            tokio::time::sleep(VISIBILITY).await;
            world.finish(&long, Verdict::Complete);
        }
        Task::Resumption => {
            let run = world.next().await;
            let is_held = world.engine.suspend(run.id, VISIBILITY).await.expect("the server answers");
            assert!(is_held);
            // The call tries again, and so does the engine by itself.
            let fail = doc! {
                "configureFailPoint": "failCommand", "mode": { "times": 3 },
                "data": { "failCommands": ["update"], "appName": &world.app_name, "errorCode": 262 },
            };
            world.client.database("admin").run_command(fail).await.expect("test commands are enabled");
            let resumed = world.engine.resume(run.id, &run.job, "unknown").await;
            assert_eq!(resumed.expect("the server answers"), None, "the lease is held");
            tokio::time::sleep(VISIBILITY).await;
            world.finish(&run, Verdict::Complete);
        }
        Task::Records | Task::RecordBatch => {
            let run = world.next().await;
            let value = rawdoc! { "result": 1 };
            let step = NewStep { path: None, seq: 0, name: "s".to_owned(), kind: None, value };
            let append =
                || Append { id: run.job.clone(), token: run.token.clone(), step: step.clone(), limit: 1_000 };
            let mut appended = world.engine.append_step(append()).await;
            if let Err(error) = &appended {
                // As an app does that hears of a mistake: the step runs again.
                assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
                appended = world.engine.append_step(append()).await;
            }
            assert!(matches!(appended, Ok(Appended::Appended | Appended::Recorded(_))), "{appended:?}");
            assert_eq!(world.engine.read_steps(&run.job).await.map(|steps| steps.len()), Ok(1));
            world.finish(&run, Verdict::Complete);
        }
        Task::NewJobsHeldUp => {
            let mut session = world.holding("k", "pending+active").await;
            let engine = world.engine.clone();
            let enqueued =
                tokio::spawn(async move { engine.enqueue(keyed(DedupeScope::PendingAndActive)).await });
            tokio::time::sleep(Duration::from_millis(1_300)).await;
            session.abort_transaction().await.expect("it is aborted");
            match enqueued.await.expect("it ends") {
                Ok(id) => assert!(id.is_some()),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Internal, "{error}"),
            }
        }
        Task::VerdictAlone => {
            world.run_all().await;
            world.enqueue(vec![keyed(DedupeScope::Pending)]).await;
            let run = world.next().await;
            let mut session = world.holding("k", "pending").await;
            world.finish(&run, Verdict::Release);
            tokio::time::sleep(Duration::from_millis(1_300)).await;
            session.abort_transaction().await.expect("it is aborted");
        }
        Task::NewJobs
        | Task::Verdicts
        | Task::VerdictBatch
        | Task::Processor
        | Task::Arrival
        | Task::Upkeep
        | Task::Retention => {}
        Task::Schedules => world.fire_a_schedule().await,
    }
}

/// Plants a panic at each wait of the task in turn, until it has no more of them.
async fn survives(task: Task) {
    for polls in 0..MOST_POLLS {
        let mut world = World::new().await;
        planted::plant(task, polls);
        work(&mut world, task).await;
        world.run_all().await;
        let was_planted = !planted::is_left();
        // What comes after the panic is done as well.
        world.enqueue(vec![new_job(); 2]).await;
        world.run_all().await;
        for (job, attempt) in &world.attempts {
            let expected = if job == "stuck" { 2 } else { 1 };
            assert_eq!(*attempt, expected, "{task:?}, poll {polls}: {job}");
        }
        world.end(task, was_planted).await;
        assert!(was_planted || polls > 0, "{task:?} was never begun");
        if !was_planted {
            return;
        }
    }
}

macro_rules! survived {
    ($($name:ident: $task:ident,)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                survives(Task::$task).await;
            }
        )*

        #[test]
        fn every_task_is_tried() {
            assert_eq!([$(Task::$task),*].len(), Task::ALL.len());
        }
    };
}

survived! {
    the_writer_of_new_jobs_goes_on_after_a_panic: NewJobs,
    a_call_whose_key_was_held_up_hears_of_a_panic: NewJobsHeldUp,
    verdicts_that_wait_outlast_a_panic: Verdicts,
    verdicts_on_their_way_are_written_after_a_panic: VerdictBatch,
    a_verdict_that_was_held_up_is_written_after_a_panic: VerdictAlone,
    step_records_that_wait_outlast_a_panic: Records,
    a_step_hears_of_a_panic_in_the_write_of_its_record: RecordBatch,
    leases_are_renewed_after_a_panic: Renewals,
    a_lease_is_renewed_after_its_transaction_and_a_panic: Resumption,
    cancellations_are_heard_of_after_a_panic: Cancellations,
    delayed_jobs_start_after_a_panic: Timers,
    jobs_of_others_start_after_a_panic: Stream,
    a_processor_forgets_no_claim_in_a_panic: Processor,
    claimed_jobs_arrive_after_a_panic: Arrival,
    sweeps_go_on_after_a_panic: Sweeps,
    schedules_fire_after_a_panic: Schedules,
    processors_claim_after_a_panic_of_the_upkeep: Upkeep,
    nothing_else_ends_with_a_panic_of_the_retention: Retention,
}
