//! Keeps the stream open, and turns its events into wake-ups.

use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use mongodb::{
    bson::{Bson, Timestamp},
    change_stream::{
        ChangeStream,
        event::{OperationType, ResumeToken},
    },
    options::ReadConcern,
};
use tokio::sync::mpsc;

use super::{
    changed::{self, MOST_LOOKED_UP},
    interest::Interest,
    pipeline::{Change, pipeline, wake_for_insert},
    watch::{AllSinks, Watch},
};
use crate::{
    base::{
        error::{Error, Result},
        sync::lock,
    },
    job::fields,
    report::{
        event::{Event, LogLevel, StreamState},
        outage::Outage,
    },
    store::{collection::Store, indexes},
    wake::hints::{Audience, Wake, WakeHub},
};

/// Time that the server may hold an answer back while there is nothing to tell.
const LONGEST_ANSWER: Duration = Duration::from_secs(5);
/// Silence beyond this is a server that has gone, not one with nothing to tell.
const LONGEST_SILENCE: Duration = Duration::from_secs(15);

/// Time that a stream is kept. When the driver goes back to where it was opened, the stream must not report days again.
const LONGEST_STREAM: Duration = Duration::from_secs(600);

/// A stream and the interest that it was opened for.
pub(crate) struct OpenStream {
    changes: ChangeStream<Change>,
    interest: Interest,
    /// Ready once another server is primary than when the stream was opened.
    replaced: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Moment at which it is opened anew by its token.
    renew_at: Instant,
}

impl OpenStream {
    /// Opens a stream that goes on from the token; without one, right after the newest write that a majority has.
    ///
    /// By itself the server would begin after its own newest write, and an older write may still be on its way. No
    /// stream would tell of that one, and a look that comes at once would not see it. The driver, too, needs a place
    /// to go back to. If the first try to resume a stream fails, it tries again without the token.
    async fn open(watch: &Watch, store: &Store, token: Option<ResumeToken>) -> Result<Self> {
        let interest = lock(&watch.interest).clone();
        let begin = if token.is_none() { store.committed_time().await? } else { None };
        let mut open = store
            .jobs()
            .watch()
            .pipeline(pipeline(&interest))
            // The server streams nothing else, whatever read concern the collection has.
            .read_concern(ReadConcern::majority())
            .resume_after(token)
            .max_await_time(LONGEST_ANSWER);
        if let Some(Timestamp { time, increment }) = begin {
            // Not with that write: if it dropped the collection, it would end this stream as it ended the one before.
            open = open.start_at_operation_time(Timestamp { time, increment: increment + 1 });
        }
        let mut replaced = Box::pin(store.primary().replaced());
        let what = "opening the change stream";
        let changes = tokio::select! {
            opened = tokio::time::timeout(LONGEST_SILENCE, async { open.await }) => {
                opened.map_err(|_| Error::timeout(what))?.map_err(Error::from)?
            }
            () = &mut replaced => return Err(Error::primary_replaced(what)),
        };
        let renew_at = Instant::now() + LONGEST_STREAM;
        Ok(Self { changes: changes.with_type(), interest, replaced, renew_at })
    }
}

/// Opens the stream, so that a caller learns at once if that fails.
pub(crate) async fn open_first(watch: &Watch, store: &Store) -> Result<OpenStream> {
    watch.set_state(StreamState::Connecting);
    let opened = OpenStream::open(watch, store, None).await;
    watch.set_state(if opened.is_ok() { StreamState::Streaming } else { StreamState::Off });
    opened
}

/// Turns changes into wake-ups, until dropped. Begun anew without a first stream, it takes the last one for lost and opens
/// one.
pub(crate) async fn follow(
    watch: Arc<Watch>,
    store: Arc<Store>,
    wakes: Arc<WakeHub>,
    first: Option<OpenStream>,
) {
    if first.is_none() {
        watch.set_state(StreamState::Reconnecting);
    }
    wakes.known_jobs.remember();
    // For changes after the processors' first look and before the stream.
    wakes.wake(&Wake::Any, Audience::Everyone);
    let (sender, inbox) = mpsc::channel(MOST_LOOKED_UP);
    let look_ups = changed::look_up(inbox, store.clone(), wakes.clone());
    let sinks = AllSinks(watch.clone());
    let outage = Outage::new("the change stream");
    let mut follower = StreamFollower { watch, store, wakes, sinks, outage, changed: sender, is_bare: false };
    tokio::join!(follower.keep_open(first), look_ups);
}

/// The end of following a stream.
enum Ended {
    /// It goes on, for other types or at another server.
    Elsewhere,
    Lost(Error),
}

/// The follower of one collection's stream, from one opening to the next.
struct StreamFollower {
    watch: Arc<Watch>,
    store: Arc<Store>,
    wakes: Arc<WakeHub>,
    sinks: AllSinks,
    outage: Outage,
    /// Jobs that changed, to be looked up.
    changed: mpsc::Sender<Bson>,
    /// The collection was dropped meanwhile, and its indexes with it.
    is_bare: bool,
}

