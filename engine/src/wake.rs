//! Wake-ups: hints that something may be claimable, from enqueues here, from the change stream and from timers.
//!
//! A wake-up is never a promise. Whoever gets one looks for itself.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::known_jobs::KnownJobs;

/// What may have work now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wake {
    /// One type.
    Type(String),
    /// Any type.
    Any,
}

/// Who has heard of it, as far as anybody can know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// This process, first of all.
    Here,
    /// Every process, at about the same moment: all of their idle workers may come.
    Everyone,
}

/// Somebody who wants to know.
pub(crate) trait Listener: Send + Sync {
    /// Must return at once.
    fn wake(&self, wake: &Wake, audience: Audience);
}

/// Where the wake-ups of one collection come together.
#[derive(Default)]
pub(crate) struct WakeHub {
    pub(crate) known_jobs: KnownJobs,
    listeners: Mutex<Vec<Weak<dyn Listener>>>,
    timers: Mutex<HashMap<String, Instant>>,
    timers_changed: Notify,
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

    /// Wakes the type after a while. The sooner of several wins; whoever is woken looks for what comes next.
    pub(crate) fn wake_after(&self, job_type: &str, wait: Duration) {
        let at = Instant::now() + wait;
        let mut timers = lock(&self.timers);
        match timers.get(job_type) {
            Some(known) if *known <= at => return,
            _ => timers.insert(job_type.to_owned(), at),
        };
        drop(timers);
        self.timers_changed.notify_one();
    }

    /// Fires the timers, until dropped. Runs once per hub.
    pub(crate) async fn run_timers(&self) {
        loop {
            let soonest = lock(&self.timers).values().min().copied();
            match soonest {
                None => self.timers_changed.notified().await,
                Some(at) => tokio::select! {
                    () = tokio::time::sleep_until(at) => self.fire_due(),
                    () = self.timers_changed.notified() => {}
                },
            }
        }
    }

    fn fire_due(&self) {
        let now = Instant::now();
        let due: Vec<String> = {
            let mut timers = lock(&self.timers);
            let due =
                timers.iter().filter(|(_, at)| **at <= now).map(|(job_type, _)| job_type.clone()).collect();
            timers.retain(|_, at| *at > now);
            due
        };
        for job_type in due {
            // Whoever knows of the job has set a timer of its own.
            self.wake(&Wake::Type(job_type), Audience::Everyone);
        }
    }
}

/// A lock that a panic elsewhere doesn't take from everyone: what these guard is never left half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
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
