//! Jobs that no worker starts in time end by sweeps.

use std::time::Duration;

use mongodb::bson::{Document, doc};

use crate::support::{TestQueue, documents::moment, eventually, pending, profile};

/// Pending jobs that expire so many milliseconds from now.
fn expiring(name: &'static str, from: usize, to: usize, ms: i64) -> impl Iterator<Item = Document> {
    (from..to).map(move |number| {
        let mut job = pending(&format!("{name}-{number}"), "t");
        job.insert("expiresAt", moment(ms));
        job
    })
}

#[tokio::test]
async fn a_sweep_ends_the_jobs_that_no_worker_starts_at_a_key_each() {
    let (queue, opened) = TestQueue::start().await;
    let mut retried = pending("retried", "t");
    retried.extend(doc! { "attempt": 1, "expiresAt": moment(-1_000) });
    queue.insert([retried]).await;
    let mut late = 0;
    for (from, to) in [(0, 500), (500, 1_500)] {
        queue.insert(expiring("in-time", from, to, 3_600_000)).await;
        queue.insert(expiring("late", from, from + 20, -1_000)).await;
        late += 20;
        profile::start(&queue, &opened).await;
        opened.engine.start_recovery(Duration::from_millis(100));
        let expired = doc! { "status": "failed", "ending": "expired" };
        eventually("the sweep", async || (queue.count(expired.clone()).await == late).then_some(())).await;
        let operations = profile::stop(&queue).await;
        let looks: Vec<_> = operations.iter().filter(|one| one.plan().contains("expiresAt")).collect();
        assert!(!looks.is_empty(), "{operations:?}");
        for look in looks {
            assert!(look.keys_examined() <= 21, "{:?}", look.entry);
            assert!(!look.sorts_in_memory(), "{:?}", look.entry);
        }
        assert!(operations.iter().all(|one| !one.plan().contains("COLLSCAN")), "{operations:?}");
    }
    let reason = queue.job("late-0").await.get_str("failReason").expect("a reason").to_owned();
    assert_eq!(reason, "it was not started in time");
    assert_eq!(queue.status("retried").await, "pending", "the time binds before the first start only");
    assert_eq!(queue.count(doc! { "status": "pending" }).await, 1_501);
}
