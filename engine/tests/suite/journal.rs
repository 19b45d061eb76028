//! Journals of orchestrations: records are appended under the fence of a claim, many in one command, and nothing else reads them.

mod costs;
mod lost;
mod orphans;
mod sleep;
mod spill;

use durabl_engine::{Append, Appended, Error, ErrorKind, NewStep, Verdict};
use mongodb::bson::{Bson, DateTime, Document, RawDocumentBuf, doc};

use crate::support::{Opened, TestQueue, active, pending};

pub(crate) const LIMIT: i64 = 8_000_000;

/// A step with a result.
pub(crate) fn step(seq: i32, result: impl Into<Bson>) -> NewStep {
    let value = RawDocumentBuf::try_from(&doc! { "result": result.into() }).expect("it can be encoded");
    NewStep { path: None, seq, name: format!("s{seq}"), kind: None, value }
}

/// The same under the claim of job `id`, whose token is `token`.
pub(crate) fn of(id: &str, step: NewStep) -> Append {
    Append { id: id.to_owned(), token: "token".to_owned(), step, limit: LIMIT, may_spill: false }
}

pub(crate) async fn append(opened: &Opened, append: Append) -> Appended {
    opened.engine.append_step(append).await.expect("the server answers")
}

/// A queue with one active job, `a`.
async fn claimed() -> (TestQueue, Opened) {
    let (queue, opened) = TestQueue::start().await;
    queue.insert([active("a", "t", "token")]).await;
    (queue, opened)
}

fn seqs(job: &Document) -> Vec<i32> {
    let Ok(steps) = job.get_array("steps") else { return Vec::new() };
    steps.iter().map(|step| step.as_document().expect("a record").get_i32("seq").expect("a place")).collect()
}

#[tokio::test]
async fn a_record_stands_on_the_job_as_the_typescript_package_has_it() {
    let (queue, opened) = claimed().await;
    assert_eq!(append(&opened, of("a", step(0, doc! { "n": 7 }))).await, Appended::Appended);
    let job = queue.job("a").await;
    let record = job.get_array("steps").expect("a journal")[0].as_document().expect("a record").clone();
    assert_eq!(record.keys().collect::<Vec<_>>(), ["seq", "name", "result", "ts"]);
    assert_eq!((record.get_i32("seq").ok(), record.get_str("name").ok()), (Some(0), Some("s0")));
    let bytes = RawDocumentBuf::try_from(&record).expect("it can be encoded").as_bytes().len();
    assert_eq!(job.get_i32("journalBytes").ok(), i32::try_from(bytes).ok());
    let away =
        record.get_datetime("ts").expect("a date").timestamp_millis() - DateTime::now().timestamp_millis();
    assert!(away.abs() < 60_000, "{away}");
}

#[tokio::test]
async fn an_append_is_fenced_by_token_and_status() {
    let (queue, opened) = claimed().await;
    let mut left = pending("left", "t");
    // As the TypeScript package leaves a job that has failed: pending, under its old token.
    left.insert("claimToken", "token");
    queue.insert([left, pending("waiting", "t")]).await;
    let stale = Append { token: "stale".to_owned(), ..of("a", step(0, 1)) };
    for append_in_vain in [stale, of("left", step(0, 1)), of("waiting", step(0, 1)), of("none", step(0, 1))] {
        assert_eq!(append(&opened, append_in_vain).await, Appended::LeaseLost);
    }
    for id in ["a", "left", "waiting"] {
        assert!(queue.job(id).await.get("steps").is_none(), "{id}");
    }
    for verdict in [Verdict::Complete, Verdict::Release] {
        let id = format!("{verdict:?}");
        queue.insert([active(&id, "t", "token")]).await;
        opened.engine.settle(&id, Some("token"), verdict, None).await.expect("the server answers");
        assert_eq!(append(&opened, of(&id, step(0, 1))).await, Appended::LeaseLost);
    }
}

#[tokio::test]
async fn an_append_renews_the_lease() {
    let (queue, opened) = TestQueue::start().await;
    let mut job = active("a", "t", "token");
    job.insert("claimedAt", DateTime::from_millis(1_000));
    queue.insert([job]).await;
    append(&opened, of("a", step(0, 1))).await;
    assert!(queue.job("a").await.get_datetime("claimedAt").expect("a date").timestamp_millis() > 1_000_000);
}

