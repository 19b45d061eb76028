//! Where the server is, and the thread that cleans up there after tests that may have panicked.

use std::sync::{
    OnceLock,
    mpsc::{Sender, channel},
};

use mongodb::{
    Client,
    bson::{Document, doc},
};

const VARIABLE: &str = "DURABL_TEST_URL";

/// The connection string of the server under test.
pub(crate) fn url() -> String {
    match std::env::var(VARIABLE) {
        Ok(url) if !url.is_empty() => url,
        _ => panic!("{VARIABLE} must name a MongoDB replica set started with enableTestCommands=1"),
    }
}

/// The first host and port of the server under test.
pub(crate) fn address() -> String {
    let url = url();
    let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    let hosts = rest.split(['/', '?']).next().unwrap_or_default();
    let hosts = hosts.rsplit('@').next().unwrap_or_default();
    hosts.split(',').next().unwrap_or_default().to_owned()
}

/// A client of the test's own, apart from the engine's.
pub(crate) async fn client() -> Client {
    Client::with_uri_str(url()).await.expect("DURABL_TEST_URL is a connection string")
}

struct Errand {
    database: String,
    command: Document,
    done: Sender<()>,
}

/// Runs a command from a destructor, where nothing can be awaited: a thread of its own does.
pub(crate) fn run_now(database: &str, command: Document) {
    static CLEANER: OnceLock<Sender<Errand>> = OnceLock::new();
    let cleaner = CLEANER.get_or_init(|| {
        let (errands, inbox) = channel::<Errand>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime starts").block_on(async move {
                let client = client().await;
                for Errand { database, command, done } in inbox {
                    let database = client.database(&database);
                    // Twice, since a busy machine may lose a connection.
                    if database.run_command(command.clone()).await.is_err()
                        && let Err(error) = database.run_command(command).await
                    {
                        eprintln!("cleaning up after a test failed: {error}");
                    }
                    _ = done.send(());
                }
            });
        });
        errands
    });
    let (done, finished) = channel();
    let errand = Errand { database: database.to_owned(), command, done };
    if cleaner.send(errand).is_ok() {
        _ = finished.recv();
    }
}

pub(crate) fn drop_database(database: &str) {
    run_now(database, doc! { "dropDatabase": 1, "writeConcern": { "w": 1 } });
}
