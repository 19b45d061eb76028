//! All tasks that the engine leaves running, and the effect of a panic on each.
//!
//! A panic must end no part of the engine for good, and must be reported. So no other file spawns a task. A
//! panic is caught here and reported once, and the task begins again, or hands its work back.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::task::JoinHandle;

use super::event::{Event, LogLevel, Sink};

/// The wait before a task that has panicked begins again.
const AFTER_PANIC: Duration = if cfg!(test) { Duration::from_millis(10) } else { Duration::from_secs(1) };

/// Everything that runs in the background.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Task {
    /// Writes new jobs of a collection. The calls whose jobs were on their way get an error, all others wait on.
    NewJobs,
    /// The same for the jobs of one call, while a transaction of the app holds up their key. The call gets an error.
    NewJobsHeldUp,
    /// Puts verdicts of a collection together for one write. All of them wait on.
    Verdicts,
    /// Writes verdicts together. After a panic each is written by itself.
    VerdictBatch,
    /// Writes one verdict, or those that are written already. After several panics its run gets an error.
    VerdictAlone,
    /// Puts step records of a collection together for one write. All of them wait on.
    Records,
    /// Writes step records together. The calls that wait for them get an error.
    RecordBatch,
    /// Renews leases of a collection.
    Renewals,
    /// Renews one lease again after a transaction.
    Resumption,
    /// Tells runs of a collection that their jobs are to be cancelled.
    Cancellations,
    /// Wakes processors for jobs of a collection that become due.
    Timers,
    /// Follows the change stream of a collection.
    Stream,
    /// Claims for one processor. Claims on their way are looked up afterwards.
    Processor,
    /// Confirms and reads the jobs that a claim has taken, and hands them over. The processor looks it up again.
    Arrival,
    /// Recovers jobs for an engine, and keeps the indexes.
    Sweeps,
    /// Does the work of a process by the side collection, such as learning which types are paused.
    Upkeep,
    /// Removes old jobs of a collection.
    Retention,
    /// Makes the jobs of schedules that are due, for an engine.
    Schedules,
}

impl Task {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 18] = [
        Self::NewJobs,
        Self::NewJobsHeldUp,
        Self::Verdicts,
        Self::VerdictBatch,
        Self::VerdictAlone,
        Self::Records,
        Self::RecordBatch,
        Self::Renewals,
        Self::Resumption,
        Self::Cancellations,
        Self::Timers,
        Self::Stream,
        Self::Processor,
        Self::Arrival,
        Self::Sweeps,
        Self::Upkeep,
        Self::Retention,
        Self::Schedules,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::NewJobs => "the writer of new jobs",
            Self::NewJobsHeldUp => "a write of new jobs",
            Self::Verdicts => "the writer of verdicts",
            Self::VerdictBatch => "a write of verdicts",
            Self::VerdictAlone => "the write of a verdict",
            Self::Records => "the writer of step records",
            Self::RecordBatch => "a write of step records",
            Self::Renewals => "the renewal of leases",
            Self::Resumption => "the renewal of a lease after a transaction",
            Self::Cancellations => "looking for cancelled jobs",
            Self::Timers => "the timers",
            Self::Stream => "following changes",
            Self::Processor => "a processor's claims",
            Self::Arrival => "reading claimed jobs",
            Self::Sweeps => "the sweeps",
            Self::Upkeep => "the upkeep of the side collection",
            Self::Retention => "the removal of old jobs",
            Self::Schedules => "the firing of schedules",
        }
    }

    fn after_panic(self) -> &'static str {
        match self {
            Self::NewJobs => "is started again; calls whose jobs were on their way get an error",
            Self::NewJobsHeldUp => "its call gets an error",
            Self::RecordBatch => "its calls get an error",
            Self::VerdictBatch => "each of them is written by itself",
            Self::Arrival => "they are looked up",
            Self::VerdictAlone => "is tried again, a few times",
            Self::Verdicts
            | Self::Records
            | Self::Renewals
            | Self::Resumption
            | Self::Cancellations
            | Self::Timers
            | Self::Stream
            | Self::Processor
            | Self::Sweeps
            | Self::Upkeep
            | Self::Retention
            | Self::Schedules => "is started again",
        }
    }
}

/// Spawns a task that begins again after each panic, until it ends or is aborted.
pub(crate) fn keep<Work: Future<Output = ()> + Send + 'static>(
    task: Task,
    sink: Arc<dyn Sink>,
    begin: impl FnMut() -> Work + Send + 'static,
) -> JoinHandle<()> {
    tokio::spawn(kept(task, sink, begin))
}

