//! Push: wake-ups from a change stream, one per client and collection.
//!
//! ```text
//!          startup                 opened                       lost
//!   off ───────────▶ connecting ───────────▶ streaming ───────────────────▶ reconnecting
//!                                              ▲   │ types changed             │
//!                                              │   └───▶ reopened by token     │
//!                                              └───────────────────────────────┘
//!                                                 reopened, then all types woken
//! ```
//! The driver resumes by token what can be resumed. Whatever else happens to the stream (token expired, collection
//! dropped, the server silent) ends in a new one and one wake-up for every type: what was missed is then looked for, so
//! a stream never has to be complete. Inserts carry their document, so type and time come along. Updates don't, and to
//! have the server look each one up would cost a read per change of any kind; the few that make a job claimable are
//! looked up here, together.

mod changed;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use mongodb::{
    bson::{Bson, Document, doc},
    change_stream::{
        ChangeStream,
        event::{OperationType, ResumeToken},
    },
    options::ReadConcern,
};
use serde::Deserialize;
use tokio::sync::{Notify, mpsc};

use crate::{
    error::{Error, Result},
    event::{Event, LogLevel, Sink, StreamState},
    fields, indexes,
    outage::Outage,
    status::Status,
    store::Store,
    wake::{Audience, Wake, WakeHub, lock},
};

/// How long the server may hold an answer back while there is nothing to tell.
const LONGEST_ANSWER: Duration = Duration::from_secs(5);
/// Silence beyond this is a server that has gone, not one with nothing to tell.
const LONGEST_SILENCE: Duration = Duration::from_secs(15);
/// Changed jobs looked up at once.
const MOST_LOOKED_UP: usize = 500;

/// The types whose wake-ups are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Interest {
    types: BTreeSet<String>,
    everything: bool,
}

/// The stream of one collection.
#[derive(Default)]
pub(crate) struct Watch {
    interest: Mutex<Interest>,
    /// Engines that want it all.
    wanting_everything: Mutex<usize>,
    interest_changed: Notify,
    state: Mutex<StreamState>,
    sinks: Mutex<Vec<Weak<dyn Sink>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    operation_type: OperationType,
    document_key: Option<Document>,
    full_document: Option<Inserted>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inserted {
    #[serde(rename = "type")]
    job_type: Option<Bson>,
    run_at: Option<Bson>,
}

impl Watch {
    /// This type's wake-ups are wanted from now on.
    pub(crate) fn add_type(&self, job_type: &str) {
        if lock(&self.interest).types.insert(job_type.to_owned()) {
            self.interest_changed.notify_one();
        }
    }

    /// Every type's wake-ups are wanted, by one more engine.
    pub(crate) fn want_everything(&self) {
        self.count_wanting_everything(1);
    }

    /// By one engine less.
    pub(crate) fn no_longer_want_everything(&self) {
        self.count_wanting_everything(-1);
    }

    fn count_wanting_everything(&self, change: isize) {
        let mut wanting = lock(&self.wanting_everything);
        *wanting = wanting.saturating_add_signed(change);
        let everything = *wanting > 0;
        if std::mem::replace(&mut lock(&self.interest).everything, everything) != everything {
            self.interest_changed.notify_one();
        }
    }

    /// The sink hears of changes of state for as long as it lives.
    pub(crate) fn add_sink(&self, sink: &Arc<dyn Sink>) {
        lock(&self.sinks).push(Arc::downgrade(sink));
        sink.event(Event::Stream(self.state()));
    }

    pub(crate) fn remove_sink(&self, sink: &Arc<dyn Sink>) {
        lock(&self.sinks).retain(|known| known.upgrade().is_some_and(|known| !Arc::ptr_eq(&known, sink)));
    }

    pub(crate) fn state(&self) -> StreamState {
        *lock(&self.state)
    }

    fn set_state(&self, state: StreamState) {
        if std::mem::replace(&mut *lock(&self.state), state) != state {
            self.tell(&Event::Stream(state));
        }
    }

    fn tell(&self, event: &Event) {
        let sinks: Vec<_> = lock(&self.sinks).iter().filter_map(Weak::upgrade).collect();
        for sink in sinks {
            sink.event(event.clone());
        }
    }

    /// Opens the stream, so that a caller learns at once whether it can be.
    pub(crate) async fn open_first(&self, store: &Store) -> Result<OpenStream> {
        self.set_state(StreamState::Connecting);
        let opened = self.open(store, None).await;
        self.set_state(if opened.is_ok() { StreamState::Streaming } else { StreamState::Off });
        opened
    }

    /// Turns changes into wake-ups, until dropped.
    pub(crate) async fn run(self: Arc<Self>, store: Arc<Store>, wakes: Arc<WakeHub>, first: OpenStream) {
        wakes.known_jobs.remember();
        // What came after the processors' first look and before the stream.
        wakes.wake(&Wake::Any, Audience::Everyone);
        let (changed, inbox) = mpsc::channel(MOST_LOOKED_UP);
        let look_ups = changed::look_up(inbox, store.clone(), wakes.clone());
        let stream = async {
            let mut outage = Outage::new("the change stream");
            let everyone = Everyone(self.clone());
            let mut open = Some(first);
            let mut token = None;
            // The collection was dropped under us, and its indexes with it.
            let mut is_bare = false;
            loop {
                let mut stream = match open.take() {
                    Some(stream) => stream,
                    None => match self.open(&store, token.take()).await {
                        Ok(stream) => stream,
                        Err(error) => {
                            self.lost(&wakes);
                            let pause = outage.failed(&error, &everyone);
                            tokio::time::sleep(pause).await;
                            continue;
                        }
                    },
                };
                outage.succeeded(&everyone);
                if self.state() == StreamState::Reconnecting {
                    self.set_state(StreamState::Streaming);
                    wakes.wake(&Wake::Any, Audience::Everyone);
                }
                match self.follow(&mut stream, &wakes, &changed, &store, &mut is_bare).await {
                    Ended::InterestChanged => token = stream.changes.resume_token(),
                    Ended::Lost(error) => {
                        is_bare |= error == Error::stream_ended();
                        self.lost(&wakes);
                        let pause = outage.failed(&error, &everyone);
                        tokio::time::sleep(pause).await;
                    }
                }
            }
        };
        tokio::join!(stream, look_ups);
    }

