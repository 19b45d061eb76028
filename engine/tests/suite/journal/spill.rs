//! Values of steps that stand beside the job, as they are large.

use std::time::Duration;

use durabl_engine::{Append, Appended, ErrorKind, NewStep, Steered};
use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf, doc, oid::ObjectId};

use super::{append, claimed, of, seqs, step};
use crate::support::{Opened, TestQueue, active, profile, proxy::Proxy};

/// As `of`, for a step whose value may stand beside the job.
pub(super) fn spilling(id: &str, step: NewStep) -> Append {
    Append { may_spill: true, ..of(id, step) }
}

pub(super) fn large(seq: i32) -> NewStep {
    step(seq, "x".repeat(100_000))
}

async fn values(queue: &TestQueue) -> u64 {
    queue.database.collection::<Document>("jobs_steps").count_documents(doc! {}).await.expect("a count")
}

pub(super) async fn read(opened: &Opened, id: &str) -> Vec<NewStep> {
    let found = opened.engine.read_steps(id).await.expect("the server answers");
    found.into_iter().map(|stored| stored.step).collect()
}

fn bytes(job: &Document) -> usize {
    RawDocumentBuf::try_from(job).expect("it can be encoded").as_bytes().len()
}

#[tokio::test]
async fn a_large_value_stands_beside_the_job_and_is_read_back_as_it_was_written() {
    let (queue, opened) = claimed().await;
    let failure =
        RawDocumentBuf::try_from(&doc! { "result": null, "error": { "message": "x".repeat(20_000) } });
    let steps = [
        large(0),
        step(1, "small"),
        NewStep { path: Some("1.2".to_owned()), ..large(0) },
        NewStep { value: failure.expect("it can be encoded"), ..step(2, 0) },
    ];
    for step in &steps {
        assert_eq!(append(&opened, spilling("a", step.clone())).await, Appended::Appended);
    }
    let job = queue.job("a").await;
    assert!(bytes(&job) < 1_500, "{}", bytes(&job));
    assert!(job.get_i32("journalBytes").expect("a size") < 500);
    let record = job.get_array("steps").expect("a journal")[0].as_document().expect("a record").clone();
    assert_eq!(record.keys().collect::<Vec<_>>(), ["seq", "name", "spilled", "ts"]);
    // Another process finds a step of another name, and fails the job.
    assert_eq!(record.get_str("name").ok(), Some("$spilled:s0"));
    assert_eq!(values(&queue).await, 3);
    assert_eq!(read(&opened, "a").await, steps);
}

#[tokio::test]
async fn a_journal_that_is_large_by_many_small_values_grows_beside_the_job() {
    let (queue, opened) = claimed().await;
    let steps: Vec<NewStep> = (0..400).map(|seq| step(seq, "x".repeat(1_000))).collect();
    for step in &steps {
        assert_eq!(append(&opened, spilling("a", step.clone())).await, Appended::Appended);
    }
    let job = queue.job("a").await;
    assert!(bytes(&job) < 290_000, "{}", bytes(&job));
    assert!((100..200).contains(&values(&queue).await), "{}", values(&queue).await);
    assert_eq!(read(&opened, "a").await, steps);
    // One that is not worth it stays.
    assert_eq!(append(&opened, spilling("a", step(400, 7))).await, Appended::Appended);
    assert_eq!(read(&opened, "a").await.last(), Some(&step(400, 7)));
}

#[tokio::test]
async fn the_limit_is_that_of_the_part_on_the_job() {
    let (queue, opened) = claimed().await;
    for seq in 0..3 {
        let huge = spilling("a", step(seq, "x".repeat(15_000_000)));
        assert_eq!(append(&opened, huge).await, Appended::Appended);
    }
    assert!(bytes(&queue.job("a").await) < 1_000);
    let tight = Append { limit: 100, ..spilling("a", large(3)) };
    assert!(matches!(append(&opened, tight).await, Appended::TooLarge(_)));
    assert_eq!(seqs(&queue.job("a").await), [0, 1, 2]);
}

#[tokio::test]
async fn a_value_is_that_of_the_claim_that_recorded_it() {
    let (queue, opened) = claimed().await;
    assert_eq!(append(&opened, spilling("a", large(0))).await, Appended::Appended);
    let stale = Append { token: "stale".to_owned(), ..spilling("a", step(0, "y".repeat(100_000))) };
    assert_eq!(append(&opened, stale).await, Appended::LeaseLost);
    let again = append(&opened, spilling("a", step(0, "z".repeat(100_000)))).await;
    let Appended::Recorded(stored) = again else { panic!("{again:?}") };
    assert_eq!(stored.step, large(0));
    assert_eq!(read(&opened, "a").await, [large(0)]);
    assert_eq!(
        opened.engine.look_at_step("a", "token", &large(0)).await,
        Ok(Some(Appended::Recorded(stored)))
    );
    assert_eq!(seqs(&queue.job("a").await), [0]);
    // Others than the holder see nothing there.
    assert_eq!(opened.engine.look_at_step("a", "stale", &large(0)).await, Ok(Some(Appended::LeaseLost)));
    let ended = doc! { "$set": { "status": "failed" } };
    queue.jobs().update_one(doc! { "_id": "a" }, ended).await.expect("it can be changed");
    assert_eq!(opened.engine.look_at_step("a", "token", &large(0)).await, Ok(Some(Appended::LeaseLost)));
}

