//! Hints that running jobs were asked to be cancelled, from calls in this process and from the change stream. Like
//! wake-ups, they are no promise: a look at intervals finds the requests that no hint told of.

use std::sync::Mutex;

use mongodb::bson::Bson;
use tokio::sync::Notify;

use crate::base::sync::lock;

/// The most ids kept apart; beyond that it may be any job.
const MOST_IDS: usize = 1_000;

/// The jobs of one collection that hints have named.
#[derive(Default)]
pub(crate) struct CancelHints {
    ids: Mutex<Vec<Bson>>,
    heard: Notify,
}

impl CancelHints {
    /// This job may have been asked to be cancelled.
    pub(crate) fn hint(&self, id: Bson) {
        let mut ids = lock(&self.ids);
        if ids.len() < MOST_IDS {
            ids.push(id);
        }
        drop(ids);
        self.heard.notify_one();
    }

    /// The jobs that were named since the last time, once there are some. One that is dropped in mid-wait takes none.
    pub(crate) async fn next(&self) -> Vec<Bson> {
        loop {
            self.heard.notified().await;
            let ids = std::mem::take(&mut *lock(&self.ids));
            if !ids.is_empty() {
                return ids;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_named_job_is_told_of_once() {
        let hints = CancelHints::default();
        hints.hint("a".into());
        hints.hint("b".into());
        assert_eq!(hints.next().await, [Bson::from("a"), "b".into()]);
        hints.hint("c".into());
        assert_eq!(hints.next().await, [Bson::from("c")]);
    }
}
