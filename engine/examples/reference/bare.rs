//! `MongoDB` itself: few commands that claim and complete a batch durably, with all indexes of the engine in place. The
//! completions of one batch are on their way while the next one is claimed. There are no leases to renew, no rivals to race
//! with, and no key to hold: what is left is nearly the server's own work. This is a yardstick and no ceiling: other batches,
//! or more of them on their way at once, may be quicker.

use std::time::Instant;

use durabl_engine::bson::{Bson, DateTime, Document, doc};
use mongodb::{Client, Collection};
use tokio::task::JoinHandle;

use crate::{COLLECTION, Cost, JOB_TYPE, Measured, Outcome, Task};

/// The parts of a backlog, to tell whether the last ones go as quickly as the first.
const PARTS: usize = 10;

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

/// Empties the backlog; the seconds after which each tenth of it had been claimed.
async fn drain(jobs: &Collection<Document>, task: &Task) -> Outcome<Vec<f64>> {
    let start = Instant::now();
    let (mut claimed, mut marks, mut last) = (0, Vec::with_capacity(PARTS), None);
    for number in 0.. {
        let token = format!("batch {number}");
        let ids = claim(jobs, task.width, &token).await?;
        ended(last.take()).await?;
        if ids.is_empty() {
            break;
        }
        claimed += ids.len();
        while marks.len() < PARTS && claimed * PARTS >= task.jobs * (marks.len() + 1) {
            marks.push(start.elapsed().as_secs_f64());
        }
        last = Some(tokio::spawn(complete(jobs.clone(), ids, token)));
    }
    Ok(marks)
}

pub(crate) async fn measure(task: &Task) -> Outcome<Measured> {
    let client = Client::with_uri_str(&task.uri).await?;
    let jobs = client.database(&task.database).collection(COLLECTION);
    // The connection is made before the clock starts, as everywhere.
    jobs.find_one(doc! {}).await?;
    let (drained, marks) = Cost::of(task, drain(&jobs, task)).await?;
    Ok(Measured { drained, marks })
}