    /// From now on something may be missed. Polling takes over, at its own, shorter interval.
    fn lost(&self, wakes: &WakeHub) {
        if self.state() != StreamState::Reconnecting {
            self.set_state(StreamState::Reconnecting);
            wakes.wake(&Wake::Any, Audience::Everyone);
        }
    }

    async fn open(&self, store: &Store, token: Option<ResumeToken>) -> Result<OpenStream> {
        let interest = lock(&self.interest).clone();
        let open = store
            .jobs()
            .watch()
            .pipeline(pipeline(&interest))
            // The server streams nothing else, whatever the collection reads by.
            .read_concern(ReadConcern::majority())
            .resume_after(token)
            .max_await_time(LONGEST_ANSWER);
        let opened = tokio::time::timeout(LONGEST_SILENCE, async { open.await }).await;
        let changes =
            opened.map_err(|_| Error::timeout("opening the change stream"))?.map_err(Error::from)?;
        Ok(OpenStream { changes: changes.with_type(), interest })
    }

    /// True when nothing more can be done about it.
    async fn restore_indexes(&self, store: &Store) -> Result<bool> {
        match indexes::ensure_if_there(store).await {
            Err(error) if !error.is_transient() => {
                let message = format!("the collection was made again, and its indexes can't be: {error}");
                self.tell(&Event::Log { level: LogLevel::Error, message, fields: Vec::new() });
                Ok(true)
            }
            outcome => outcome,
        }
    }

    async fn follow(
        &self,
        stream: &mut OpenStream,
        wakes: &WakeHub,
        changed: &mpsc::Sender<Bson>,
        store: &Store,
        is_bare: &mut bool,
    ) -> Ended {
        loop {
            if *is_bare {
                match self.restore_indexes(store).await {
                    Ok(is_done) => *is_bare = !is_done,
                    Err(error) => return Ended::Lost(error),
                }
            }
            if *lock(&self.interest) != stream.interest {
                return Ended::InterestChanged;
            }
            let next = tokio::select! {
                next = tokio::time::timeout(LONGEST_SILENCE, stream.changes.next_if_any()) => next,
                () = self.interest_changed.notified() => continue,
            };
            let change = match next {
                Err(_) => return Ended::Lost(Error::timeout("an answer of the change stream")),
                Ok(Err(error)) => return Ended::Lost(error.into()),
                Ok(Ok(None)) if stream.changes.is_alive() => continue,
                Ok(Ok(None)) => {
                    return Ended::Lost(Error::stream_ended());
                }
                Ok(Ok(Some(change))) => change,
            };
            match change.operation_type {
                OperationType::Insert => wake_for_insert(change, wakes, store).await,
                OperationType::Update | OperationType::Replace => {
                    let id = change.document_key.and_then(|mut key| key.remove(fields::ID));
                    if let Some(id) = id {
                        // Bounded: while the look-ups lag behind, so may the stream.
                        _ = changed.send(id).await;
                    }
                }
                // Dropped, renamed or invalidated: the stream ends, or nothing can come of it.
                _ => wakes.wake(&Wake::Any, Audience::Everyone),
            }
        }
    }
}

/// A stream and what it was opened for.
pub(crate) struct OpenStream {
    changes: ChangeStream<Change>,
    interest: Interest,
}

enum Ended {
    InterestChanged,
    Lost(Error),
}

/// Every engine on the stream.
struct Everyone(Arc<Watch>);

impl Sink for Everyone {
    fn event(&self, event: Event) {
        self.0.tell(&event);
    }
}

fn pipeline(interest: &Interest) -> Vec<Document> {
    let pending = Status::Pending.as_str();
    let mut inserted = doc! { "operationType": "insert", "fullDocument.status": pending };
    if !interest.everything {
        let types: Vec<&String> = interest.types.iter().collect();
        inserted.insert("fullDocument.type", doc! { "$in": types });
    }
    let updated = |field: &str| format!("updateDescription.updatedFields.{field}");
    let wanted = doc! { "$or": [
        inserted,
        { "operationType": "update", updated(fields::STATUS): pending },
        { "operationType": "update", updated(fields::KEY_FREED): { "$exists": true } },
        { "operationType": { "$nin": ["insert", "update", "delete"] } },
    ] };
    // The driver needs `_id` and `operationType` to resume.
    let needed = doc! {
        "operationType": 1,
        "documentKey": 1,
        "fullDocument.type": 1,
        "fullDocument.runAt": 1,
    };
    vec![doc! { "$match": wanted }, doc! { "$project": needed }]
}

async fn wake_for_insert(change: Change, wakes: &WakeHub, store: &Store) {
    let Some(Inserted { job_type: Some(Bson::String(job_type)), run_at }) = change.full_document else {
        return;
    };
    let id = change.document_key.as_ref().and_then(|key| key.get_str(fields::ID).ok());
    if id.is_some_and(|id| wakes.known_jobs.contains(id)) {
        return;
    }
    match run_at {
        Some(Bson::DateTime(run_at)) => changed::wake_at(wakes, store, job_type, run_at).await,
        _ => wakes.wake(&Wake::Type(job_type), Audience::Everyone),
    }
}
