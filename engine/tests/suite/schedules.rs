//! Schedules that are due: found by one key, fired once, and in any process.

use std::time::Duration;

use durabl_engine::{Event, Firing, LogLevel, ScheduleChange, Seen, Triggered};
use mongodb::{
    Collection,
    bson::{Bson, DateTime, Document, RawDocumentBuf, doc},
};

use crate::support::{Opened, TestQueue, documents::moment, eventually, let_pass, profile, queue::SIDE};

/// A schedule of jobs of the type `t`.
fn schedule(name: &str, next_run_at: DateTime) -> Document {
    doc! {
        "_id": format!("schedule:{name}"), "kind": "schedule", "rev": "1", "nextRunAt": next_run_at, "spec": { "everyMs": 1 },
        "job": { "type": "t", "data": { "of": name }, "priority": 0, "maxAttempts": 3 },
    }
}

async fn keep(queue: &TestQueue, schedules: impl IntoIterator<Item = Document>) {
    queue.side().insert_many(schedules).await.expect("they can be written");
}

/// A calendar by which each schedule that is due comes at that moment, and then in an hour.
fn answer(opened: &Opened) -> tokio::task::JoinHandle<()> {
    let (engine, recorder) = (opened.engine.clone(), opened.recorder.clone());
    tokio::spawn(async move {
        let mut answered = 0;
        loop {
            for event in recorder.events().into_iter().skip(answered) {
                answered += 1;
                if let Event::SchedulesDue { batch, now_ms, documents } = event {
                    let parts = parts(&documents);
                    let firings = parts.iter().enumerate().map(|(place, part)| {
                        let at = part.get_datetime("nextRunAt").expect("it is due").timestamp_millis();
                        let next_ms = Some(now_ms + 3_600_000);
                        Firing { place, occurrences_ms: vec![at], last_ms: at, next_ms }
                    });
                    engine.schedules_answered(batch, firings.collect());
                }
            }
            let_pass(Duration::from_millis(2), "the pause between two looks at what was told").await;
        }
    })
}

fn parts(mut documents: &[u8]) -> Vec<RawDocumentBuf> {
    let mut parts = Vec::new();
    while !documents.is_empty() {
        let length = i32::from_le_bytes([documents[0], documents[1], documents[2], documents[3]]);
        let (part, rest) = documents.split_at(usize::try_from(length).expect("a length"));
        parts.push(RawDocumentBuf::from_bytes(part.to_vec()).expect("a document"));
        documents = rest;
    }
    parts
}

async fn count(collection: &Collection<Document>, filter: Document) -> u64 {
    collection.count_documents(filter).await.expect("they can be counted")
}

async fn due_count(queue: &TestQueue) -> u64 {
    let due = doc! { "nextRunAt": { "$lte": moment(0) } };
    count(&queue.side(), due).await
}

#[tokio::test]
async fn an_occurrence_makes_one_job_and_the_schedule_moves_on() {
    let (queue, opened) = TestQueue::start().await;
    let at = moment(-50);
    keep(&queue, [schedule("a:b", at)]).await;
    let calendar = answer(&opened);
    opened.process("t", 1);
    opened.engine.fire_schedules(true);
    let job = opened.recorder.next_job().await;
    assert_eq!(job.id(), format!("durabl:schedule:a:b:{}", at.timestamp_millis()).as_str());
    let stored = queue.jobs().find_one(doc! {}).await.expect("it can be read").expect("a job");
    assert_eq!(stored.get_document("schedule").ok(), Some(&doc! { "id": "a:b", "occurrenceAt": at }));
    assert_eq!(stored.get_datetime("runAt").ok(), Some(&at));
    assert_eq!(stored.get_document("data").ok(), Some(&doc! { "of": "a:b" }));
    eventually("the schedule has moved on", async || (due_count(&queue).await == 0).then_some(())).await;
    let schedule = queue.side().find_one(doc! { "_id": "schedule:a:b" }).await.expect("it can be read");
    assert_eq!(schedule.expect("it is there").get_datetime("lastAt").ok(), Some(&at));
    calendar.abort();
}

