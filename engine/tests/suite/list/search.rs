//! Searches by payload.

use durabl_engine::Status;
use mongodb::bson::{Bson, DateTime, Document, doc};

use super::{each_once, ended, first, ids, of, pages, with};
use crate::support::{
    TestQueue,
    documents::moment,
    pending,
    profile::{self, Operation},
};

trait Tap {
    fn tap_data(self, data: Document) -> Self;
}

impl Tap for Document {
    fn tap_data(mut self, data: Document) -> Self {
        self.insert("data", data);
        self
    }
}

#[tokio::test]
async fn a_search_finds_each_once_in_order() {
    let (queue, opened) = TestQueue::start().await;
    let at = moment(-1_000_000);
    let job = |number: i64| {
        let moment = DateTime::from_millis(at.timestamp_millis() + number / 700);
        let mut job = ended(&format!("j{number:05}"), ["a", "b"][number as usize % 2], "failed", moment);
        job.insert("data", doc! { "list": [{ "n": number % 10 }, { "n": -1 }], "none": Bson::Null });
        job
    };
    for chunk in (0..3_000).map(job).collect::<Vec<_>>().chunks(1_000) {
        queue.insert(chunk.to_vec()).await;
    }
    let by_seven = with(of(Status::Failed, &[]), doc! { "data.list.n": { "$eq": 7 } });
    for limit in [17, 100, 1_000] {
        let listed = pages(&opened, &by_seven, limit).await;
        each_once(
            &listed,
            (0..3_000).filter(|number| number % 10 == 7).map(|number| format!("j{number:05}")),
        );
        let times: Vec<usize> =
            listed.iter().map(|id| id[1..].parse::<usize>().expect("a number") / 700).collect();
        assert!(times.is_sorted_by(|one, other| one >= other), "by {limit}");
    }
    let all = with(of(Status::Failed, &["a", "b"]), doc! { "data.none": { "$eq": Bson::Null } });
    assert_eq!(pages(&opened, &all, 2_000).await.len(), 3_000);
    let nothing =
        first(&opened, &with(of(Status::Failed, &[]), doc! { "data.list.n": { "$eq": 70 } }), 5).await;
    assert_eq!((nothing.jobs.len(), nothing.is_complete), (0, true));
    // Where a step ends within a moment, the next one looks at that moment again.
    assert!((3_000..6_000).contains(&nothing.looked), "{}", nothing.looked);
    assert_eq!(nothing.next, None);
    let no_jobs = first(&opened, &with(of(Status::Completed, &[]), doc! { "data.n": { "$eq": 1 } }), 5).await;
    assert_eq!((no_jobs.looked, no_jobs.is_complete, no_jobs.next), (0, true, None));
}

#[tokio::test]
async fn a_search_of_pending_jobs_crosses_their_priorities() {
    let (queue, opened) = TestQueue::start().await;
    let at = moment(-1_000);
    let job = |number: i32| {
        let mut job = pending(&format!("j{number:04}"), "t");
        job.extend(doc! { "priority": number / 250, "runAt": at, "data": { "n": number % 7 } });
        job
    };
    queue.insert((0..1_000).map(job)).await;
    let by_three = with(of(Status::Pending, &[]), doc! { "data.n": { "$eq": 3 } });
    for limit in [1, 17, 500] {
        let listed = pages(&opened, &by_three, limit).await;
        each_once(&listed, (0..1_000).filter(|number| number % 7 == 3).map(|number| format!("j{number:04}")));
        assert!(listed.iter().map(|id| id[1..].parse::<i32>().expect("a number") / 250).is_sorted());
    }
}

#[tokio::test]
async fn a_search_stops_after_so_many_jobs_and_goes_on_from_there() {
    let (queue, opened) = TestQueue::start().await;
    // Far more of one moment than one step looks at.
    let at = moment(-1_000);
    for chunk in (0..21_000).collect::<Vec<i32>>().chunks(7_000) {
        queue.insert(chunk.iter().map(|number| ended(&format!("j{number}"), "t", "completed", at))).await;
    }
    queue.insert([ended("wanted", "t", "completed", moment(-9_000)).tap_data(doc! { "n": 2 })]).await;
    let by_two = with(of(Status::Completed, &["t"]), doc! { "data.n": { "$eq": 2 } });
    let mut page = first(&opened, &by_two, 5).await;
    assert!(page.looked <= 20_000);
    let mut calls = 1;
    while page.jobs.is_empty() {
        assert!(!page.is_complete);
        calls += 1;
        assert!(calls < 30, "no end");
        page = opened.engine.list(&by_two, 5, page.next.as_deref()).await.expect("the server answers");
    }
    assert_eq!((ids(&page), page.is_complete, page.next), (vec!["wanted".to_owned()], true, None));
    assert!(calls >= 2);
    // An index of the app makes it one query, by the server's choice.
    queue
        .jobs()
        .create_index(mongodb::IndexModel::builder().keys(doc! { "data.n": 1 }).build())
        .await
        .expect("the index can be made");
    let (page, operations) = profile::during(&queue, &opened, first(&opened, &by_two, 5)).await;
    assert_eq!((ids(&page), page.is_complete), (vec!["wanted".to_owned()], true));
    let keys: i64 = operations.iter().map(Operation::keys_examined).sum();
    assert!(keys <= 10, "{keys} keys");
}

#[tokio::test]
async fn a_search_by_an_index_of_the_app_comes_page_by_page() {
    let (queue, opened) = TestQueue::start().await;
    let at = moment(-1_000_000).timestamp_millis();
    let job = |number: i64| {
        // Some of one moment, which lie across the ends of pages.
        let ended_at = DateTime::from_millis(at + number / 5);
        ended(&format!("j{number:02}"), "t", "completed", ended_at).tap_data(doc! { "n": number % 2 })
    };
    queue.insert((0..60).map(job)).await;
    let index = mongodb::IndexModel::builder().keys(doc! { "data.n": 1 }).build();
    queue.jobs().create_index(index).await.expect("the index can be made");
    let odd = with(of(Status::Completed, &["t"]), doc! { "data.n": { "$eq": 1 } });
    for limit in [1, 7, 30, 100] {
        let listed = pages(&opened, &odd, limit).await;
        each_once(&listed, (0..60).filter(|number| number % 2 == 1).map(|number| format!("j{number:02}")));
        let times = listed.iter().map(|id| id[1..].parse::<i64>().expect("a number") / 5);
        assert!(times.is_sorted_by(|one, other| one >= other), "by {limit}");
    }
    let page = first(&opened, &odd, 7).await;
    assert_eq!((page.jobs.len(), page.looked), (7, 7));
    let page = first(&opened, &of(Status::Completed, &["t"]), 7).await;
    assert_eq!((page.jobs.len(), page.looked), (7, 7));
}
