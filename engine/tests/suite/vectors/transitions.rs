use std::time::Duration;

use durabl_engine::{Engine, Settled, Status, Verdict};
use mongodb::bson::{DateTime, Document, doc};
use serde_json::Value;

use crate::support::{TestQueue, active, documents::moment, pending};

use super::{assert_none, cases, text};

const ID: &str = "the-job";
const FOLLOWER: &str = "the-follower";
const TOKEN: &str = "the-token";
const VISIBILITY_TIMEOUT_MS: i64 = 60_000;

/// The job that a case begins with, as any version of the package may have left it.
fn before(case: &Value) -> Vec<Document> {
    let Some(wanted) = case["job"].as_object() else { return Vec::new() };
    let wanted = Value::Object(wanted.clone());
    let claimed = if case["lease"] == "expired" { -VISIBILITY_TIMEOUT_MS - 1_000 } else { 0 };
    let mut job = active(ID, "t", TOKEN);
    job.extend(doc! {
        "status": text(&wanted, "status"),
        "attempt": wanted["attempt"].as_i64(),
        "maxAttempts": wanted["maxAttempts"].as_i64(),
        "claimedAt": moment(claimed),
    });
    if wanted["marked"] == true {
        job.insert("cancelRequestedAt", moment(0));
    }
    let mut jobs = vec![job];
    if let Some(scope) = wanted["dedupeScope"].as_str() {
        jobs[0].extend(doc! { "dedupeKey": "k", "dedupeScope": scope });
    }
    if wanted["follower"] == true {
        let mut follower = pending(FOLLOWER, "t");
        follower.extend(doc! { "dedupeKey": "k", "dedupeScope": "pending" });
        jobs.push(follower);
    }
    jobs
}

async fn carry_out(engine: &Engine, case: &Value) -> Value {
    let verdict = match text(case, "operation") {
        "recover" => {
            let timeout = Duration::from_millis(VISIBILITY_TIMEOUT_MS as u64);
            let sweep = engine.recover_stuck_jobs(timeout, 100).await.expect("the server answers");
            return sweep.handled.into();
        }
        "complete" => Verdict::Complete,
        "fail" => Verdict::Fail,
        "failFatal" => Verdict::FailFatal,
        "release" => Verdict::Release,
        other => panic!("no verdict is called {other}"),
    };
    let token = match text(case, "token") {
        "right" => Some(TOKEN),
        "wrong" => Some("another-token"),
        "empty" => Some(""),
        "none" => None,
        other => panic!("no token is called {other}"),
    };
    let reason = matches!(verdict, Verdict::Fail | Verdict::FailFatal).then(|| "because".to_owned());
    let settled = engine.settle(ID, token, verdict, reason).await.expect("the server answers");
    described(settled)
}

fn described(settled: Settled) -> Value {
    let status = match settled {
        Settled::Completed => "completed",
        Settled::RetryScheduled(_) => "retry-scheduled",
        Settled::FailedTerminal => "failed-terminal",
        Settled::Superseded => "superseded",
        Settled::Released => "released",
        Settled::Cancelled => "cancelled",
        Settled::Expired => "expired",
        Settled::Deferred(_) => "deferred",
        Settled::LeaseLost => "lease-lost",
        Settled::NotFound => "not-found",
        Settled::AlreadyTerminal(status) => {
            return serde_json::json!({ "status": "already-terminal", "terminalStatus": status.as_str() });
        }
    };
    serde_json::json!({ "status": status })
}

/// The first mistake in the job afterwards, if there is one.
fn complaint_about(before: &Document, after: Option<&Document>, wanted: &Value) -> Option<String> {
    let Some(after) = after else {
        return (!wanted.is_null()).then(|| "the job is gone".to_owned());
    };
    let status = after.get_str("status").unwrap_or_default();
    if status != text(wanted, "status") {
        return Some(format!("status {status}"));
    }
    let attempt = after.get("attempt").and_then(|value| value.as_i32().map(i64::from).or(value.as_i64()));
    if attempt != wanted["attempt"].as_i64() {
        return Some(format!("attempt {attempt:?}"));
    }
    if let Some(ending) = wanted["ending"].as_str()
        && after.get_str("ending").ok() != Some(ending)
    {
        return Some(format!("ending {:?}", after.get("ending")));
    }
    let run_at = |job: &Document| job.get_datetime("runAt").copied().expect("a time");
    let as_wanted = match text(wanted, "runAt") {
        "kept" => run_at(after) == run_at(before),
        _ => run_at(after) > DateTime::now(),
    };
    (!as_wanted).then(|| format!("runAt {}", run_at(after)))
}

/// Fields that must go with the status, for every reader of the document.
fn complaint_about_traces(before: &Document, after: &Document) -> Option<String> {
    let status = Status::parse(after.get_str("status").ok()?)?;
    if before.get_str("status").ok()? == status.as_str() {
        return None;
    }
    let has = |field: &str| after.contains_key(field);
    let is_right = match status {
        Status::Pending => !has("claimToken") && !has("claimedAt") && !has("completedAt") && !has("failedAt"),
        Status::Active => true,
        Status::Completed => has("completedAt") && !has("failedAt") && !has("failReason"),
        Status::Failed => has("failedAt") && has("failReason") && !has("completedAt"),
        Status::Superseded => has("failedAt") && !has("completedAt"),
    };
    (!is_right).then(|| format!("traces of another state: {after}"))
}

#[tokio::test]
async fn settlements_and_recoveries_are_those_of_the_shared_vectors() {
    let (queue, opened) = TestQueue::start().await;
    let mut complaints = Vec::new();
    for case in cases(include_str!("../../../vectors/transitions.json")) {
        let jobs = before(&case);
        if !jobs.is_empty() {
            queue.insert(jobs.clone()).await;
        }
        let wanted = if case["operation"] == "recover" { &case["handled"] } else { &case["result"] };
        let result = carry_out(&opened.engine, &case).await;
        let mut wrong = Vec::new();
        if result != *wanted {
            wrong.push(format!("result {result}"));
        }
        let after = queue.find(ID).await;
        if let Some(before) = jobs.first() {
            wrong.extend(complaint_about(before, after.as_ref(), &case["after"]));
            wrong.extend(after.and_then(|after| complaint_about_traces(before, &after)));
        }
        if jobs.len() > 1 && queue.status(FOLLOWER).await != "pending" {
            wrong.push("the follower is not pending any more".to_owned());
        }
        complaints.extend(wrong.into_iter().map(|wrong| format!("{}: {wrong}", text(&case, "name"))));
        queue.jobs().delete_many(doc! {}).await.expect("the jobs can be removed");
    }
    assert_none(&complaints);
}
