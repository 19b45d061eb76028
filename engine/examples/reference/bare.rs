//! `MongoDB` itself: the fewest commands that claim and complete a batch durably, with all indexes of the engine in place, and
//! the completions of one batch on their way while the next one is claimed. No leases to renew, nobody to race with,
//! no key to hold: what is left is the server's own work, the ceiling for any queue on it.

use durabl_engine::bson::{Bson, DateTime, Document, doc};
use mongodb::{Client, Collection};
use tokio::task::JoinHandle;

use crate::{COLLECTION, Cost, JOB_TYPE, Measured, Outcome, Task, engine};

/// The documents of the next jobs, made active under a token.
async fn claim(jobs: &Collection<Document>, batch: usize, token: &str) -> Outcome<Vec<Bson>> {
    let now = DateTime::now();
    let due = doc! { "status": "pending", "type": JOB_TYPE, "runAt": { "$lte": now } };
    let mut cursor = jobs
        .find(due)
        .sort(doc! { "status": 1, "type": 1, "priority": 1, "runAt": 1 })
        .limit(batch as i64)
        .batch_size(batch as u32)
        .await?;
    let mut ids = Vec::with_capacity(batch);
    while cursor.advance().await? {
        ids.extend(cursor.deserialize_current()?.remove("_id"));
    }
    if ids.is_empty() {
        return Ok(ids);
    }
    let taking = doc! { "$set": { "status": "active", "claimToken": token, "claimedAt": now }, "$inc": { "attempt": 1 } };
    let reply = jobs.update_many(doc! { "_id": { "$in": &ids }, "status": "pending" }, taking).await?;
    if reply.matched_count != ids.len() as u64 {
        return Err("somebody else works on the same jobs".into());
    }
    Ok(ids)
}

async fn complete(jobs: Collection<Document>, ids: Vec<Bson>, token: String) -> Outcome<()> {
    let held = doc! { "_id": { "$in": ids }, "status": "active", "claimToken": token };
    let ending = doc! { "$set": { "status": "completed", "completedAt": DateTime::now() } };
    jobs.update_many(held, ending).await?;
    Ok(())
}

async fn ended(completion: Option<JoinHandle<Outcome<()>>>) -> Outcome<()> {
    match completion {
        Some(completion) => completion.await?,
        None => Ok(()),
    }
}

async fn drain(jobs: &Collection<Document>, batch: usize) -> Outcome<()> {
    let mut last = None;
    for number in 0.. {
        let token = format!("batch {number}");
        let ids = claim(jobs, batch, &token).await?;
        ended(last.take()).await?;
        if ids.is_empty() {
            break;
        }
        last = Some(tokio::spawn(complete(jobs.clone(), ids, token)));
    }
    Ok(())
}

pub(crate) async fn measure(task: &Task) -> Outcome<Measured> {
    let filled = Cost::of(task, engine::fill(task)).await?;
    let client = Client::with_uri_str(&task.uri).await?;
    let jobs = client.database(&task.database).collection(COLLECTION);
    // The connection is made before the clock starts, as everywhere.
    jobs.find_one(doc! {}).await?;
    let drained = Cost::of(task, drain(&jobs, task.width)).await?;
    Ok(Measured { filled, drained })
}
