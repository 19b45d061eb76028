//! Tasks that must not end for good because of one mistake of ours.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::task::JoinHandle;

use super::event::{Event, LogLevel, Sink};

/// Before what has panicked begins again.
pub(crate) const AFTER_PANIC: Duration = Duration::from_secs(1);

/// Runs what `begin` makes until it ends or is aborted. If it panics, that is told, and it begins again.
pub(crate) fn kept<Work: Future<Output = ()> + Send + 'static>(
    name: &'static str,
    sink: Arc<dyn Sink>,
    mut begin: impl FnMut() -> Work + Send + 'static,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        while AssertUnwindSafe(begin()).catch_unwind().await.is_err() {
            let message = format!("{name} ended unexpectedly, and is started again");
            sink.event(Event::Log { level: LogLevel::Error, message, fields: Vec::new() });
            tokio::time::sleep(AFTER_PANIC).await;
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::base::sync::lock;

    #[derive(Default)]
    struct Told(Mutex<Vec<String>>);

    impl Sink for Told {
        fn event(&self, event: Event) {
            if let Event::Log { message, .. } = event {
                lock(&self.0).push(message);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_begins_again_and_says_so() {
        let told = Arc::new(Told::default());
        let mut begun = 0;
        let task = kept("counting", told.clone(), move || {
            begun += 1;
            let is_third = begun == 3;
            async move { assert!(is_third, "a mistake of ours") }
        });
        task.await.expect("it ends well in the end");
        assert_eq!(*lock(&told.0), ["counting ended unexpectedly, and is started again"; 2]);
    }

    #[tokio::test]
    async fn one_that_is_aborted_ends() {
        let task = kept("waiting", Arc::new(Told::default()), std::future::pending);
        task.abort();
        assert!(task.await.is_err_and(|end| end.is_cancelled()));
    }
}
