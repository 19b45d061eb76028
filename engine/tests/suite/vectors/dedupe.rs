use durabl_engine::{DedupeScope, Engine};
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};

use crate::support::{Job, TestQueue, active, documents::moment, pending};

use super::{assert_none, cases, text};

const KEY: &str = "the-key";

/// A job that was there before the call.
fn holder(place: usize, wanted: &Value) -> Document {
    let id = format!("holder-{place}");
    let job_type = text(wanted, "type");
    let mut job = match text(wanted, "status") {
        "pending" => pending(&id, job_type),
        _ => active(&id, job_type, "a-token"),
    };
    job.extend(doc! {
        "status": text(wanted, "status"),
        "data": text(wanted, "data"),
        "createdAt": moment(-60_000 + place as i64),
    });
    if let Some(scope) = wanted["scope"].as_str() {
        job.extend(doc! { "dedupeKey": KEY, "dedupeScope": scope });
    }
    job
}

async fn carry_out(engine: &Engine, call: &Value) -> &'static str {
    let job_type = text(call, "type");
    let job = || {
        let mut job = Job::of(job_type).data(text(call, "data"));
        if let Some(scope) = call["scope"].as_str() {
            job = job.key(KEY, DedupeScope::parse(scope).expect("a scope"));
        }
        if call["coalesce"] == true { job.coalesce() } else { job }
    };
    let claimed = match text(call, "operation") {
        "enqueue" => {
            let id = engine.enqueue(job().into()).await.expect("the server answers");
            return if id.is_some() { "created" } else { "held" };
        }
        "claimOrEnqueue" => {
            let claimed = engine.claim_or_enqueue(job().into()).await.expect("the server answers");
            return if claimed.is_some() { "claimed" } else { "held" };
        }
        "claimNext" => engine.claim_next(job_type).await,
        "claimNextByKey" => engine.claim_next_by_key(job_type, KEY).await,
        other => panic!("no operation is called {other}"),
    };
    if claimed.expect("the server answers").is_some() { "claimed" } else { "none" }
}

fn described(job: &Document) -> Value {
    json!({
        "status": job.get_str("status").ok(),
        "scope": job.get_str("dedupeScope").ok(),
        "type": job.get_str("type").ok(),
        "data": job.get_str("data").ok(),
    })
}

#[tokio::test]
async fn keys_are_held_as_in_the_shared_vectors() {
    let (queue, opened) = TestQueue::start().await;
    let mut complaints = Vec::new();
    for case in cases(include_str!("../../../vectors/dedupe.json")) {
        let holders = case["holders"].as_array().expect("a list").iter().enumerate();
        let holders: Vec<Document> = holders.map(|(place, wanted)| holder(place, wanted)).collect();
        if !holders.is_empty() {
            queue.insert(holders).await;
        }
        let result = carry_out(&opened.engine, &case["call"]).await;
        if result != text(&case, "result") {
            complaints.push(format!("{}: {result}", text(&case, "name")));
        }
        let after: Vec<Value> = queue.all().await.iter().map(described).collect();
        if Value::Array(after.clone()) != case["after"] {
            complaints.push(format!("{}: left {}", text(&case, "name"), Value::Array(after)));
        }
        queue.jobs().delete_many(doc! {}).await.expect("the jobs can be removed");
    }
    assert_none(&complaints);
}