#[tokio::test]
async fn an_occurrence_that_a_process_left_halfway_is_finished_and_not_done_again() {
    let (queue, opened) = TestQueue::start().await;
    let at = moment(-50);
    keep(&queue, [schedule("s", at)]).await;
    // Its job had run already.
    let id = format!("durabl:schedule:s:{}", at.timestamp_millis());
    queue.insert([doc! { "_id": &id, "type": "t", "status": "completed", "attempt": 1 }]).await;
    let calendar = answer(&opened);
    opened.engine.fire_schedules(true);
    eventually("the schedule has moved on", async || (due_count(&queue).await == 0).then_some(())).await;
    let stored = queue.jobs().find_one(doc! { "_id": id }).await.expect("it can be read").expect("a job");
    assert_eq!(stored.get_str("status").ok(), Some("completed"));
    assert_eq!(count(&queue.jobs(), doc! {}).await, 1);
    calendar.abort();
}

#[tokio::test]
async fn a_thousand_schedules_are_fired_once_by_engines_at_once() {
    let (queue, opened) = TestQueue::start().await;
    let at = moment(200);
    keep(&queue, (0..1_000).map(|number| schedule(&number.to_string(), at))).await;
    let others = [queue.engine(), queue.engine()];
    let calendars: Vec<_> = others.iter().chain([&opened]).map(answer).collect();
    for engine in others.iter().chain([&opened]) {
        engine.engine.fire_schedules(true);
    }
    eventually("all have moved on", async || {
        let later = doc! { "nextRunAt": { "$gt": at }, "lastAt": at };
        (count(&queue.side(), later).await == 1_000).then_some(())
    })
    .await;
    assert_eq!(count(&queue.jobs(), doc! { "schedule.occurrenceAt": at }).await, 1_000);
    let early = doc! { "createdAt": { "$lt": DateTime::from_millis(at.timestamp_millis() - 20) } };
    assert_eq!(count(&queue.jobs(), early).await, 0);
    for calendar in calendars {
        calendar.abort();
    }
}

#[tokio::test]
async fn a_schedule_that_no_calendar_can_read_holds_up_no_other() {
    let (queue, opened) = TestQueue::start().await;
    let broken = doc! { "_id": "schedule:broken", "kind": "schedule", "nextRunAt": moment(-900) };
    keep(&queue, [broken, schedule("good", moment(-50))]).await;
    let calendar = answer(&opened);
    opened.process("t", 1);
    opened.engine.fire_schedules(true);
    assert!(opened.recorder.next_job().await.id().starts_with("durabl:schedule:good:"));
    let told = opened.recorder.events().into_iter().filter(|event| {
        matches!(event, Event::Log { level: LogLevel::Error, fields, .. } if fields[0].1 == "schedule:broken")
    });
    assert_eq!(told.count(), 1);
    calendar.abort();
}

#[tokio::test]
async fn a_look_for_the_next_schedule_examines_one_key_however_many_there_are() {
    let (queue, opened) = TestQueue::start().await;
    let mut examined = Vec::new();
    for (from, to) in [(0, 100), (100, 3_000)] {
        keep(&queue, (from..to).map(|number| schedule(&number.to_string(), moment(3_600_000 + number))))
            .await;
        keep(&queue, (from..to).map(|number| doc! { "_id": format!("worker:{number}"), "kind": "worker" }))
            .await;
        profile::start(&queue, &opened).await;
        opened.engine.fire_schedules(true);
        let looks = async || {
            let all = profile::so_far_on(&queue, SIDE).await;
            all.into_iter().filter(|look| format!("{:?}", look.entry).contains("seenAt")).collect::<Vec<_>>()
        };
        let before = looks().await.len();
        opened.engine.change_schedules(Vec::new()).await.expect("nothing is written");
        eventually("a look", async || (looks().await.len() > before).then_some(())).await;
        let look = looks().await.pop().expect("there is one");
        examined.push((
            look.keys_examined(),
            look.documents_examined(),
            look.plan().contains("IXSCAN { nextRunAt: 1 }"),
        ));
    }
    assert_eq!(examined, [(1, 1, true); 2]);
}