/// The same, not spawned.
pub(crate) async fn kept<Work: Future<Output = ()> + Send + 'static>(
    task: Task,
    sink: Arc<dyn Sink>,
    mut begin: impl FnMut() -> Work + Send + 'static,
) {
    while guarded(task, sink.as_ref(), async { begin().await }).await.is_none() {
        tokio::time::sleep(AFTER_PANIC).await;
    }
}

/// Spawns work that ends by itself. After a panic, `otherwise` gives the result.
pub(crate) fn run<Work>(
    task: Task,
    sink: Arc<dyn Sink>,
    work: Work,
    otherwise: impl FnOnce() -> Work::Output + Send + 'static,
) -> JoinHandle<Work::Output>
where
    Work: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(async move { guarded(task, sink.as_ref(), work).await.unwrap_or_else(otherwise) })
}

/// Does the work. None if it panicked, which is in the log then.
async fn guarded<Work: Future>(task: Task, sink: &dyn Sink, work: Work) -> Option<Work::Output> {
    #[cfg(test)]
    let work = planted::watched(task, work);
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    if outcome.is_err() {
        let message = format!("{} ended unexpectedly, and {}", task.name(), task.after_panic());
        let event = Event::Log { level: LogLevel::Error, message, fields: Vec::new() };
        // A failing listener must not end the task.
        _ = std::panic::catch_unwind(AssertUnwindSafe(|| sink.event(event)));
    }
    outcome.ok()
}

/// Panics on demand, in a chosen task, at a place where it waits.
#[cfg(test)]
pub(crate) mod planted {
    use std::{cell::Cell, future::poll_fn, pin::pin};

    use super::Task;

    thread_local! {
        static PLANT: Cell<Option<(Task, u32)>> = const { Cell::new(None) };
    }

    /// Sets, for tasks on this thread, the one that is to panic, and the number of polls before that.
    pub(crate) fn plant(task: Task, polls: u32) {
        PLANT.set(Some((task, polls)));
    }

    /// Takes the plant away. True if it was still there: the task has not come so far.
    pub(crate) fn is_left() -> bool {
        PLANT.take().is_some()
    }

    fn is_due(task: Task) -> bool {
        match PLANT.get() {
            Some((planted, 0)) if planted == task => {
                PLANT.set(None);
                true
            }
            Some((planted, polls)) if planted == task => {
                PLANT.set(Some((planted, polls - 1)));
                false
            }
            _ => false,
        }
    }

    pub(super) async fn watched<Work: Future>(task: Task, work: Work) -> Work::Output {
        let mut work = pin!(work);
        poll_fn(|context| {
            assert!(!is_due(task), "planted");
            work.as_mut().poll(context)
        })
        .await
    }
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

    /// Panics at every event.
    struct Deaf;

    impl Sink for Deaf {
        fn event(&self, _: Event) {
            panic!("a listener's mistake");
        }
    }

    fn ends_well_the_third_time() -> impl FnMut() -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut begun = 0;
        move || {
            begun += 1;
            let is_third = begun == 3;
            Box::pin(async move { assert!(is_third, "a planted mistake") })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_begins_again_and_says_so() {
        let told = Arc::new(Told::default());
        let task = keep(Task::Timers, told.clone(), ends_well_the_third_time());
        task.await.expect("it ends well in the end");
        assert_eq!(*lock(&told.0), ["the timers ended unexpectedly, and is started again"; 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_listener_that_panics_ends_no_task() {
        let task = keep(Task::Timers, Arc::new(Deaf), ends_well_the_third_time());
        task.await.expect("it ends well in the end");
    }

    #[tokio::test]
    async fn one_that_is_aborted_ends() {
        let task = keep(Task::Timers, Arc::new(Told::default()), std::future::pending);
        task.abort();
        assert!(task.await.is_err_and(|end| end.is_cancelled()));
    }

    #[tokio::test]
    async fn work_that_panics_is_told_from_work_that_ends() {
        let told = Arc::new(Told::default());
        assert_eq!(run(Task::Arrival, told.clone(), async { 7 }, || 0).await.ok(), Some(7));
        let panicked = run(Task::Arrival, told.clone(), async { panic!("a planted mistake") }, || 0);
        assert_eq!(panicked.await.ok(), Some(0));
        assert_eq!(lock(&told.0).len(), 1);
    }
}
