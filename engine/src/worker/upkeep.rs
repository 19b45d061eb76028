//! Acts of a process beside its jobs, by the side collection: it learns which types are paused, registers itself, and
//! writes down its counts.
//!
//! One task for each collection, however many processors there are. It reads and writes only while there is a processor, or
//! while claims are made by hand; nothing here is done for each job.

pub(crate) mod roster;

use std::{
    collections::{BTreeSet, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use mongodb::bson::{Bson, Document, doc};
use tokio::sync::Notify;

use self::roster::Roster;
use super::dispatch::slots::Slots;
use crate::{
    base::{
        error::{Error, Result},
        patience::Pauses,
        sync::lock,
    },
    report::{
        event::{Event, LogLevel, Sink},
        tally::Tallies,
    },
    store::side::Side,
    verbs::{
        history,
        pause::{self, PauseRequest},
        register,
    },
    wake::hints::{Audience, Wake, WakeHub},
};

/// Time between two looks at the paused types: less than the 5 s within which all processes know.
const LOOK_EVERY: Duration = Duration::from_millis(4_500);
/// Age at which a reading is renewed, before it no longer counts.
const FRESH_FOR: Duration = Duration::from_secs(10);
/// Time that the looks go on after the last claim by hand.
const WANTED_FOR: Duration = Duration::from_secs(60);

/// Time after which a process registers itself and writes its counts again.
const TELL_EVERY: Duration = Duration::from_secs(14);
/// The longest that the end of a process waits for its last writes.
const FAREWELL: Duration = Duration::from_secs(1);

/// The paused types, and the time of the reading.
#[derive(Debug, Default)]
struct View {
    paused: HashSet<String>,
    read_at: Option<Instant>,
}

impl View {
    fn is_fresh(&self) -> bool {
        self.read_at.is_some_and(|read_at| read_at.elapsed() < FRESH_FOR)
    }
}

/// A process, for people who look at the workers of a queue.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The machine's name.
    pub host: String,
    /// Versions, by the names of their parts.
    pub versions: Vec<(String, String)>,
}

impl About {
    fn versions(&self) -> Document {
        self.versions.iter().map(|(name, version)| (name.clone(), Bson::from(version.as_str()))).collect()
    }
}

/// The upkeep of one collection, by one process.
pub(crate) struct Upkeep {
    pub(crate) side: Arc<Side>,
    pub(crate) roster: Roster,
    pub(crate) tallies: Tallies,
    about: About,
    /// Others know of this process.
    is_registered: AtomicBool,
    wakes: Arc<WakeHub>,
    sinks: Arc<dyn Sink>,
    view: Mutex<View>,
    /// Held from a read or write of the pauses until it is known here, so that an older answer never replaces a newer one.
    in_turn: tokio::sync::Mutex<()>,
    /// A look has ended, well or not.
    looked: Notify,
    wanted: Notify,
    last_claim_by_hand: Mutex<Option<Instant>>,
    is_told: AtomicBool,
}

impl Upkeep {
    pub(crate) fn new(side: Arc<Side>, about: About, wakes: Arc<WakeHub>, sinks: Arc<dyn Sink>) -> Self {
        Self {
            side,
            roster: Roster::default(),
            tallies: Tallies::default(),
            about,
            is_registered: AtomicBool::new(false),
            wakes,
            sinks,
            view: Mutex::default(),
            in_turn: tokio::sync::Mutex::default(),
            looked: Notify::new(),
            wanted: Notify::new(),
            last_claim_by_hand: Mutex::default(),
            is_told: AtomicBool::new(false),
        }
    }

    /// The task. Ends when it is dropped.
    pub(crate) async fn run(&self) {
        let mut pauses = Pauses::default();
        let mut told: Option<(Instant, BTreeSet<String>)> = None;
        loop {
            while !self.is_wanted() {
                self.wanted.notified().await;
            }
            let pause = match self.look().await {
                Ok(()) => {
                    pauses.reset();
                    LOOK_EVERY.mul_f64(rand::random_range(0.9..=1.0))
                }
                Err(_) => pauses.next_pause(),
            };
            self.looked.notify_waiters();
            // A new type is registered at once: a type without a processor counts as abandoned.
            let names = self.roster.names();
            let is_told = |(at, of): &(Instant, BTreeSet<String>)| at.elapsed() < TELL_EVERY && *of == names;
            if !names.is_empty() && !told.as_ref().is_some_and(is_told) {
                told = Some((Instant::now(), names));
                self.tell().await;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.wanted.notified() => {}
            }
        }
    }

    fn is_wanted(&self) -> bool {
        let asked = *lock(&self.last_claim_by_hand);
        self.roster.has_processors() || asked.is_some_and(|asked| asked.elapsed() < WANTED_FOR)
    }

    /// Registers this process, and writes down its counts. Counts that can't be written are not counted again.
    async fn tell(&self) {
        self.is_registered.store(true, Ordering::Release);
        let about = doc! {
            "host": &self.about.host,
            "pid": std::process::id(),
            "versions": self.about.versions(),
            "types": self.roster.types(),
            "retention": self.roster.retention(),
        };
        let told = register::tell(&self.side, self.side.store().worker(), about).await;
        for outcome in [told, self.write_history().await] {
            if let Err(error) = outcome
                && !error.is_transient()
            {
                self.unusable(&error);
            }
        }
    }

    async fn write_history(&self) -> Result<()> {
        let counted = self.tallies.take();
        if counted.is_empty() {
            return Ok(());
        }
        history::add(&self.side, &counted, self.side.store().server_time().await?).await
    }

    /// The engine ends. With the last one that has processors the process is no worker any more.
    pub(crate) async fn leave(&self) {
        if self.roster.has_processors() {
            return;
        }
        let was_registered = self.is_registered.swap(false, Ordering::AcqRel);
        let unregister = async {
            if was_registered {
                _ = register::leave(&self.side, self.side.store().worker()).await;
            }
        };
        let farewell = async { tokio::join!(self.write_history(), unregister) };
        // Others find out by themselves, a little later.
        _ = tokio::time::timeout(FAREWELL, farewell).await;
    }

    /// Reads which types are paused. If they can't be read at all, every type counts as running.
    async fn look(&self) -> Result<()> {
        let _turn = self.in_turn.lock().await;
        let paused = match pause::paused_types(&self.side).await {
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => {
                self.unusable(&error);
                HashSet::new()
            }
            Ok(paused) => paused,
        };
        self.learn(&paused);
        lock(&self.view).read_at = Some(Instant::now());
        Ok(())
    }

    /// Makes the collection's indexes. If that fails, the queue goes on without.
    pub(crate) async fn start(&self) -> Result<()> {
        match self.side.ensure().await {
            Err(error) if error.is_transient() => Err(error),
            Err(error) => {
                self.unusable(&error);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Says once that the side collection can't be used.
    pub(crate) fn unusable(&self, error: &Error) {
        if self.is_told.swap(true, Ordering::AcqRel) {
            return;
        }
        let message = format!(
            "the side collection \"{}\" can't be used: all types count as running, and no schedule fires: {error}",
            self.side.name()
        );
        self.sinks.event(Event::Log { level: LogLevel::Warn, message, fields: Vec::new() });
    }

    fn learn(&self, paused: &HashSet<String>) {
        let before = std::mem::replace(&mut lock(&self.view).paused, paused.clone());
        for job_type in paused.difference(&before) {
            self.roster.pause(job_type, true);
            self.sinks.event(Event::Paused(job_type.clone()));
        }
        for job_type in before.difference(paused) {
            self.roster.pause(job_type, false);
            self.wakes.wake(&Wake::Type(job_type.clone()), Audience::Here);
        }
    }

    /// A processor has begun: waits until it is known if its type is paused, which its slots know from then on.
    pub(crate) async fn enter(&self, slots: &Arc<Slots>) {
        _ = slots.tally.set(self.tallies.of(&slots.config.job_type));
        self.roster.add(slots);
        loop {
            let looked = self.looked.notified();
            {
                let view = lock(&self.view);
                if view.is_fresh() || slots.is_stopped() {
                    // For its registration.
                    self.wanted.notify_one();
                    slots.pause(view.paused.contains(&slots.config.job_type));
                    return;
                }
            }
            self.wanted.notify_one();
            tokio::select! {
                () = looked => {}
                () = slots.changed.notified() => {}
            }
        }
    }

    /// True if claims by hand get nothing of this type. Goes by the last reading; if that is old, by a new one, or by
    /// the old one if that fails.
    pub(crate) async fn is_paused(&self, job_type: &str) -> bool {
        *lock(&self.last_claim_by_hand) = Some(Instant::now());
        let looked = self.looked.notified();
        if !lock(&self.view).is_fresh() {
            self.wanted.notify_one();
            looked.await;
        }
        lock(&self.view).paused.contains(job_type)
    }

    /// Pauses a type, here at once. True if it was running.
    pub(crate) async fn pause(&self, request: PauseRequest<'_>, patience: Duration) -> Result<bool> {
        let _turn = self.in_turn.lock().await;
        let job_type = request.job_type.to_owned();
        let has_changed = pause::pause(&self.side, request, patience).await?;
        let mut paused = lock(&self.view).paused.clone();
        paused.insert(job_type);
        self.learn(&paused);
        Ok(has_changed)
    }

    /// Resumes a type, here at once. True if it was paused.
    pub(crate) async fn resume(&self, request: PauseRequest<'_>, patience: Duration) -> Result<bool> {
        let _turn = self.in_turn.lock().await;
        let job_type = request.job_type.to_owned();
        let has_changed = pause::resume(&self.side, request, patience).await?;
        let mut paused = lock(&self.view).paused.clone();
        paused.remove(&job_type);
        self.learn(&paused);
        Ok(has_changed)
    }

    /// Empties the side collection, as all jobs are removed. A collection that can't be used has nothing of durabl's.
    pub(crate) async fn reset(&self) -> Result<()> {
        let _turn = self.in_turn.lock().await;
        match self.side.remove(doc! {}).await {
            Err(error) if error.is_transient() => return Err(error),
            Err(_) | Ok(_) => {}
        }
        self.learn(&HashSet::new());
        Ok(())
    }
}
