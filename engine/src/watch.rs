//! Push: wake-ups from a change stream, one per client and collection.
//!
//! ```text
//!          startup                 opened                       lost
//!   off ───────────▶ connecting ───────────▶ streaming ───────────────────▶ reconnecting
//!                                              ▲   │ more types, other primary │
//!                                              │   └───▶ reopened by token     │
//!                                              └───────────────────────────────┘
//!                                                 reopened, then all types woken
//! ```
//! With fewer types it is opened anew, without a token and without being lost in between, and all types are woken.
//!
//! The driver resumes by token what can be resumed. Whatever else happens to the stream (token expired, collection
//! dropped, the server silent) ends in a new one and one wake-up for every type: what was missed is then looked for, so
//! a stream never has to be complete. Inserts carry their document, so type and time come along. Updates don't, and to
//! have the server look each one up would cost a read per change of any kind; the few that make a job claimable are
//! looked up here, together.

mod changed;
mod follower;
mod wanted;

use std::{
    collections::{BTreeMap, BTreeSet},
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

impl Interest {
    fn is_empty(&self) -> bool {
        self.types.is_empty() && !self.everything
    }

    /// Whether all of the other one is in it.
    fn covers(&self, other: &Self) -> bool {
        self.everything || (!other.everything && self.types.is_superset(&other.types))
    }
}

/// The stream of one collection.
#[derive(Default)]
pub(crate) struct Watch {
    interest: Mutex<Interest>,
    /// Processors, by their types.
    wanting_types: Mutex<BTreeMap<String, usize>>,
    /// Engines that want it all.
    wanting_everything: Mutex<usize>,
    interest_changed: Notify,
    state: Mutex<StreamState>,
    sinks: Mutex<Vec<Weak<dyn Sink>>>,
}

impl Watch {
    /// This type's wake-ups are wanted, for as long as the guard lives.
    #[must_use]
    pub(crate) fn want_type(self: &Arc<Self>, job_type: &str) -> WantedType {
        self.count_wanting_type(job_type, 1);
        WantedType { watch: self.clone(), job_type: job_type.to_owned() }
    }

    fn count_wanting_type(&self, job_type: &str, change: isize) {
        let mut wanting = lock(&self.wanting_types);
        let count = wanting.get(job_type).copied().unwrap_or(0).saturating_add_signed(change);
        let is_news = if count > 0 {
            wanting.insert(job_type.to_owned(), count);
            lock(&self.interest).types.insert(job_type.to_owned())
        } else {
            wanting.remove(job_type);
            lock(&self.interest).types.remove(job_type)
        };
        if is_news {
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

    /// Turns changes into wake-ups, until dropped. Begun anew without a first stream, it opens one.
    pub(crate) async fn run(
        self: Arc<Self>,
        store: Arc<Store>,
        wakes: Arc<WakeHub>,
        first: Option<OpenStream>,
    ) {
        Follower::run(self, store, wakes, first).await;
    }
}

/// Somebody's wish for the wake-ups of a type.
pub(crate) struct WantedType {
    watch: Arc<Watch>,
    job_type: String,
}

impl Drop for WantedType {
    fn drop(&mut self) {
        self.watch.count_wanting_type(&self.job_type, -1);
    }
}

/// Every engine on the collection.
pub(crate) struct Everyone(pub(crate) Arc<Watch>);

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
        let watch = Arc::new(Watch::default());
        let _a = watch.want_type("a");
        watch.want_everything();
        let known = lock(&watch.interest).clone();
        let _a_again = watch.want_type("a");
        watch.want_everything();
        watch.no_longer_want_everything();
        assert_eq!(*lock(&watch.interest), known);
        watch.no_longer_want_everything();
        assert!(!lock(&watch.interest).everything);
    }

    #[test]
    fn an_interest_covers_what_it_has_more_of() {
        let interest = |types: &[&str], everything| Interest {
            types: types.iter().map(|&job_type| job_type.to_owned()).collect(),
            everything,
        };
        let covers = |one: (&[&str], bool), other: (&[&str], bool)| {
            interest(one.0, one.1).covers(&interest(other.0, other.1))
        };
        assert!(covers((&["a", "b"], false), (&["a"], false)));
        assert!(covers((&[], true), (&["a"], false)));
        assert!(covers((&["b"], true), (&["a"], true)));
        assert!(!covers((&["b"], false), (&["a", "b"], false)));
        assert!(!covers((&["b", "c"], false), (&["a", "b"], false)));
        assert!(!covers((&["a", "b"], false), (&["a"], true)));
        assert!(!covers((&[], false), (&["a"], false)));
    }

    #[tokio::test]
    async fn a_type_that_nobody_processes_any_more_is_asked_for_no_more() {
        let watch = Arc::new(Watch::default());
        let types = || lock(&watch.interest).types.iter().cloned().collect::<Vec<_>>();
        let (one, other, b) = (watch.want_type("a"), watch.want_type("a"), watch.want_type("b"));
        drop(one);
        assert_eq!(types(), ["a", "b"]);
        watch.interest_changed.notified().await;
        drop(other);
        assert_eq!(types(), ["b"]);
        watch.interest_changed.notified().await;
        drop(b);
        assert!(types().is_empty());
    }
}
