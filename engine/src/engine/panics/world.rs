//! An app with one processor, as far as panics need it: it makes jobs, runs them, and hears of their ends.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use mongodb::{
    Client, ClientSession, Collection,
    bson::{Bson, DateTime, Document, RawDocumentBuf, doc},
};
use tokio::sync::mpsc;

use crate::{
    base::{error::ErrorKind, sync::lock},
    connection::ConnectionSettings,
    engine::{Engine, EngineOptions},
    job::log::LogBounds,
    job::{
        document::{DedupeKey, NewJob, new_id},
        status::DedupeScope,
        verdict::{Details, Verdict},
    },
    report::{
        event::{Event, Sink},
        tasks::Task,
    },
    verbs::schedules::fire::Firing,
    worker::{dispatch::slots::ProcessorConfig, runs::RunVerdict},
};

/// The visibility timeout of leases: a quarter of it passes between two renewals, and between two sweeps.
pub(super) const VISIBILITY: Duration = Duration::from_secs(6);
const PATIENCE: Duration = Duration::from_secs(30);
const TYPE: &str = "t";

/// A job as it was handed over.
pub(super) struct Run {
    pub(super) id: u32,
    pub(super) job: String,
    pub(super) token: String,
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
                    // The test may not listen any more.
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

pub(super) struct World {
    pub(super) engine: Arc<Engine>,
    heard: Arc<Heard>,
    runs: mpsc::UnboundedReceiver<Run>,
    pub(super) client: Client,
    pub(super) jobs: Collection<Document>,
    pub(super) app_name: String,
    pub(super) attempts: Vec<(String, i32)>,
}

impl World {
    pub(super) async fn new() -> Self {
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
            hand_off: true,
            about: crate::worker::upkeep::About::default(),
            retention: Vec::new(),
        };
        let engine = Engine::open(settings, options, heard.clone()).expect("the settings can be honoured");
        Self { engine: Arc::new(engine), heard, runs, client, jobs, app_name, attempts: Vec::new() }
    }

    pub(super) async fn start(&self) {
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

    /// As an app does after an error: it calls again.
    pub(super) async fn enqueue(&self, jobs: Vec<NewJob>) {
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

    pub(super) async fn next(&mut self) -> Run {
        let run = tokio::time::timeout(PATIENCE, self.runs.recv()).await;
        let run = run.expect("a job is handed over in time").expect("the engine lives");
        self.attempts.push((run.job.clone(), run.attempt));
        run
    }

    /// A schedule with one occurrence, which is due. As the calendar says each time that it is asked.
    pub(super) async fn fire_a_schedule(&self) {
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

    pub(super) fn finish(&self, run: &Run, verdict: Verdict) {
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

    /// Runs jobs until every one has ended. Each verdict is written; none is reported as lost.
    pub(super) async fn run_all(&mut self) {
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

    pub(super) async fn end(self, task: Task, was_planted: bool) {
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
    pub(super) async fn holding(&self, key: &str, scope: &str) -> ClientSession {
        let mut session = self.client.start_session().await.expect("a session");
        session.start_transaction().await.expect("a transaction");
        let mut job = by_hand("held", "pending");
        job.extend(doc! { "dedupeKey": key, "dedupeScope": scope });
        self.jobs.insert_one(job).session(&mut session).await.expect("no other session writes it");
        session
    }
}

pub(super) fn new_job() -> NewJob {
    NewJob { job_type: TYPE.to_owned(), ..NewJob::sample() }
}

pub(super) fn keyed(scope: DedupeScope) -> NewJob {
    NewJob { dedupe: Some(DedupeKey { key: "k".to_owned(), scope }), ..new_job() }
}

pub(super) fn by_hand(id: &str, status: &str) -> Document {
    let past = DateTime::from_millis(1_000_000_000_000);
    doc! {
        "_id": id, "type": TYPE, "data": Bson::Null, "status": status, "priority": 0, "attempt": 0, "maxAttempts": 3,
        "runAt": past, "createdAt": past, "logs": [],
    }
}
