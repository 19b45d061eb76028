//! The writer of step records. Records that arrive while a write is on its way travel together in the next one, those
//! of one job in one statement.

use std::{mem, sync::Arc, time::Duration};

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::{
    base::{
        error::{Error, Result},
        patience::{Patience, retrying},
    },
    report::{
        event::Sink,
        tasks::{self, Task},
    },
    store::collection::Store,
    verbs::journal::{
        append::append,
        drafted::{Append, Appended, Drafted},
    },
};

/// Records written in one command.
const MOST_RECORDS: usize = 1_000;
/// Bytes of them, unless it is a single one.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// Writes under way at once: one on the wire while the next one is made.
const MOST_WRITES: usize = 2;
/// Time for which a record is worth trying: the step has had its effect. The fence decides if it still applies.
const PATIENCE: Duration = Duration::from_secs(120);

/// A record that is to be written, and the call that waits for it.
struct Request {
    append: Append,
    reply: oneshot::Sender<Result<Appended>>,
}

impl Request {
    fn bytes(&self) -> usize {
        self.append.step.value.as_bytes().len()
    }
}

/// The one writer of step records of a collection.
pub(crate) struct JournalWriter {
    requests: mpsc::UnboundedSender<Vec<Request>>,
}

impl JournalWriter {
    /// Starts the writer; it ends when the last handle goes.
    pub(crate) fn start(store: &Arc<Store>, sink: &Arc<dyn Sink>) -> Self {
        let (requests, calls) = mpsc::unbounded_channel();
        // The inbox and the semaphore outlast a writer that panics.
        let inbox = Arc::new(Mutex::new(Inbox { calls, waiting: Vec::new() }));
        let writes = Arc::new(Semaphore::new(MOST_WRITES));
        let writing = Writing { store: store.clone(), sink: sink.clone() };
        tasks::keep(Task::Records, sink.clone(), move || {
            let (inbox, writes, writing) = (inbox.clone(), writes.clone(), writing.clone());
            async move { writing.run(&mut *inbox.lock().await, &writes).await }
        });
        Self { requests }
    }

    /// Records steps, which travel together. Bounded by the number of steps that are running. Resolves when each has an
    /// outcome, in their order.
    pub(crate) async fn append(&self, appends: Vec<Append>) -> Vec<Result<Appended>> {
        let count = appends.len();
        let (requests, answers): (Vec<_>, Vec<_>) = appends
            .into_iter()
            .map(|append| {
                let (reply, answer) = oneshot::channel();
                (Request { append, reply }, answer)
            })
            .unzip();
        if self.requests.send(requests).is_err() {
            return vec![Err(Error::shut_down()); count];
        }
        let mut outcomes = Vec::with_capacity(count);
        for answer in answers {
            outcomes.push(answer.await.unwrap_or_else(|_| Err(Error::interrupted())));
        }
        outcomes
    }
}

/// Records that no write has taken up yet.
struct Inbox {
    calls: mpsc::UnboundedReceiver<Vec<Request>>,
    waiting: Vec<Request>,
}

impl Inbox {
    /// The records of the next write; none when no more will come.
    async fn next(&mut self) -> Option<Vec<Request>> {
        if self.waiting.is_empty() {
            self.waiting = self.calls.recv().await?;
        }
        while let Ok(requests) = self.calls.try_recv() {
            self.waiting.extend(requests);
        }
        let mut bytes = 0;
        let fits = |request: &&Request| {
            bytes += request.bytes();
            bytes <= MOST_BYTES
        };
        let count = self.waiting.iter().take(MOST_RECORDS).take_while(fits).count().max(1);
        let rest = self.waiting.split_off(count);
        Some(mem::replace(&mut self.waiting, rest))
    }
}

#[derive(Clone)]
struct Writing {
    store: Arc<Store>,
    sink: Arc<dyn Sink>,
}

impl Writing {
    async fn run(&self, inbox: &mut Inbox, writes: &Arc<Semaphore>) {
        loop {
            let Ok(permit) = writes.clone().acquire_owned().await else { return };
            let Some(requests) = inbox.next().await else { return };
            self.write_together(requests, permit);
        }
    }

    fn write_together(&self, requests: Vec<Request>, permit: OwnedSemaphorePermit) {
        let store = self.store.clone();
        let write = async move {
            let _permit = permit;
            let (appends, replies): (Vec<_>, Vec<_>) =
                requests.into_iter().map(|Request { append, reply }| (append, reply)).unzip();
            let outcomes = write(&store, appends).await;
            for (reply, outcome) in replies.into_iter().zip(outcomes) {
                // A caller that has gone away has lost only the answer.
                _ = reply.send(outcome);
            }
        };
        // With the requests go their replies, which tells the calls.
        tasks::run(Task::RecordBatch, self.sink.clone(), write, || ());
    }
}

async fn write(store: &Store, appends: Vec<Append>) -> Vec<Result<Appended>> {
    let now = match retrying(PATIENCE, || store.server_time()).await {
        Ok(now) => now.earliest(),
        Err(error) => return vec![Err(error); appends.len()],
    };
    let mut drafted: Vec<Drafted> = appends.into_iter().map(|append| Drafted::new(append, now)).collect();
    append(store, &mut drafted, &mut Patience::new(PATIENCE)).await;
    drafted.into_iter().map(Drafted::into_outcome).collect()
}
