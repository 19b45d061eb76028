//! Renewing the leases of managed runs, on the engine's own threads, in one fenced write per tick.
//!
//! A run stays here from its claim until its settlement is written. It leaves earlier, as lost, when the server says
//! that the lease is another holder's, or when no renewal got through in time.

pub(crate) mod lease;
mod suspension;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use mongodb::bson::{Bson, RawDocumentBuf, doc};
use tokio::sync::Notify;

use self::lease::{HeldLease, LeaseKey, Leases, key};
use super::run_events::RunEvents;
use crate::{
    base::{
        error::{Error, Result},
        sync::lock,
    },
    connection::lanes::Lane,
    job::{
        cancellation::Cancellation, document::text, fields, id_key::IdKey, lease::LeaseLength, status::Status,
    },
    report::{event::Sink, unwritable::Unwritable},
    store::{
        collection::Store,
        write::{RefusalCause, Statement, Update, WriteRefusal},
    },
    verbs::renew::renewing,
};

/// After a failed renewal, so that the next one finds the new primary soon.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// The leases of one collection that this process holds.
pub(crate) struct Renewer {
    leases: Mutex<Leases>,
    /// Held while a renewal is on its way.
    on_the_way: tokio::sync::Mutex<()>,
    /// A lease was added that must be looked at before the next look.
    hurried: Notify,
    unwritable: Arc<Unwritable>,
    sink: Arc<dyn Sink>,
}

impl Renewer {
    pub(crate) fn new(unwritable: Arc<Unwritable>, sink: Arc<dyn Sink>) -> Self {
        Self {
            leases: Mutex::default(),
            on_the_way: tokio::sync::Mutex::default(),
            hurried: Notify::new(),
            unwritable,
            sink,
        }
    }

    pub(crate) fn add(&self, leases: impl IntoIterator<Item = HeldLease>) {
        let mut known = lock(&self.leases);
        let mut is_sooner = false;
        for lease in leases {
            is_sooner |= known.next_look.is_none_or(|planned| lease.next_renewal() < planned);
            known.held.insert(key(&lease.runs, lease.run_id), lease);
        }
        drop(known);
        if is_sooner {
            self.hurried.notify_one();
        }
    }

    pub(crate) fn remove(&self, runs: &Arc<dyn RunEvents>, run_ids: impl IntoIterator<Item = u32>) {
        let mut known = lock(&self.leases);
        for run_id in run_ids {
            known.held.remove(&key(runs, run_id));
        }
    }

    /// True if a lease is still believed in.
    pub(crate) fn holds(&self, runs: &Arc<dyn RunEvents>, run_id: u32) -> bool {
        lock(&self.leases).held.contains_key(&key(runs, run_id))
    }

    pub(crate) fn holds_any(&self) -> bool {
        !lock(&self.leases).held.is_empty()
    }

    /// True if one of these jobs is claimed here.
    pub(crate) fn holds_one_of(&self, ids: &[Bson]) -> bool {
        let ids: HashSet<IdKey<'_>> = ids.iter().map(IdKey::of).collect();
        lock(&self.leases).held.values().any(|lease| ids.contains(&IdKey::of(&lease.id)))
    }

    /// Tells the runs of these jobs that they are to be cancelled. It does so at each look, as one may not have been
    /// known to its driver yet. A mark on another claim is not theirs.
    pub(crate) fn cancelled(&self, marked: &[RawDocumentBuf]) {
        let marks: HashMap<_, _> = marked.iter().filter_map(|job| Some((IdKey::of_job(job)?, job))).collect();
        let mut told = Vec::new();
        if marks.is_empty() {
            return;
        }
        for lease in lock(&self.leases).held.values() {
            let Some(job) = marks.get(&IdKey::of(&lease.id)) else { continue };
            let Some(Cancellation { reason }) = Cancellation::of_job(job) else { continue };
            if text(job, fields::CLAIM_TOKEN) == Some(&lease.token) {
                told.push((lease.runs.clone(), lease.run_id, reason));
            }
        }
        for (runs, run_id, reason) in told {
            runs.cancel_requested(run_id, reason);
        }
    }