#[tokio::test]
async fn a_value_or_a_record_whose_reply_is_lost_is_there_once() {
    for command in ["insert", "update"] {
        let (queue, _direct) = TestQueue::start().await;
        let proxy = Proxy::start().await;
        let opened = proxy.engine(&queue);
        queue.insert([active("a", "t", "token")]).await;
        append(&opened, of("a", step(1_000, 1))).await;
        proxy.lose_reply_to(command);
        assert_eq!(append(&opened, spilling("a", large(0))).await, Appended::Appended, "{command}");
        assert_eq!(proxy.lost(), 1);
        assert_eq!(values(&queue).await, 1, "{command}");
        assert_eq!(read(&opened, "a").await, [step(1_000, 1), large(0)], "{command}");
    }
}

#[tokio::test]
async fn a_value_that_was_removed_makes_a_damaged_journal_and_not_another_value() {
    let (queue, opened) = claimed().await;
    append(&opened, spilling("a", large(0))).await;
    let values = queue.database.collection::<Document>("jobs_steps");
    values.delete_many(doc! {}).await.expect("it can be removed");
    let error = opened.engine.read_steps("a").await.expect_err("a value is missing");
    assert_eq!(error.kind(), ErrorKind::JournalDamaged);
    assert!(error.to_string().contains("s0"), "{error}");
}

/// A job of an `ObjectId`, as a foreign one has, one of a string, and two that are left alone.
async fn ended(queue: &TestQueue, opened: &Opened) -> [Bson; 2] {
    let id = ObjectId::new();
    let mut foreign = active("", "t", "token");
    foreign.insert("_id", id);
    queue
        .insert([foreign, active("a", "t", "token"), active("aa", "t", "token"), active("b", "t", "token")])
        .await;
    for id in [&id.to_hex(), "a", "aa", "b"] {
        for seq in 0..2 {
            assert_eq!(append(opened, spilling(id, large(seq))).await, Appended::Appended);
        }
    }
    let long_ago = doc! { "$set": { "status": "completed", "completedAt": DateTime::from_millis(5) } };
    let gone = [id.into(), "a".into()];
    queue.jobs().update_many(doc! { "_id": { "$in": gone.to_vec() } }, long_ago).await.expect("written");
    assert_eq!(values(queue).await, 8);
    gone
}

#[tokio::test]
async fn values_go_with_their_job_and_with_no_other() {
    for way in ["one", "many", "old", "all"] {
        let (queue, opened) = TestQueue::start().await;
        let ids = ended(&queue, &opened).await;
        let names = [ids[0].as_object_id().expect("an id").to_hex(), "a".to_owned()];
        match way {
            "one" => {
                for name in &names {
                    assert_eq!(opened.engine.remove(name).await, Ok(Steered::Done));
                }
            }
            "many" => assert_eq!(opened.engine.remove_each(&names, None).await, Ok(2)),
            "old" => assert_eq!(opened.engine.remove_old(Duration::from_secs(1)).await, Ok(2)),
            _ => opened.engine.reset_storage().await.expect("the server answers"),
        }
        assert_eq!(values(&queue).await, if way == "all" { 0 } else { 4 }, "{way}");
        if way != "all" {
            assert_eq!(read(&opened, "aa").await, [large(0), large(1)], "{way}");
        }
    }
}

#[tokio::test]
async fn values_of_a_removed_job_go_also_where_the_reply_to_its_removal_is_lost() {
    for is_one in [true, false] {
        let (queue, _direct) = TestQueue::start().await;
        let proxy = Proxy::start().await;
        let opened = proxy.engine(&queue);
        ended(&queue, &opened).await;
        proxy.lose_reply_to("delete");
        if is_one {
            assert_eq!(opened.engine.remove("a").await, Ok(Steered::Done));
        } else {
            assert_eq!(opened.engine.remove_each(&["a".to_owned()], None).await, Ok(1));
        }
        assert_eq!((proxy.lost(), values(&queue).await), (1, 6), "{is_one}");
    }
}

#[tokio::test]
async fn only_large_values_are_written_beside_the_job_and_none_costs_a_claim_its_bytes() {
    let (queue, opened) = TestQueue::start().await;
    for id in ["short", "long"] {
        queue.insert([active(id, "t", "token")]).await;
        append(&opened, of(id, step(1_000, 1))).await;
        let earlier = if id == "long" { 70 } else { 0 };
        for seq in 0..earlier {
            append(&opened, spilling(id, large(seq))).await;
        }
        for (step, spilled) in [(step(1_001, 1), 0), (large(1_002), 1)] {
            let before = values(&queue).await;
            let appending = append(&opened, spilling(id, step));
            let (_, operations) = profile::during(&queue, &opened, appending).await;
            let names: Vec<_> = operations.iter().map(|operation| operation.name().to_owned()).collect();
            // Those of the jobs' own collection.
            assert_eq!(names, ["update"], "{id}");
            assert_eq!(values(&queue).await - before, spilled, "{id}");
            let update = operations.last().expect("an update");
            assert_eq!((update.keys_examined(), update.documents_examined()), (1, 1), "{id}");
        }
        // Of 7 MB.
        assert!(bytes(&queue.job(id).await) < 10_000, "{}", bytes(&queue.job(id).await));
    }
}

#[tokio::test]
async fn a_planned_record_of_a_large_value_names_it() {
    let (queue, opened) = claimed().await;
    let planned = opened.engine.plan_append(spilling("a", large(0))).await.expect("it can be planned");
    let planned = Document::try_from(planned.as_ref()).expect("it can be decoded");
    // No record names it until the app's transaction commits.
    assert_eq!((values(&queue).await, read(&opened, "a").await.len()), (1, 0));
    let command = doc! { "update": "jobs", "updates": [planned] };
    let reply = queue.database.run_command(command).await.expect("the server takes it");
    assert_eq!(reply.get_i32("n").ok(), Some(1), "{reply}");
    assert_eq!(read(&opened, "a").await, [large(0)]);
}
