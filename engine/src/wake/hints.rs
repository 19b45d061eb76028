//! Wake-ups: hints that something may be claimable, from enqueues here, from the change stream and from timers.
//!
//! A wake-up is never a promise. Each receiver looks for itself.

use std::{
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{
    cancellations::CancelHints,
    known_jobs::KnownJobs,
    timers::{MOST_TIMERS, Purpose, Timers},
};
use crate::base::sync::lock;

/// The types that may have work now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wake {
    /// One type.
    Type(String),
    /// Any type.
    Any,
}

/// The processes that have heard of it, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// This process, first of all.
    Here,
    /// Every process, at about the same moment: all of their idle workers may come.
    Everyone,
}

/// A receiver of wake-ups.
pub(crate) trait Listener: Send + Sync {
    /// Must return at once.
    fn wake(&self, wake: &Wake, audience: Audience);
}

/// The meeting point of the wake-ups of one collection.
#[derive(Default)]
pub(crate) struct WakeHub {
    pub(crate) known_jobs: KnownJobs,
    pub(crate) cancellations: CancelHints,
    listeners: Mutex<Vec<Weak<dyn Listener>>>,
    timers: Timers,
    /// Receivers that look for nothing when they are woken.
    subscribers: AtomicUsize,
}

impl WakeHub {
    /// The listener hears wake-ups for as long as it lives.
    pub(crate) fn add(&self, listener: &Arc<impl Listener + 'static>) {
        let listener: Arc<dyn Listener> = listener.clone();
        lock(&self.listeners).push(Arc::downgrade(&listener));
    }

    pub(crate) fn wake(&self, wake: &Wake, audience: Audience) {
        let mut listeners = Vec::new();
        lock(&self.listeners).retain(|listener| {
            listener.upgrade().is_some_and(|alive| {
                listeners.push(alive);
                true
            })
        });
        for listener in listeners {
            listener.wake(wake, audience);
        }
    }

    /// One more wants to be woken for every job, and looks for no other.
    pub(crate) fn subscribed(&self) {
        self.subscribers.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn unsubscribed(&self) {
        self.subscribers.fetch_sub(1, Ordering::AcqRel);
    }

    /// Wakes the type after a while. The soonest of several wins: a dispatcher that is woken looks for the next job.
    /// Only if there are subscribers, the others count too.
    pub(crate) fn wake_after(&self, job_type: &str, wait: Duration) {
        let most = if self.subscribers.load(Ordering::Acquire) > 0 { MOST_TIMERS } else { 1 };
        self.timers.set(Purpose::Due(job_type.to_owned()), wait, most);
    }

    /// Fires the timers, until dropped. Runs once per hub.
    pub(crate) async fn run_timers(&self) {
        loop {
            for purpose in self.timers.run_out().await {
                match purpose {
                    // Every process that knows of the job has set a timer of its own.
                    Purpose::Due(job_type) => self.wake(&Wake::Type(job_type), Audience::Everyone),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{sync::Notify, time::Instant};

    use super::*;

    #[derive(Default)]
    struct Heard {
        wakes: Mutex<Vec<Wake>>,
        one: Notify,
    }

    impl Listener for Heard {
        fn wake(&self, wake: &Wake, _: Audience) {
            lock(&self.wakes).push(wake.clone());
            self.one.notify_one();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_sooner_of_two_timers_wins_and_fires_once() {
        let hub = Arc::new(WakeHub::default());
        let heard = Arc::new(Heard::default());
        hub.add(&heard);
        let timers = tokio::spawn({
            let hub = hub.clone();
            async move { hub.run_timers().await }
        });
        let start = Instant::now();
        hub.wake_after("a", Duration::from_secs(60));
        hub.wake_after("a", Duration::from_secs(2));
        hub.wake_after("a", Duration::from_secs(30));
        heard.one.notified().await;
        assert_eq!(start.elapsed().as_secs(), 2);
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert_eq!(*lock(&heard.wakes), [Wake::Type("a".into())]);
        timers.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_sooner_timer_is_heard_of_while_a_later_one_is_waited_for() {
        let hub = Arc::new(WakeHub::default());
        let heard = Arc::new(Heard::default());
        hub.add(&heard);
        let timers = tokio::spawn({
            let hub = hub.clone();
            async move { hub.run_timers().await }
        });
        let start = Instant::now();
        hub.wake_after("a", Duration::from_secs(60));
        tokio::time::sleep(Duration::from_secs(1)).await;
        hub.wake_after("a", Duration::from_secs(2));
        heard.one.notified().await;
        assert_eq!(start.elapsed().as_secs(), 3);
        timers.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_listener_that_looks_for_nothing_is_woken_for_each_of_several_jobs() {
        let hub = Arc::new(WakeHub::default());
        let heard = Arc::new(Heard::default());
        hub.add(&heard);
        hub.subscribed();
        let timers = tokio::spawn({
            let hub = hub.clone();
            async move { hub.run_timers().await }
        });
        let start = Instant::now();
        for seconds in [60, 2, 30, 2] {
            hub.wake_after("a", Duration::from_secs(seconds));
        }
        for seconds in [2, 30, 60] {
            heard.one.notified().await;
            assert_eq!(start.elapsed().as_secs(), seconds);
        }
        for second in 0..MOST_TIMERS as u64 + 10 {
            hub.wake_after("a", Duration::from_secs(second));
        }
        assert_eq!(hub.timers.count(&Purpose::Due("a".into())), MOST_TIMERS);
        hub.unsubscribed();
        hub.wake_after("a", Duration::from_millis(7_500));
        assert_eq!(hub.timers.count(&Purpose::Due("a".into())), 1);
        timers.abort();
    }

    #[test]
    fn a_listener_that_is_gone_is_forgotten() {
        let hub = WakeHub::default();
        let heard = Arc::new(Heard::default());
        hub.add(&heard);
        drop(heard);
        hub.wake(&Wake::Any, Audience::Here);
        assert!(lock(&hub.listeners).is_empty());
    }
}
