//! Transactions of an app's.

use mongodb::{
    ClientSession,
    bson::{Document, doc},
};

use super::{TestQueue, pending, server};

/// A transaction that has run these updates, and is open.
pub(crate) async fn open_transaction(queue: &TestQueue, updates: Vec<Document>) -> ClientSession {
    let client = server::client().await;
    let mut session = client.start_session().await.expect("a session");
    session.start_transaction().await.expect("a transaction");
    let jobs = client.database(queue.database.name()).collection::<Document>("jobs");
    for mut update in updates {
        let id = update.remove("_id").expect("an id");
        let written = jobs.update_one(doc! { "_id": id }, update).upsert(true).session(&mut session).await;
        written.expect("nobody else writes it");
    }
    session
}

/// A job that a transaction is about to make.
pub(crate) fn made(id: &str, key: &str, scope: &str) -> Document {
    let mut job = pending(id, "t");
    job.extend(doc! { "dedupeKey": key, "dedupeScope": scope });
    job.remove("_id");
    doc! { "_id": id, "$setOnInsert": job }
}
