//! The one writer of a collection's new jobs: its batches, and its patience.

use std::{
    collections::HashSet,
    iter::repeat_n,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    create::create,
    created::Created,
    draft::Draft,
    hand_off::HandedOff,
    request::{Inbox, Load, MOST_JOBS, Request},
};
use crate::{
    base::{
        error::{Error, Result},
        patience::{LONGEST_PAUSE, Patience},
    },
    job::{document::NewJob, server_time::ServerTime},
    report::{
        event::Sink,
        tasks::{self, Task},
    },
    store::{collection::Store, write::Wait},
    wake::hints::{Audience, Wake, WakeHub},
};

pub(super) struct Writer {
    store: Arc<Store>,
    wakes: Arc<WakeHub>,
    sink: Arc<dyn Sink>,
    /// Time that a call waits for a server that is away.
    patience: Duration,
    /// Moment of the server's last answer to a write.
    wrote: Instant,
    /// The failure that has kept it from that since.
    failure: Option<Error>,
}

impl Writer {
    pub(super) fn new(
        store: Arc<Store>,
        wakes: Arc<WakeHub>,
        sink: Arc<dyn Sink>,
        patience: Duration,
    ) -> Self {
        Self { store, wakes, sink, patience, wrote: Instant::now(), failure: None }
    }

    /// Writes, until the last caller is gone.
    pub(super) async fn run(mut self, Inbox { calls, waiting }: &mut Inbox) {
        while !waiting.is_empty() || calls.recv_many(waiting, MOST_JOBS).await > 0 {
            while !waiting.is_empty() {
                let mut batch = take_batch(waiting);
                if let Some(failure) = self.failure.clone() {
                    // These calls have waited for their turn as long as they would have for the server.
                    self.give_up(&mut batch, Instant::now(), failure);
                }
                if !batch.is_empty() {
                    self.write(batch).await;
                }
            }
        }
    }

    /// The moment at which a call has waited for long enough: since it was made, or since the server was there. So a
    /// long call has the same patience for a server that goes away in the middle as for one that was away before.
    fn deadline(&self, request: &Request) -> Instant {
        request.made.max(self.wrote) + self.patience
    }

    fn first_deadline(&self, batch: &[Request]) -> Instant {
        batch.iter().map(|request| self.deadline(request)).min().unwrap_or_else(Instant::now)
    }

    /// Takes the calls out of the batch whose deadline is this one or before, and fails them. Returns the
    /// jobs that remain.
    fn give_up(&mut self, batch: &mut Vec<Request>, deadline: Instant, failure: Error) -> Vec<bool> {
        let is_kept = |request: &Request| self.deadline(request) > deadline;
        let jobs = batch.iter().flat_map(|request| repeat_n(is_kept(request), request.jobs.len())).collect();
        let (kept, overdue) = std::mem::take(batch).into_iter().partition(is_kept);
        *batch = kept;
        answer(overdue, Err(failure.clone()));
        self.failure = Some(failure);
        jobs
    }

    /// Writes a batch, as often as it takes: a later call waits for longer.
    async fn write(&mut self, mut batch: Vec<Request>) {
        let (mut draft, mut patience) = (None, Patience::new(Duration::ZERO));
        while !batch.is_empty() {
            patience = patience.with_deadline(self.first_deadline(&batch));
            let known = match draft.take() {
                Some(draft) => Ok(draft),
                None => Draft::of(&self.store, &batch, &mut patience).await,
            };
            let failure = match known {
                Ok(known) => match self.write_drafted(batch, known, &mut patience).await {
                    Some((rest, known, failure)) => {
                        (batch, draft) = (rest, Some(known));
                        failure
                    }
                    None => return,
                },
                Err(failure) => failure,
            };
            if !failure.is_transient() {
                return answer(batch, Err(failure));
            }
            // By the rule of the patience: there would be no time for another pause.
            let kept = self.give_up(&mut batch, Instant::now() + LONGEST_PAUSE, failure);
            draft = draft.map(|draft| draft.only(&kept));
        }
    }

