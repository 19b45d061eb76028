//! Lists: their order and their pages.

mod costs;
mod search;

use std::collections::HashSet;

use durabl_engine::{ErrorKind, JobFilter, Page, Status, bson::RawDocumentBuf};
use mongodb::bson::{Bson, DateTime, Document, Timestamp, doc, oid::ObjectId};

use crate::support::{Opened, TestQueue, active, documents::moment, pending, profile};

fn ended(id: &str, job_type: &str, status: &str, at: impl Into<Bson>) -> Document {
    let mut job = pending(id, job_type);
    let field = if status == "completed" { "completedAt" } else { "failedAt" };
    job.extend(doc! { "status": status, "attempt": 1, "data": { "n": 1 }, field: at });
    job
}

fn id(job: &RawDocumentBuf) -> String {
    match job.get("_id").expect("it can be read").map(Bson::try_from) {
        Some(Ok(Bson::String(id))) => id,
        Some(Ok(other)) => other.to_string(),
        _ => panic!("a job without an id"),
    }
}

fn ids(page: &Page) -> Vec<String> {
    page.jobs.iter().map(id).collect()
}

fn of(status: Status, types: &[&str]) -> JobFilter {
    JobFilter { types: types.iter().map(|name| (*name).to_owned()).collect(), ..JobFilter::of(status) }
}

fn with(filter: JobFilter, conditions: Document) -> JobFilter {
    JobFilter { conditions, ..filter }
}

async fn first(opened: &Opened, filter: &JobFilter, limit: usize) -> Page {
    opened.engine.list(filter, limit, None).await.expect("the server answers")
}

/// All pages, one after another.
async fn pages(opened: &Opened, filter: &JobFilter, limit: usize) -> Vec<String> {
    let mut listed = Vec::new();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = opened.engine.list(filter, limit, after.as_deref()).await.expect("the server answers");
        assert!(page.jobs.len() <= limit);
        listed.extend(ids(&page));
        after = page.next;
        if after.is_none() {
            return listed;
        }
    }
}

