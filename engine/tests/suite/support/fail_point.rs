//! The server's own mistakes on demand.
//!
//! There is one `failCommand` in a server: who sets it again undoes what was set. So tests take turns, each until its
//! guard goes.

use mongodb::bson::{Document, doc};
use tokio::sync::{Mutex, MutexGuard};

use super::{Opened, server};

static TURN: Mutex<()> = Mutex::const_new(());

/// Undoes itself.
pub(crate) struct FailPoint {
    _turn: MutexGuard<'static, ()>,
    /// The number of times that it had been met before.
    before: i64,
}

impl FailPoint {
    /// The next `times` commands of these names by this engine meet what `what` describes.
    pub(crate) async fn set(opened: &Opened, commands: &[&str], times: i32, what: Document) -> Self {
        let turn = TURN.lock().await;
        let mut data = doc! { "failCommands": commands, "appName": opened.app_name.as_str() };
        data.extend(what);
        let set = doc! { "configureFailPoint": "failCommand", "mode": { "times": times }, "data": data };
        let admin = server::client().await.database("admin");
        let known = admin.run_command(set).await.expect("the server was started with enableTestCommands=1");
        let before = known.get_i64("count").or_else(|_| known.get_i32("count").map(i64::from));
        Self { _turn: turn, before: before.expect("a count") }
    }

    /// Waits until a command has met it.
    pub(crate) async fn is_met(&self) {
        let admin = server::client().await.database("admin");
        let wait = doc! {
            "waitForFailPoint": "failCommand", "timesEntered": self.before + 1, "maxTimeMS": 25_000,
        };
        admin.run_command(wait).await.expect("a command meets it");
    }
}

impl Drop for FailPoint {
    fn drop(&mut self) {
        server::run_now("admin", doc! { "configureFailPoint": "failCommand", "mode": "off" });
    }
}
