//! Push: wake-ups from a change stream, one per client and collection.
//!
//! ```text
//!          startup                 opened                       lost
//!   off ───────────▶ connecting ───────────▶ streaming ───────────────────▶ reconnecting
//!                                              ▲   │ other types or primary    │
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
mod follower;
mod wanted;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, Weak},
};

use tokio::sync::Notify;

use self::follower::{Follower, OpenStream};
use crate::{
    error::Result,
    event::{Event, Sink, StreamState},
    store::Store,
    wake::{WakeHub, lock},
};

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
        let opened = OpenStream::open(self, store, None).await;
        self.set_state(if opened.is_ok() { StreamState::Streaming } else { StreamState::Off });
        opened
    }

    /// Turns changes into wake-ups, until dropped.
    pub(crate) async fn run(self: Arc<Self>, store: Arc<Store>, wakes: Arc<WakeHub>, first: OpenStream) {
        Follower::run(self, store, wakes, first).await;
    }
}

/// Every engine on the stream.
struct Everyone(Arc<Watch>);

impl Sink for Everyone {
    fn event(&self, event: Event) {
        self.0.tell(&event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_news_once() {
        let watch = Watch::default();
        watch.add_type("a");
        watch.want_everything();
        let known = lock(&watch.interest).clone();
        watch.add_type("a");
        watch.want_everything();
        watch.no_longer_want_everything();
        assert_eq!(*lock(&watch.interest), known);
        watch.no_longer_want_everything();
        assert!(!lock(&watch.interest).everything);
    }
}
