//! The wishes of processes for the stream, its state, and the engines that hear of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, Weak},
};

use tokio::sync::Notify;

use super::interest::Interest;
use crate::{
    base::sync::lock,
    report::event::{Event, Sink, StreamState},
};

/// The stream of one collection.
#[derive(Default)]
pub(crate) struct Watch {
    pub(super) interest: Mutex<Interest>,
    /// Processors, by their types.
    wanting_types: Mutex<BTreeMap<String, usize>>,
    /// Engines that want it all.
    wanting_everything: Mutex<usize>,
    pub(super) interest_changed: Notify,
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

    /// One engine less wants every type's wake-ups.
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

    /// The sink gets changes of state for as long as it lives.
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

    pub(super) fn set_state(&self, state: StreamState) {
        if std::mem::replace(&mut *lock(&self.state), state) != state {
            self.tell(&Event::Stream(state));
        }
    }

    pub(super) fn tell(&self, event: &Event) {
        let sinks: Vec<_> = lock(&self.sinks).iter().filter_map(Weak::upgrade).collect();
        for sink in sinks {
            sink.event(event.clone());
        }
    }
}

/// A processor's wish for the wake-ups of a type.
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
pub(crate) struct AllSinks(pub(crate) Arc<Watch>);

impl Sink for AllSinks {
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
    async fn a_type_without_a_processor_is_no_longer_asked_for() {
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