fn each_once(listed: &[String], expected: impl IntoIterator<Item = String>) {
    let distinct: HashSet<&String> = listed.iter().collect();
    assert_eq!(distinct.len(), listed.len(), "some were listed twice");
    let mut expected: Vec<String> = expected.into_iter().collect();
    let mut listed = listed.to_vec();
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn pending_jobs_come_in_the_order_of_their_claims() {
    let (queue, opened) = TestQueue::start().await;
    let job = |id: &str, job_type: &str, priority: Bson, ms: i64| {
        let mut job = pending(id, job_type);
        job.extend(doc! { "priority": priority, "runAt": moment(ms) });
        job
    };
    queue
        .insert([
            job("later", "b", 0.into(), 60_000),
            job("urgent", "a", (-5).into(), 90_000),
            job("first", "a", 0_i64.into(), -60_000),
            job("second", "b", 0.0.into(), -50_000),
            job("last", "a", 7.into(), -90_000),
            active("running", "a", "token"),
        ])
        .await;
    let order = ["urgent", "first", "second", "later", "last"];
    for limit in 1..=6 {
        assert_eq!(pages(&opened, &of(Status::Pending, &[]), limit).await, order, "by {limit}");
        assert_eq!(pages(&opened, &of(Status::Pending, &["b", "a", "c"]), limit).await, order);
    }
    assert_eq!(pages(&opened, &of(Status::Pending, &["b"]), 1).await, ["second", "later"]);
    assert_eq!(pages(&opened, &of(Status::Pending, &["c"]), 1).await, Vec::<String>::new());
}

#[tokio::test]
async fn ended_jobs_come_newest_first_without_their_payloads() {
    let (queue, opened) = TestQueue::start().await;
    for status in ["completed", "failed", "superseded"] {
        queue
            .insert([
                ended(&format!("{status}-old"), "a", status, moment(-3_000)),
                ended(&format!("{status}-new"), "b", status, moment(-1_000)),
                ended(&format!("{status}-mid"), "a", status, moment(-2_000)),
            ])
            .await;
    }
    for status in [Status::Completed, Status::Failed, Status::Superseded] {
        let word = status.as_str();
        let order = ["new", "mid", "old"].map(|age| format!("{word}-{age}"));
        for limit in 1..=4 {
            assert_eq!(pages(&opened, &of(status, &[]), limit).await, order);
        }
        let page = first(&opened, &of(status, &[]), 50).await;
        assert!(page.is_complete);
        for job in page.jobs {
            assert_eq!(job.get("data").expect("it can be read"), None);
            assert_eq!(job.get("logs").expect("it can be read"), None);
        }
    }
}

#[tokio::test]
async fn jobs_of_one_moment_are_each_listed_once() {
    let (queue, opened) = TestQueue::start().await;
    let at = moment(-1_000);
    let types = ["a", "b", "c"];
    let job = |number: usize| ended(&format!("j{number}"), types[number % 3], "completed", at);
    queue.insert((0..1_000).map(job)).await;
    queue
        .insert([
            ended("newer", "a", "completed", moment(0)),
            ended("older", "b", "completed", moment(-9_000)),
        ])
        .await;
    let expected =
        || (0..1_000).map(|number| format!("j{number}")).chain(["newer", "older"].map(str::to_owned));
    for filter in [of(Status::Completed, &[]), of(Status::Completed, &["c", "a", "b"])] {
        let listed = pages(&opened, &filter, 17).await;
        assert_eq!((listed.first(), listed.last()), (Some(&"newer".to_owned()), Some(&"older".to_owned())));
        each_once(&listed, expected());
    }
    // Pending ones have two fields to be equal in.
    let waiting = |number: usize| {
        let mut job = pending(&format!("w{number}"), types[number % 3]);
        job.extend(doc! { "runAt": at, "priority": (number % 2) as i32 });
        job
    };
    queue.insert((0..500).map(waiting)).await;
    let listed = pages(&opened, &of(Status::Pending, &[]), 17).await;
    each_once(&listed, (0..500).map(|number| format!("w{number}")));
}

#[tokio::test]
async fn jobs_that_end_meanwhile_hide_none_and_double_none() {
    let (queue, opened) = TestQueue::start().await;
    let at = moment(-1_000);
    queue.insert((0..300).map(|number| ended(&format!("old{number}"), "t", "failed", at))).await;
    queue
        .insert((0..300).map(|number| {
            let mut job = pending(&format!("new{number}"), "t");
            job.insert("runAt", at);
            job
        }))
        .await;
    let failed = of(Status::Failed, &[]);
    let mut listed = Vec::new();
    let mut after: Option<Vec<u8>> = None;
    for round in 0.. {
        let page = opened.engine.list(&failed, 17, after.as_deref()).await.expect("the server answers");
        listed.extend(ids(&page));
        // Some end at this very moment, some of the moment are removed, and some end now.
        let ids = |from: usize| (from..from + 4).map(|number| format!("new{number}")).collect::<Vec<_>>();
        if round < 15 {
            let end = |at: Bson| doc! { "$set": { "status": "failed", "failedAt": at } };
            let moved = doc! { "_id": { "$in": ids(round * 10) } };
            queue.jobs().update_many(moved, end(at.into())).await.expect("it is written");
            let moved = doc! { "_id": { "$in": ids(round * 10 + 4) } };
            queue.jobs().update_many(moved, end(moment(0).into())).await.expect("it is written");
            queue.jobs().delete_one(doc! { "_id": &listed[round * 17] }).await.expect("it is written");
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let distinct: HashSet<&String> = listed.iter().collect();
    assert_eq!(distinct.len(), listed.len(), "some were listed twice");
    for number in 0..300 {
        assert!(distinct.contains(&format!("old{number}")), "old{number} was not listed");
    }
}

#[tokio::test]
async fn active_jobs_come_as_one_page_by_their_claim_times() {
    let (queue, opened) = TestQueue::start().await;
    let claimed = |id: &str, ms: i64| {
        let mut job = active(id, if ms % 2 == 0 { "a" } else { "b" }, "token");
        job.insert("claimedAt", moment(ms));
        job
    };
    queue.insert([claimed("new", -1), claimed("old", -90_000), claimed("mid", -5_001)]).await;
    let page = first(&opened, &of(Status::Active, &[]), 3).await;
    assert_eq!(
        (ids(&page), page.next, page.is_complete),
        (vec!["old".into(), "mid".into(), "new".into()], None, true)
    );
    let page = first(&opened, &of(Status::Active, &[]), 2).await;
    assert_eq!((ids(&page), page.next, page.is_complete), (vec!["old".into(), "mid".into()], None, false));
}

#[tokio::test]
async fn a_cursor_of_another_query_or_collection_is_refused() {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([1, 2, 3].map(|number| ended(&number.to_string(), "t", "failed", moment(-number)))).await;
    let failed = of(Status::Failed, &[]);
    let cursor = first(&opened, &failed, 1).await.next.expect("there is more");
    let (_other, elsewhere) = TestQueue::start().await;
    let refused = [
        opened.engine.list(&of(Status::Completed, &[]), 1, Some(&cursor)).await,
        opened.engine.list(&of(Status::Failed, &["t"]), 1, Some(&cursor)).await,
        opened.engine.list(&of(Status::Active, &[]), 1, Some(&cursor)).await,
        opened.engine.list(&with(failed.clone(), doc! { "data.n": { "$eq": 1 } }), 1, Some(&cursor)).await,
        opened.engine.list(&failed, 1, Some(b"rubbish")).await,
        opened.engine.list(&failed, 1, Some(&[])).await,
        elsewhere.engine.list(&failed, 1, Some(&cursor)).await,
    ];
    for refusal in refused {
        assert_eq!(refusal.expect_err("it is refused").kind(), ErrorKind::InvalidArgument);
    }
    // The limit is no part of the query.
    assert!(opened.engine.list(&failed, 2, Some(&cursor)).await.is_ok());
}

#[tokio::test]
async fn a_key_of_outstanding_jobs_is_looked_up() {
    let (queue, opened) = TestQueue::start().await;
    let keyed = |mut job: Document, scope: &str| {
        job.extend(doc! { "dedupeKey": "k", "dedupeScope": scope });
        job
    };
    queue
        .insert([
            keyed(pending("follower", "t"), "pending"),
            keyed(pending("exclusive", "u"), "pending+active"),
            keyed(active("running", "t", "token"), "pending"),
            keyed(ended("ended", "t", "failed", moment(-5)), "pending"),
            pending("other", "t"),
        ])
        .await;
    let by_key = |status| JobFilter { dedupe_key: Some("k".to_owned()), ..of(status, &[]) };
    each_once(&pages(&opened, &by_key(Status::Pending), 1).await, ["follower".into(), "exclusive".into()]);
    assert_eq!(pages(&opened, &by_key(Status::Active), 5).await, ["running"]);
    assert_eq!(pages(&opened, &by_key(Status::Failed), 5).await, ["ended"]);
    let typed = JobFilter { types: vec!["u".to_owned()], ..by_key(Status::Pending) };
    assert_eq!(pages(&opened, &typed, 5).await, ["exclusive"]);
}

#[tokio::test]
async fn a_key_is_no_search_among_outstanding_jobs_and_one_among_ended_ones() {
    let (queue, opened) = TestQueue::start().await;
    let keyed = |mut job: Document| {
        job.extend(doc! { "dedupeKey": "k" });
        job
    };
    let mut wanted = keyed(pending("wanted", "t"));
    wanted.extend(doc! { "dedupeScope": "pending" });
    queue.insert((0..40).map(|number| pending(&format!("other-{number}"), "t")).chain([wanted])).await;
    // Before there were scopes, documents had none: those that ended then are found as well.
    queue
        .insert((0..3).map(|number| keyed(ended(&format!("e{number}"), "t", "completed", moment(-5)))))
        .await;
    let by_key = |status| JobFilter { dedupe_key: Some("k".to_owned()), ..of(status, &["t"]) };
    let page = first(&opened, &by_key(Status::Pending), 5).await;
    assert_eq!((ids(&page), page.looked), (vec!["wanted".to_owned()], 1));
    each_once(
        &pages(&opened, &by_key(Status::Completed), 2).await,
        (0..3).map(|number| format!("e{number}")),
    );
}

#[tokio::test]
async fn jobs_of_a_thousand_types_make_one_list_and_of_more_none() {
    let (queue, opened) = TestQueue::start().await;
    let job = |number: i32| {
        let mut job = pending(&format!("j{number:04}"), &format!("type-{number:04}"));
        // Neighbours by type are far apart in the list.
        job.extend(doc! { "priority": number * 7 % 1_000 });
        job
    };
    queue.insert((0..1_000).map(job)).await;
    let page = first(&opened, &of(Status::Pending, &[]), 20).await;
    let mut expected: Vec<i32> = (0..1_000).collect();
    expected.sort_by_key(|number| number * 7 % 1_000);
    let expected: Vec<String> = expected.iter().take(20).map(|number| format!("j{number:04}")).collect();
    assert_eq!(ids(&page), expected);
    assert_eq!(page.looked, 5 * 20, "of each group of types as many as a page has");
    queue.insert([job(1_000)]).await;
    let refused = opened.engine.list(&of(Status::Pending, &[]), 20, None).await.expect_err("too many types");
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
    assert!(refused.to_string().contains("more than 1000 types"), "{refused}");
}

#[tokio::test]
async fn documents_of_any_kind_are_listed_once() {
    let (queue, opened) = TestQueue::start().await;
    let oddities = || {
        vec![
            Bson::Null,
            Bson::Int32(5),
            Bson::Double(1.5),
            "2026".into(),
            Bson::Boolean(true),
            doc! { "a": 1 }.into(),
            Bson::MinKey,
            Bson::MaxKey,
            Bson::Timestamp(Timestamp { time: 7, increment: 1 }),
            ObjectId::new().into(),
            DateTime::from_millis(0).into(),
            DateTime::from_millis(1).into(),
        ]
    };
    let mut expected = Vec::new();
    for (place, odd) in oddities().into_iter().enumerate() {
        for (twin, job_type) in ["a", "b"].into_iter().enumerate() {
            let name = format!("{place}-{twin}");
            let mut waiting = pending(&format!("p{name}"), job_type);
            waiting.insert("runAt", odd.clone());
            let mut urgent = pending(&format!("q{name}"), job_type);
            urgent.insert("priority", odd.clone());
            queue
                .insert([waiting, urgent, ended(&format!("e{name}"), job_type, "failed", odd.clone())])
                .await;
            expected.push(name);
        }
    }
    let mut absent = ended("e-absent", "a", "failed", 0);
    absent.remove("failedAt");
    queue.insert([absent]).await;
    for limit in [1, 2, 5, 100] {
        let listed = pages(&opened, &of(Status::Failed, &[]), limit).await;
        each_once(&listed, expected.iter().map(|name| format!("e{name}")).chain(["e-absent".to_owned()]));
        let listed = pages(&opened, &of(Status::Pending, &[]), limit).await;
        let both = expected.iter().flat_map(|name| [format!("p{name}"), format!("q{name}")]);
        each_once(&listed, both);
    }
}

#[tokio::test]
async fn jobs_are_looked_up_by_any_id() {
    let (queue, opened) = TestQueue::start().await;
    let object_id = ObjectId::new();
    let mut foreign = ended("x", "t", "failed", moment(-1));
    foreign.insert("_id", object_id);
    queue.insert([foreign, pending("own", "t")]).await;
    let found =
        opened.engine.get_job(&object_id.to_hex()).await.expect("the server answers").expect("it is there");
    assert_eq!(found.get_object_id("_id").ok(), Some(object_id));
    assert!(found.get("data").expect("it can be read").is_some());
    assert!(opened.engine.get_job("own").await.expect("the server answers").is_some());
    assert!(opened.engine.get_job("nobody's").await.expect("the server answers").is_none());
    let wanted = [object_id.to_hex(), "own".to_owned(), "nobody's".to_owned()];
    let (ends, operations) = profile::during(&queue, &opened, opened.engine.ends(&wanted)).await;
    assert_eq!(ends.expect("the server answers").len(), 2);
    assert!(operations.iter().all(|operation| operation.keys_examined() <= 8), "{operations:?}");
}
