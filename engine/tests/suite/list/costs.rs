//! The cost of lists for the server.

use durabl_engine::Status;
use mongodb::bson::doc;

use super::{ended, first, of};
use crate::support::{
    TestQueue,
    documents::moment,
    pending,
    profile::{self, Operation},
};

/// Jobs of every status and of twenty types, so many of each.
async fn fill(queue: &TestQueue, from: usize, to: usize) {
    for job_type in (0..20).map(|number| format!("t{number:02}")) {
        let mut jobs = Vec::new();
        for number in from..to {
            let id = |what: &str| format!("{what}-{job_type}-{number}");
            let ms = -(number as i64) * 10;
            let mut waiting = pending(&id("pending"), &job_type);
            waiting.extend(doc! { "priority": (number % 3) as i32, "runAt": moment(ms) });
            jobs.push(waiting);
            for status in ["completed", "failed", "superseded"] {
                jobs.push(ended(&id(status), &job_type, status, moment(ms)));
            }
        }
        queue.insert(jobs).await;
    }
}

#[tokio::test]
async fn a_page_costs_as_many_keys_as_it_has_jobs_however_many_there_are() {
    let (queue, opened) = TestQueue::start().await;
    for (from, to) in [(0, 120), (120, 360)] {
        fill(&queue, from, to).await;
        for status in [Status::Pending, Status::Completed, Status::Failed, Status::Superseded] {
            for (types, most) in [(&["t07"][..], 50), (&[][..], 69)] {
                let filter = of(status, types);
                let (page, operations) = profile::during(&queue, &opened, first(&opened, &filter, 50)).await;
                assert_eq!(page.jobs.len(), 50);
                check_costs(&operations, most, types.is_empty());
                let next = async || {
                    let after = page.next.as_deref();
                    opened.engine.list(&filter, 50, after).await.expect("the server answers")
                };
                let (second, operations) = profile::during(&queue, &opened, next()).await;
                assert_eq!(second.jobs.len(), 50);
                // Those of the last moment come again, and where a priority ends the next one is a scan of its own.
                check_costs(&operations, most + 41, types.is_empty());
            }
        }
    }
}

fn check_costs(operations: &[Operation], most: i64, fills_types_in: bool) {
    let (looks, pages): (Vec<&Operation>, Vec<&Operation>) =
        operations.iter().partition(|operation| operation.returned() <= 1 && fills_types_in);
    for look in looks {
        assert!(look.keys_examined() <= 2, "{:?}", look.entry);
        assert_eq!(look.documents_examined(), 0, "{:?}", look.entry);
    }
    let keys: i64 = pages.iter().map(|page| page.keys_examined()).sum();
    let documents: i64 = pages.iter().map(|page| page.documents_examined()).sum();
    let plans: Vec<&str> = pages.iter().map(|page| page.plan()).collect();
    assert!(keys <= most && documents <= most, "{keys} keys, {documents} documents of {most}, by {plans:?}");
    for page in pages {
        assert!(!page.sorts_in_memory(), "{:?}", page.entry);
    }
}
