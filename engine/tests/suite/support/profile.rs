//! The server's work for an engine, by its profiler.

use mongodb::{
    bson::{Document, doc},
    error::{CommandError, ErrorKind},
};

use super::{Opened, TestQueue, queue::COLLECTION};

/// One operation on the jobs, as the server carried it out.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) entry: Document,
}

impl Operation {
    /// The command's name: `find`, `findAndModify`, `update`, `aggregate`, …
    pub(crate) fn name(&self) -> &str {
        match self.entry.get_str("op") {
            Ok("command" | "query") | Err(_) => self
                .entry
                .get_document("command")
                .ok()
                .and_then(|command| command.keys().next())
                .map_or("", |name| name),
            Ok(op) => op,
        }
    }

    pub(crate) fn keys_examined(&self) -> i64 {
        self.number("keysExamined")
    }

    pub(crate) fn documents_examined(&self) -> i64 {
        self.number("docsExamined")
    }

    /// Documents in its reply.
    pub(crate) fn returned(&self) -> i64 {
        self.number("nreturned")
    }

    /// Documents that it has removed.
    pub(crate) fn removed(&self) -> i64 {
        self.number("ndeleted")
    }

    pub(crate) fn sorts_in_memory(&self) -> bool {
        self.entry.get_bool("hasSortStage").unwrap_or(false)
    }

    /// Bytes that the server has sent.
    pub(crate) fn response_length(&self) -> i64 {
        self.number("responseLength")
    }

    pub(crate) fn plan(&self) -> &str {
        self.entry.get_str("planSummary").unwrap_or_default()
    }

    fn number(&self, field: &str) -> i64 {
        let value = self.entry.get(field);
        value.and_then(|value| value.as_i64().or(value.as_i32().map(i64::from))).unwrap_or(0)
    }
}

/// Room for the operations of a test: the server's own choice of a megabyte forgets the first of some hundreds.
const BYTES: i64 = 32_000_000;
/// The server's code if it is there already.
const NAMESPACE_EXISTS: i32 = 48;

/// Starts to write down what the server does for this engine.
pub(crate) async fn start(queue: &TestQueue, opened: &Opened) {
    let roomy = doc! { "create": "system.profile", "capped": true, "size": BYTES };
    if let Err(error) = queue.database.run_command(roomy).await {
        let ErrorKind::Command(CommandError { code: NAMESPACE_EXISTS, .. }) = *error.kind else {
            panic!("a profile can be made: {error}");
        };
    }
    // Level 2 would write everything down, whatever the filter.
    set_level(queue, doc! { "profile": 1, "filter": { "appName": opened.app_name.as_str() } }).await;
}

/// The operations on the jobs that were written down since.
pub(crate) async fn so_far(queue: &TestQueue) -> Vec<Operation> {
    so_far_on(queue, COLLECTION).await
}

/// The same of operations on another collection.
pub(crate) async fn so_far_on(queue: &TestQueue, collection: &str) -> Vec<Operation> {
    let profile = queue.database.collection::<Document>("system.profile");
    let of_collection = doc! { "ns": format!("{}.{collection}", queue.database.name()) };
    let mut cursor =
        profile.find(of_collection).sort(doc! { "$natural": 1 }).await.expect("the profile can be read");
    let mut operations = Vec::new();
    while cursor.advance().await.expect("the profile can be read") {
        operations.push(Operation { entry: cursor.deserialize_current().expect("an entry") });
    }
    operations
}

/// Ends it, and forgets.
pub(crate) async fn stop(queue: &TestQueue) -> Vec<Operation> {
    set_level(queue, doc! { "profile": 0, "filter": "unset" }).await;
    let operations = so_far(queue).await;
    queue.database.collection::<Document>("system.profile").drop().await.expect("the profile can be dropped");
    operations
}

async fn set_level(queue: &TestQueue, command: Document) {
    queue.database.run_command(command).await.expect("the profiler can be set");
}

/// The server's work during an action.
pub(crate) async fn during<T>(
    queue: &TestQueue,
    opened: &Opened,
    action: impl Future<Output = T>,
) -> (T, Vec<Operation>) {
    start(queue, opened).await;
    let outcome = action.await;
    (outcome, stop(queue).await)
}