#[tokio::test]
async fn jobs_of_schedules_are_removed_once_their_schedule_has_moved_on() {
    let (queue, opened) = TestQueue::start().await;
    let (long_ago, at) = (moment(-86_400_000), moment(-7_200_000));
    let ended = |id: &str, occurrence_at: DateTime| {
        doc! {
            "_id": id, "type": "t", "status": "completed", "runAt": long_ago, "completedAt": long_ago,
            "schedule": { "id": "s", "occurrenceAt": occurrence_at },
        }
    };
    let plain = doc! {
        "_id": "plain", "type": "t", "status": "completed", "runAt": long_ago, "completedAt": long_ago,
    };
    queue.insert([plain, ended("old", long_ago), ended("new", at), ended("fresh", moment(-60_000))]).await;
    keep(&queue, [schedule("s", at)]).await;
    assert_eq!(opened.engine.remove_old(Duration::from_secs(3_600)).await, Ok(2));
    let moved = doc! { "$set": { "nextRunAt": moment(3_600_000) } };
    queue.side().update_one(doc! { "_id": "schedule:s" }, moved).await.expect("it can be written");
    assert_eq!(opened.engine.remove_old(Duration::from_secs(3_600)).await, Ok(1));
    // A process that has read the schedule before may still be about to make it.
    let left = queue.jobs().find_one(doc! {}).await.expect("it can be read").expect("one is left");
    assert_eq!(left.get_str("_id").ok(), Some("fresh"));
}

#[tokio::test]
async fn a_change_applies_to_the_schedule_as_it_was_read_and_no_other() {
    let (queue, opened) = TestQueue::start().await;
    let document =
        RawDocumentBuf::try_from(&schedule("s", DateTime::from_millis(5))).expect("it can be encoded");
    let make = || ScheduleChange::Make { document: document.clone() };
    let seen = |rev: &str, next_ms| Seen { rev: rev.to_owned(), next_ms };
    let set = |seen, rev: &str, unset: &[&str]| ScheduleChange::Set {
        name: "s".to_owned(),
        seen,
        fields: doc! { "rev": rev, "paused": true },
        unset: unset.iter().map(|field| (*field).to_owned()).collect(),
    };
    let apply = async |change| opened.engine.change_schedules(vec![change]).await;
    assert_eq!(apply(make()).await, Ok(vec![true]));
    assert_eq!(apply(make()).await, Ok(vec![true]), "a lost reply: it is the very same");
    assert_eq!(apply(set(seen("0", Some(5)), "2", &[])).await, Ok(vec![false]));
    assert_eq!(apply(set(seen("1", Some(4)), "2", &[])).await, Ok(vec![false]), "it has moved on");
    assert_eq!(apply(set(seen("1", None), "2", &[])).await, Ok(vec![false]));
    assert_eq!(apply(set(seen("1", Some(5)), "2", &["nextRunAt"])).await, Ok(vec![true]));
    assert_eq!(apply(set(seen("1", Some(5)), "2", &["nextRunAt"])).await, Ok(vec![true]), "as above");
    assert_eq!(apply(make()).await, Ok(vec![false]));
    let (_, found) = opened.engine.schedules(None).await.expect("the server answers");
    let job = found[0].get_document("job").expect("a job");
    assert!(job.get("data").expect("it can be read").is_none(), "a list carries no payload");
    let remove = |seen| ScheduleChange::Remove { name: "s".to_owned(), seen };
    assert_eq!(apply(remove(seen("1", None))).await, Ok(vec![false]));
    assert_eq!(apply(remove(seen("2", None))).await, Ok(vec![true]));
    assert_eq!(count(&queue.side(), doc! { "kind": "schedule" }).await, 0);
}

#[tokio::test]
async fn a_triggered_job_respects_the_key_of_its_schedule() {
    let (queue, opened) = TestQueue::start().await;
    let mut exclusive = schedule("s", moment(3_600_000));
    let key = doc! { "dedupeKey": "durabl:schedule:s", "dedupeScope": "pending+active" };
    exclusive.get_document_mut("job").expect("a job").extend(key);
    keep(&queue, [exclusive]).await;
    let trigger = async |name| opened.engine.trigger_schedule(name).await.expect("the server answers");
    let Triggered::Created { id, .. } = trigger("s").await else { panic!("the key is free") };
    assert_eq!(trigger("s").await, Triggered::KeyHeld);
    assert_eq!(trigger("none").await, Triggered::NotFound);
    let job = queue.jobs().find_one(doc! { "_id": id }).await.expect("it can be read").expect("a job");
    assert_eq!(job.get("schedule"), None::<&Bson>);
}