    /// Gives up those of these leases that are past their deadlines. After a pause of the whole process, a caller may
    /// ask sooner than the next look.
    pub(crate) fn give_up_overdue_among(&self, runs: &Arc<dyn RunEvents>, run_ids: &[u32]) {
        let now = Instant::now();
        let known = lock(&self.leases);
        let keys = run_ids.iter().map(|run_id| key(runs, *run_id));
        let is_overdue = |key: &LeaseKey| known.held.get(key).is_some_and(|lease| lease.is_overdue(now));
        let overdue: Vec<LeaseKey> = keys.filter(is_overdue).collect();
        drop(known);
        self.lose(&overdue);
    }

    /// Renews, until dropped. Runs once per hub.
    pub(crate) async fn run(&self, store: &Store) {
        let mut not_before = Instant::now();
        loop {
            self.give_up_overdue();
            let soonest = |lease: &HeldLease| lease.next_renewal().min(lease.deadline());
            let Some(next) = lock(&self.leases).plan(soonest, not_before) else {
                self.hurried.notified().await;
                continue;
            };
            if next > Instant::now() {
                tokio::select! {
                    () = tokio::time::sleep_until(next.into()) => {}
                    () = self.hurried.notified() => continue,
                }
            }
            not_before = Instant::now();
            if self.tick(store).await.is_err() {
                not_before = Instant::now() + RETRY_AFTER;
            }
        }
    }

    /// Renews the leases that are due. Gives up half-way to the next deadline, even that of a lease added meanwhile: a
    /// reply that never comes must leave time for another try.
    async fn tick(&self, store: &Store) -> Result<()> {
        let begun = Instant::now();
        let not_before = begun + RETRY_AFTER;
        let half_way = |lease: &HeldLease| begun + lease.deadline().saturating_duration_since(begun) / 2;
        let mut renewing = std::pin::pin!(self.renew_due(store));
        loop {
            let until = lock(&self.leases).plan(half_way, not_before).unwrap_or(not_before);
            tokio::select! {
                done = &mut renewing => return done,
                () = tokio::time::sleep_until(until.into()) => return Err(Error::timeout("a renewal")),
                () = self.hurried.notified() => {}
            }
        }
    }

    /// One write for every lease that is past half of its way to the next renewal: they then stay in step.
    async fn renew_due(&self, store: &Store) -> Result<()> {
        // Before the look at the leases that are due: a lease that is suspended waits for those that were not told in
        // time.
        let _on_the_way = self.on_the_way.lock().await;
        let sent = Instant::now();
        let mut is_refused = false;
        let due: Vec<Renewal> = lock(&self.leases)
            .held
            .iter()
            .filter(|(_, lease)| lease.suspended.is_none())
            .filter(|(_, lease)| sent + lease.terms.renew_every / 2 >= lease.next_renewal())
            .filter(|(_, lease)| {
                let is_responsive = lease.runs.is_responsive();
                is_refused |= !is_responsive;
                is_responsive
            })
            .map(|(key, lease)| Renewal::of(*key, lease))
            .collect();
        if due.is_empty() {
            if is_refused {
                // They stay due: look again when a deadline has come nearer, not at once.
                tokio::time::sleep(RETRY_AFTER).await;
            }
            return Ok(());
        }
        let Written { renewals, lost, failure } = write(store, &self.unwritable, due).await?;
        let mut known = lock(&self.leases);
        for renewal in &renewals {
            if let Some(lease) = known.held.get_mut(&renewal.key) {
                lease.sent = sent;
            }
        }
        drop(known);
        self.lose(&lost);
        failure.map_or(Ok(()), Err)
    }

    fn give_up_overdue(&self) {
        let now = Instant::now();
        let overdue: Vec<LeaseKey> = lock(&self.leases)
            .held
            .iter()
            .filter(|(_, lease)| lease.is_overdue(now))
            .map(|(key, _)| *key)
            .collect();
        self.lose(&overdue);
    }

