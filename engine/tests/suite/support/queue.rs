//! A database of a test's own, and engines on it.

use std::{sync::Arc, time::Duration};

use durabl_engine::{
    About, Engine, EngineOptions, FreedSlot, LogBounds, ProcessorConfig, RunVerdict, Verdict,
    connection::ConnectionSettings,
};
use mongodb::{
    Collection, Database,
    bson::{Bson, Document, doc},
};

use super::{recorder::Recorder, server};

pub(crate) const COLLECTION: &str = "jobs";
pub(crate) const SIDE: &str = "jobs.durabl";

/// A database that is dropped in the end.
pub(crate) struct TestQueue {
    pub(crate) database: Database,
}

/// An engine and what it told.
pub(crate) struct Opened {
    pub(crate) engine: Arc<Engine>,
    pub(crate) recorder: Arc<Recorder>,
    /// Unlike that of any other engine: fail points and profiles tell engines apart by it.
    pub(crate) app_name: String,
}

impl TestQueue {
    /// An empty database, without indexes.
    pub(crate) async fn bare() -> Self {
        let name = format!("durabl_test_{}", uuid::Uuid::new_v4().simple());
        Self { database: server::client().await.database(&name) }
    }

    /// A database with its collection ready, and an engine on it.
    pub(crate) async fn start() -> (Self, Opened) {
        let queue = Self::bare().await;
        let opened = queue.engine();
        opened.engine.startup().await.expect("the server can be worked with");
        (queue, opened)
    }

    /// Another engine, on a client of its own: another process, as far as the server can tell.
    pub(crate) fn engine(&self) -> Opened {
        self.engine_with(|_| {}, |_| {})
    }

    /// Another engine that listens to a change stream.
    pub(crate) fn engine_with_push(&self) -> Opened {
        self.engine_with(|_| {}, |options| options.use_change_streams = true)
    }

    /// Another engine, on settings of one's own.
    pub(crate) fn engine_with(
        &self,
        settle: impl FnOnce(&mut ConnectionSettings),
        choose: impl FnOnce(&mut EngineOptions),
    ) -> Opened {
        let app_name = format!("test-{}", uuid::Uuid::new_v4().simple());
        let mut settings = ConnectionSettings {
            uri: Some(server::url()),
            app_name: Some(app_name.clone()),
            ..ConnectionSettings::default()
        };
        settle(&mut settings);
        let mut options = EngineOptions {
            database: self.database.name().to_owned(),
            collection: COLLECTION.to_owned(),
            use_change_streams: false,
            log_bounds: LogBounds::default(),
            hand_off: true,
            about: About::default(),
            retention: Vec::new(),
        };
        choose(&mut options);
        let recorder = Arc::new(Recorder::default());
        let engine = Engine::open(settings, options, recorder.clone()).expect("the settings can be honoured");
        Opened { engine: Arc::new(engine), recorder, app_name }
    }

    /// The jobs, past the engine.
    pub(crate) fn jobs(&self) -> Collection<Document> {
        self.database.collection(COLLECTION)
    }

    /// The side collection, past the engine.
    pub(crate) fn side(&self) -> Collection<Document> {
        self.database.collection(SIDE)
    }

    pub(crate) async fn insert(&self, jobs: impl IntoIterator<Item = Document>) {
        self.jobs().insert_many(jobs).await.expect("the jobs can be written");
    }

    /// A job as it is stored.
    pub(crate) async fn job(&self, id: &str) -> Document {
        self.find(id).await.unwrap_or_else(|| panic!("there is no job {id}"))
    }

    pub(crate) async fn find(&self, id: &str) -> Option<Document> {
        self.jobs().find_one(doc! { "_id": id }).await.expect("the jobs can be read")
    }

    pub(crate) async fn status(&self, id: &str) -> String {
        self.job(id).await.get_str("status").expect("a status").to_owned()
    }

    /// The lines in a job's log.
    pub(crate) async fn logged(&self, id: &str) -> Vec<String> {
        let job = self.job(id).await;
        let Ok(lines) = job.get_array("logs") else { return Vec::new() };
        let text =
            |line: &Bson| line.as_document().expect("a line").get_str("message").expect("text").to_owned();
        lines.iter().map(text).collect()
    }

    pub(crate) async fn count(&self, filter: Document) -> u64 {
        self.jobs().count_documents(filter).await.expect("the jobs can be counted")
    }

    /// All jobs, in order of creation.
    pub(crate) async fn all(&self) -> Vec<Document> {
        let mut cursor =
            self.jobs().find(doc! {}).sort(doc! { "createdAt": 1, "_id": 1 }).await.expect("a cursor");
        let mut found = Vec::new();
        while cursor.advance().await.expect("the jobs can be read") {
            found.push(cursor.deserialize_current().expect("a document"));
        }
        found
    }
}

impl Drop for TestQueue {
    fn drop(&mut self) {
        server::drop_database(self.database.name());
    }
}

impl Opened {
    /// A processor that holds no more jobs than it has slots.
    pub(crate) fn process(&self, job_type: &str, concurrency: usize) -> u32 {
        self.process_with(job_type, |config| config.concurrency = concurrency)
    }

    pub(crate) fn process_with(&self, job_type: &str, configure: impl FnOnce(&mut ProcessorConfig)) -> u32 {
        let mut config = ProcessorConfig {
            job_type: job_type.to_owned(),
            concurrency: 1,
            poll_interval: None,
            heartbeat_interval: None,
            visibility_timeout: Duration::from_secs(300),
            prefetch: Some(0),
        };
        configure(&mut config);
        self.engine.process(config)
    }

    /// The handler has ended, and this is the verdict.
    pub(crate) fn finish(&self, run_id: u32, verdict: Verdict) {
        self.engine.finish([verdict_of(run_id, verdict, true)]);
    }

    /// The handler settles by itself, and works on.
    pub(crate) fn settle_and_work_on(&self, run_id: u32, verdict: Verdict) {
        self.engine.finish([verdict_of(run_id, verdict, false)]);
    }

    /// It has ended, too.
    pub(crate) fn handler_ended(&self, run_id: u32) {
        self.engine.free([FreedSlot { run_id, elapsed: Some(QUICK) }]);
    }
}

const QUICK: Duration = Duration::from_millis(1);

fn verdict_of(run_id: u32, verdict: Verdict, frees_slot: bool) -> RunVerdict {
    let reason = (verdict == Verdict::Fail || verdict == Verdict::FailFatal).then(|| "it broke".to_owned());
    RunVerdict {
        run_id,
        verdict,
        reason,
        details: durabl_engine::Details::default(),
        frees_slot,
        elapsed: Some(QUICK),
    }
}