#[tokio::test]
async fn a_place_is_taken_once_whatever_the_name_and_branches_are_apart() {
    let (queue, opened) = claimed().await;
    append(&opened, of("a", step(0, "first"))).await;
    let mut second = step(0, "second");
    second.name = "other".to_owned();
    let found = append(&opened, of("a", second)).await;
    let Appended::Recorded(stored) = found else { panic!("{found:?}") };
    assert_eq!((stored.step.name.as_str(), stored.step.value.get_str("result").ok()), ("s0", Some("first")));
    for path in ["0", "0.1"] {
        let branched = NewStep { path: Some(path.to_owned()), ..step(0, 1) };
        assert_eq!(append(&opened, of("a", branched)).await, Appended::Appended);
    }
    assert_eq!(seqs(&queue.job("a").await), [0, 0, 0]);
}

#[tokio::test]
async fn a_hundred_callers_who_record_one_place_leave_one_record() {
    let (queue, opened) = claimed().await;
    let other = queue.engine();
    let calls = (0..100).map(|n: i32| {
        let engine = if n % 2 == 0 { &opened.engine } else { &other.engine }.clone();
        tokio::spawn(
            async move { engine.append_step(of("a", step(n % 4, n))).await.expect("the server answers") },
        )
    });
    let mut appended = 0;
    for call in calls.collect::<Vec<_>>() {
        match call.await.expect("no panic") {
            Appended::Appended => appended += 1,
            Appended::Recorded(_) => {}
            other => panic!("{other:?}"),
        }
    }
    let mut found = seqs(&queue.job("a").await);
    found.sort_unstable();
    assert_eq!((appended, found), (4, vec![0, 1, 2, 3]));
}

#[tokio::test]
async fn the_size_is_checked_at_the_moment_of_the_write() {
    let (queue, opened) = claimed().await;
    let large = |seq| Append { limit: 1_000, ..of("a", step(seq, "x".repeat(600))) };
    // Each of them fits by itself.
    let (one, two) = tokio::join!(append(&opened, large(0)), append(&opened, large(1)));
    let outcomes = [one, two];
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Appended::Appended).count(), 1, "{outcomes:?}");
    assert!(
        outcomes.iter().any(|outcome| matches!(outcome, Appended::TooLarge(1_200..1_500))),
        "{outcomes:?}"
    );
    let job = queue.job("a").await;
    assert_eq!(seqs(&job).len(), 1);
    assert!(job.get_i32("journalBytes").expect("a size") < 1_000);
    // And a small one still fits.
    assert_eq!(append(&opened, Append { limit: 1_000, ..of("a", step(2, 1)) }).await, Appended::Appended);
}

#[tokio::test]
async fn a_document_that_would_be_too_large_is_no_error_but_an_answer() {
    let (queue, opened) = claimed().await;
    let huge = |seq| Append { limit: 64_000_000, ..of("a", step(seq, "x".repeat(6_500_000))) };
    let (one, two, three) =
        tokio::join!(append(&opened, huge(0)), append(&opened, huge(1)), append(&opened, huge(2)));
    let outcomes = [one, two, three];
    let refused = outcomes.iter().filter(|outcome| matches!(outcome, Appended::TooLarge(_))).count();
    assert_eq!((refused, seqs(&queue.job("a").await).len()), (1, 2));
}