    fn lose(&self, lost: &[LeaseKey]) {
        for key in lost {
            // Settled meanwhile, if it is not there any more.
            let lease = lock(&self.leases).held.remove(key);
            if let Some(lease) = lease {
                lease.runs.lease_lost(lease.run_id);
            }
        }
    }
}

struct Renewal {
    key: LeaseKey,
    id: Bson,
    token: String,
    length: LeaseLength,
}

impl Renewal {
    fn of(key: LeaseKey, lease: &HeldLease) -> Self {
        Self { key, id: lease.id.clone(), token: lease.token.clone(), length: lease.length() }
    }
}

/// The result of a write of renewals.
struct Written {
    /// Those that it told the truth about: renewed, or lost.
    renewals: Vec<Renewal>,
    lost: Vec<LeaseKey>,
    /// The failure that kept some from being renewed. They are due again, until their leases end.
    failure: Option<Error>,
}

async fn write(store: &Store, unwritable: &Unwritable, due: Vec<Renewal>) -> Result<Written> {
    let reply = store.update(Update::in_lane(Lane::Renewal, statements(&due))).await?;
    let (renewals, matched, failure) = match reply.unexpected() {
        None => (due, reply.matched, None),
        Some(error) if error.is_transient() => return Err(error.clone()),
        // The server ended the statement at the first job that it would not write: the others must not lose their leases.
        Some(_) => write_each(store, unwritable, due).await?,
    };
    let lost = if matched == renewals.len() as u64 { Vec::new() } else { not_ours(store, &renewals).await? };
    Ok(Written { renewals, lost, failure })
}

/// One statement for each. Returns those that were not refused, the number that matched, and the reason for the
/// others.
async fn write_each(
    store: &Store,
    unwritable: &Unwritable,
    due: Vec<Renewal>,
) -> Result<(Vec<Renewal>, u64, Option<Error>)> {
    let statement =
        |renewal: &Renewal| renewing(vec![renewal.id.clone()], vec![&renewal.token], renewal.length);
    let statements: Vec<_> = due.iter().map(statement).collect();
    let reply = store.update(Update::in_lane(Lane::Renewal, statements)).await?;
    let mut due: Vec<Option<Renewal>> = due.into_iter().map(Some).collect();
    let mut failure = None;
    for WriteRefusal { index, cause } in reply.refusals {
        let (RefusalCause::Other(error), Some(renewal)) = (cause, due[index].take()) else { continue };
        if error.is_transient() {
            return Err(error);
        }
        unwritable.refused(&renewal.id, "be renewed", &error);
        failure = Some(error);
    }
    Ok((due.into_iter().flatten().collect(), reply.matched, failure))
}

/// One statement per length of lease; in most processes that is one.
fn statements(due: &[Renewal]) -> Vec<Statement> {
    let mut by_length: HashMap<LeaseLength, Vec<&Renewal>> = HashMap::new();
    for renewal in due {
        by_length.entry(renewal.length).or_default().push(renewal);
    }
    by_length
        .into_iter()
        .map(|(length, renewals)| {
            let ids = renewals.iter().map(|renewal| renewal.id.clone()).collect();
            let mut tokens: Vec<&str> = renewals.iter().map(|renewal| renewal.token.as_str()).collect();
            tokens.sort_unstable();
            tokens.dedup();
            renewing(ids, tokens, length)
        })
        .collect()
}

async fn not_ours(store: &Store, due: &[Renewal]) -> Result<Vec<LeaseKey>> {
    let ids: Vec<&Bson> = due.iter().map(|renewal| &renewal.id).collect();
    let filter = doc! { fields::ID: { "$in": ids }, fields::STATUS: Status::Active.as_str() };
    let found = store.find_in(Lane::Renewal, filter, doc! { fields::CLAIM_TOKEN: 1 }).await?;
    let held: HashMap<_, _> =
        found.iter().filter_map(|job| Some((IdKey::of_job(job)?, text(job, fields::CLAIM_TOKEN)?))).collect();
    let is_held = |renewal: &&Renewal| held.get(&IdKey::of(&renewal.id)) == Some(&renewal.token.as_str());
    Ok(due.iter().filter(|renewal| !is_held(renewal)).map(|renewal| renewal.key).collect())
}