    /// Writes a batch, until the first of its calls runs out of patience: then it comes back, with the
    /// failure. If a transaction of the app has one of its keys, only the key's own caller waits for it.
    async fn write_drafted(
        &mut self,
        batch: Vec<Request>,
        mut draft: Draft,
        patience: &mut Patience,
    ) -> Option<(Vec<Request>, Draft, Error)> {
        let jobs: Vec<&NewJob> = batch.iter().flat_map(|request| &request.jobs).collect();
        let wait = if jobs.iter().any(|job| job.dedupe.is_some()) { Wait::Brief } else { Wait::Long };
        let outcome = create(&self.store, &jobs, &mut draft, wait, patience).await;
        match outcome {
            Err(error) if error.is_time_limit() && wait == Wait::Brief => {
                self.server_was_there();
                self.write_apart(batch, draft, patience);
            }
            Err(error) => return Some((batch, draft, error)),
            Ok(_) => {
                self.server_was_there();
                announce(&self.wakes, &self.store, &jobs, &outcome, draft.at).await;
                answer(batch, outcome);
            }
        }
        None
    }

    fn server_was_there(&mut self) {
        (self.wrote, self.failure) = (Instant::now(), None);
    }

    fn write_apart(&self, batch: Vec<Request>, mut draft: Draft, patience: &Patience) {
        for request in batch {
            let mut draft = draft.split_off_first(request.jobs.len());
            let (store, wakes) = (self.store.clone(), self.wakes.clone());
            let mut patience = patience.clone().with_deadline(self.deadline(&request));
            let write = async move {
                let jobs: Vec<&NewJob> = request.jobs.iter().collect();
                let outcome = create(&store, &jobs, &mut draft, Wait::HeldUp, &mut patience).await;
                announce(&wakes, &store, &jobs, &outcome, draft.at).await;
                answer(vec![request], outcome);
            };
            // With the request goes its reply, which tells the call.
            tasks::run(Task::NewJobsHeldUp, self.sink.clone(), write, || ());
        }
    }
}

/// As many as one command carries, and at least one: a job may be as large as a document gets.
fn take_batch(waiting: &mut Vec<Request>) -> Vec<Request> {
    let mut load = Load::default();
    let fits = waiting
        .iter()
        .take_while(|request| {
            let more = Load::of(&request.jobs);
            let fits = load.has_room_for(more);
            load.add(more);
            fits
        })
        .count();
    waiting.drain(..fits.max(1)).collect()
}

async fn announce(
    wakes: &WakeHub,
    store: &Store,
    jobs: &[&NewJob],
    outcome: &Result<Vec<(Created, Option<HandedOff>)>>,
    drafted_at: ServerTime,
) {
    let Ok(created) = outcome else { return };
    wakes.known_jobs.add(created.iter().filter_map(|(created, _)| created.id()));
    let mut due = HashSet::new();
    for (job, (created_job, handed_off)) in jobs.iter().zip(created) {
        // A job that is handed off has no worker to wake.
        if created_job.id().is_none() || handed_off.is_some() {
            continue;
        }
        if let Some(due_at) = job.due_at(drafted_at) {
            // The write has taken a part of the delay.
            let now = store.server_time().await.unwrap_or(drafted_at);
            wakes.wake_after(&job.job_type, now.until(due_at));
        } else {
            due.insert(job.job_type.as_str());
        }
    }
    for job_type in due {
        wakes.wake(&Wake::Type(job_type.to_owned()), Audience::Here);
    }
}

fn answer(batch: Vec<Request>, outcome: Result<Vec<(Created, Option<HandedOff>)>>) {
    let mut outcome = outcome.map(Vec::into_iter);
    for Request { jobs, reply, .. } in batch {
        let answers = match &mut outcome {
            Ok(created) => {
                let own = created.by_ref().take(jobs.len());
                own.map(|(created, handed_off)| (created.into_answer(), handed_off)).collect()
            }
            Err(error) => jobs.iter().map(|_| (Err(error.clone()), None)).collect(),
        };
        // A caller that has gone away has lost only the answer.
        _ = reply.send(answers);
    }
}