#[tokio::test]
async fn a_journal_is_read_back_as_it_was_written() {
    let (_queue, opened) = claimed().await;
    let steps = [
        step(2, doc! { "d": DateTime::from_millis(5), "b": [1, { "x": Bson::Null }] }),
        NewStep { kind: Some("sleep".to_owned()), ..step(0, DateTime::from_millis(7)) },
        NewStep { path: Some("1.2".to_owned()), ..step(0, "in a branch") },
        step(-1, doc! { "startedAt": 5_i64, "seed": "00" }),
    ];
    for step in &steps {
        append(&opened, of("a", step.clone())).await;
    }
    let found = opened.engine.read_steps("a").await.expect("the server answers");
    assert_eq!(found.into_iter().map(|stored| stored.step).collect::<Vec<_>>(), steps);
    assert_eq!(opened.engine.read_steps("none").await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_damaged_journal_is_named_and_hurts_no_other_job() {
    let (queue, opened) = TestQueue::start().await;
    for (n, damage) in [Bson::from("none"), Bson::from(vec![7]), Bson::from(vec![doc! { "seq": "x" }])]
        .into_iter()
        .enumerate()
    {
        let mut job = active(&format!("damaged-{n}"), "t", "token");
        job.insert("steps", damage);
        queue.insert([job, active(&format!("whole-{n}"), "t", "token")]).await;
        let (damaged, whole) = tokio::join!(
            opened.engine.append_step(of(&format!("damaged-{n}"), step(0, 1))),
            opened.engine.append_step(of(&format!("whole-{n}"), step(0, 1))),
        );
        assert_eq!(whole, Ok(Appended::Appended));
        let read = opened.engine.read_steps(&format!("damaged-{n}")).await;
        assert_eq!(read.expect_err("it is none").kind(), ErrorKind::JournalDamaged);
        match damaged {
            Err(error) => assert_eq!(error.kind(), ErrorKind::JournalDamaged, "{n}"),
            // Records of another kind are in no append's way: who reads them is told.
            Ok(appended) => assert_eq!((appended, n > 0), (Appended::Appended, true)),
        }
    }
}

#[tokio::test]
async fn records_of_several_jobs_each_have_an_outcome_of_their_own() {
    let (queue, opened) = TestQueue::start().await;
    let object_id = mongodb::bson::oid::ObjectId::new();
    let mut foreign = active("", "t", "token");
    foreign.insert("_id", object_id);
    let mut damaged = active("damaged", "t", "token");
    damaged.insert("steps", "none");
    let mut old = active("old", "t", "token");
    old.insert("claimedAt", DateTime::from_millis(1_000));
    queue.insert([old, active("taken", "t", "token"), active("lost", "t", "other"), damaged, foreign]).await;
    queue.insert([active("full", "t", "token")]).await;
    append(&opened, of("taken", step(0, "first"))).await;
    append(&opened, of("full", step(1, "x".repeat(500)))).await;
    let full = Append { limit: 520, ..of("full", step(0, 1)) };
    let of = |id: &str| of(id, step(0, 1));
    let appends = vec![of("old"), of("taken"), of("lost"), of("none"), full, of(&object_id.to_hex())];
    // With the damaged one the server refuses the statement, perhaps in the middle.
    let with_damaged = appends.iter().cloned().chain([of("damaged")]).collect();
    let outcomes = opened.engine.append_steps(appends).await.expect("it is open");
    let [old, taken, lost, none, full, foreign] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!((old, foreign), (&Ok(Appended::Appended), &Ok(Appended::Appended)));
    assert_eq!((lost, none), (&Ok(Appended::LeaseLost), &Ok(Appended::LeaseLost)));
    assert!(
        matches!(taken, Ok(Appended::Recorded(stored)) if stored.step.value.get_str("result").ok() == Some("first"))
    );
    assert!(matches!(full, Ok(Appended::TooLarge(521..))), "{full:?}");
    assert!(queue.job("lost").await.get("steps").is_none());
    for id in ["old", "taken"] {
        assert_eq!(seqs(&queue.job(id).await), [0], "{id}");
    }
    let renewed = queue.job("old").await.get_datetime("claimedAt").expect("a date").timestamp_millis();
    assert!(renewed > 1_000_000);
    let outcomes = opened.engine.append_steps(with_damaged).await.expect("it is open");
    let kinds: Vec<_> = outcomes.iter().map(|outcome| outcome.as_ref().map_err(Error::kind)).collect();
    assert!(
        matches!(
            kinds[..],
            [
                Ok(Appended::Recorded(_)),
                Ok(Appended::Recorded(_)),
                Ok(Appended::LeaseLost),
                Ok(Appended::LeaseLost),
                Ok(Appended::TooLarge(_)),
                Ok(Appended::Recorded(_)),
                Err(ErrorKind::JournalDamaged),
            ]
        ),
        "{kinds:?}"
    );
}

#[tokio::test]
async fn records_that_a_refused_statement_had_written_count_as_appended() {
    let (queue, opened) = TestQueue::start().await;
    let ids: Vec<String> = (0..20).map(|n| format!("job-{n:02}")).collect();
    queue.insert(ids.iter().map(|id| active(id, "t", "token"))).await;
    let mut damaged = active("job-10-damaged", "t", "token");
    damaged.insert("steps", "none");
    queue.insert([damaged]).await;
    let appends = ids.iter().map(|id| of(id, step(0, 1))).chain([of("job-10-damaged", step(0, 1))]);
    let outcomes = opened.engine.append_steps(appends.collect()).await.expect("it is open");
    let (last, others) = outcomes.split_last().expect("there are some");
    assert_eq!(others, vec![Ok(Appended::Appended); 20]);
    assert_eq!(last.as_ref().map_err(Error::kind), Err(ErrorKind::JournalDamaged));
    for id in ids {
        assert_eq!(seqs(&queue.job(&id).await), [0], "{id}");
    }
}

#[tokio::test]
async fn a_job_whose_id_is_an_object_id_has_a_journal_as_any_other() {
    let (queue, opened) = TestQueue::start().await;
    let id = mongodb::bson::oid::ObjectId::new();
    let mut job = active("", "t", "token");
    job.insert("_id", id);
    queue.insert([job]).await;
    let name = id.to_hex();
    assert_eq!(append(&opened, of(&name, step(0, 1))).await, Appended::Appended);
    assert_eq!(opened.engine.read_steps(&name).await.map(|steps| steps.len()), Ok(1));
}