impl StreamFollower {
    async fn keep_open(&mut self, mut open: Option<OpenStream>) {
        let mut token = None;
        let mut has_gap = false;
        loop {
            self.outage.begin();
            let opened = match open.take() {
                Some(stream) => Ok(stream),
                None => OpenStream::open(&self.watch, &self.store, token.take()).await,
            };
            let failure = match opened {
                Ok(mut stream) => {
                    self.opened(std::mem::take(&mut has_gap));
                    match self.follow(&mut stream).await {
                        Ended::Elsewhere => {
                            // Its last event may be about a type that is wanted no more. The server resumes a stream
                            // only if its pipeline includes that type.
                            let is_resumable = lock(&self.watch.interest).covers(&stream.interest);
                            token = stream.changes.resume_token().filter(|_| is_resumable);
                            has_gap = token.is_none();
                            continue;
                        }
                        Ended::Lost(error) => error,
                    }
                }
                Err(error) => error,
            };
            self.lost(&failure).await;
        }
    }

    fn opened(&self, has_gap: bool) {
        let was_lost = self.watch.state() == StreamState::Reconnecting;
        if was_lost {
            self.watch.set_state(StreamState::Streaming);
        }
        if was_lost || has_gap {
            self.wakes.wake(&Wake::Any, Audience::Everyone);
        }
    }

    /// The stream is lost: from now on events may be missed.
    async fn lost(&mut self, failure: &Error) {
        if self.watch.state() != StreamState::Reconnecting {
            self.watch.set_state(StreamState::Reconnecting);
            // Polling takes over, at its own, shorter interval.
            self.wakes.wake(&Wake::Any, Audience::Everyone);
        }
        let pause = self.outage.failed(failure, &self.sinks);
        tokio::time::sleep(pause).await;
    }

    async fn follow(&mut self, stream: &mut OpenStream) -> Ended {
        let mut answers = 0;
        loop {
            if self.is_bare
                && let Err(error) = self.restore_indexes().await
            {
                return Ended::Lost(error);
            }
            if self.wants_another(stream) || stream.renew_at <= Instant::now() {
                return Ended::Elsewhere;
            }
            let next = tokio::select! {
                next = tokio::time::timeout(LONGEST_SILENCE, stream.changes.next_if_any()) => next,
                () = self.watch.interest_changed.notified() => continue,
                () = &mut stream.replaced => return Ended::Elsewhere,
            };
            let change = match next {
                Err(_) => return Ended::Lost(Error::timeout("an answer of the change stream")),
                Ok(Err(error)) => return Ended::Lost(error.into()),
                Ok(Ok(None)) if !stream.changes.is_alive() => {
                    self.is_bare = true;
                    return Ended::Lost(Error::stream_ended());
                }
                Ok(Ok(change)) => change,
            };
            // That it could be opened says little, and the first answer came with that: a stream that goes on
            // answering works.
            answers += 1;
            if answers > 1 {
                self.outage.succeeded(&self.sinks);
                self.outage.begin();
            }
            if let Some(change) = change {
                self.heard(change).await;
            }
        }
    }

    /// False if no processor wants anything any more, as at the end of a process.
    fn wants_another(&self, stream: &OpenStream) -> bool {
        let wanted = lock(&self.watch.interest);
        *wanted != stream.interest && !wanted.is_empty()
    }

    async fn heard(&self, change: Change) {
        match change.operation_type {
            OperationType::Insert => wake_for_insert(change, &self.wakes, &self.store).await,
            OperationType::Update if change.is_cancellation() => {
                let id = change.document_key.and_then(|mut key| key.remove(fields::ID));
                if let Some(id) = id {
                    self.wakes.cancellations.hint(id);
                }
            }
            OperationType::Update | OperationType::Replace => {
                let id = change.document_key.and_then(|mut key| key.remove(fields::ID));
                if let Some(id) = id {
                    // Bounded: while the look-ups lag behind, so may the stream.
                    _ = self.changed.send(id).await;
                }
            }
            // Dropped, renamed or invalidated: the stream ends, or nothing can come of it.
            _ => self.wakes.wake(&Wake::Any, Audience::Everyone),
        }
    }

    /// Makes the indexes again, once the collection exists again.
    async fn restore_indexes(&mut self) -> Result<()> {
        match indexes::ensure_if_there(&self.store).await {
            Ok(is_there) => self.is_bare = !is_there,
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => {
                let message = format!("the collection was made again, and its indexes can't be: {error}");
                self.watch.tell(&Event::Log { level: LogLevel::Error, message, fields: Vec::new() });
                self.is_bare = false;
            }
        }
        Ok(())
    }
}
