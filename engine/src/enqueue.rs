//! Creating jobs: group commit.
//!
//! A lone call is written at once. Calls that arrive while a write is on its way travel together in the next one, so
//! the number of round trips falls as the load grows and nobody waits for company.

use std::{collections::HashSet, sync::Arc, time::Duration};

use mongodb::bson::{RawDocumentBuf, doc};
use tokio::sync::{mpsc, oneshot};

use crate::{
    clock::ServerTime,
    dedupe,
    error::{Error, Result},
    fields,
    job::{NewJob, new_id, text},
    patience::Patience,
    store::{RefusalCause, Store, Wait},
    wake::{Audience, Wake, WakeHub},
};

/// Documents and bytes of one insert, at most. The server takes up to 16 MiB of command.
const MOST_JOBS: usize = 1_000;
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// Calls that wait for a write; more wait in their own callers.
const QUEUE_LENGTH: usize = 1_000;

/// What became of a job: its id, or none if its key is held.
pub type Enqueued = Result<Option<String>>;

/// Jobs of one caller, no more than one insert carries.
struct Request {
    jobs: Vec<NewJob>,
    reply: oneshot::Sender<Vec<Enqueued>>,
}

/// The one writer of new pending jobs of a collection.
pub(crate) struct Enqueuer {
    requests: mpsc::Sender<Request>,
}

impl Enqueuer {
    /// Starts the writer; it ends when the last handle goes.
    pub(crate) fn start(store: Arc<Store>, wakes: Arc<WakeHub>, patience: Duration) -> Self {
        let (requests, inbox) = mpsc::channel(QUEUE_LENGTH);
        tokio::spawn(run(inbox, store, wakes, patience));
        Self { requests }
    }

    /// What became of each job, in their order. They are written in this order too, so that of two with the same key the
    /// first one is created.
    pub(crate) async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>> {
        for job in &jobs {
            // Here, where it is nobody else's trouble: jobs travel in company.
            job.data()?;
        }
        let mut outcomes = Vec::with_capacity(jobs.len());
        let mut answers = Vec::new();
        for jobs in as_lots(jobs) {
            let (reply, answer) = oneshot::channel();
            self.requests.send(Request { jobs, reply }).await.map_err(|_| Error::shut_down())?;
            answers.push(answer);
        }
        for answer in answers {
            outcomes.extend(answer.await.map_err(|_| Error::shut_down())?);
        }
        Ok(outcomes)
    }

    /// The id of the new job, or none if its key is held.
    pub(crate) async fn enqueue_one(&self, job: NewJob) -> Enqueued {
        self.enqueue(vec![job]).await?.pop().unwrap_or_else(|| Err(Error::shut_down()))
    }
}

/// Splits jobs by what one insert carries.
fn as_lots(jobs: Vec<NewJob>) -> Vec<Vec<NewJob>> {
    let mut lots = Vec::new();
    let (mut lot, mut load) = (Vec::new(), Load::default());
    for job in jobs {
        let load_of_job = Load::of(std::slice::from_ref(&job));
        if !lot.is_empty() && !load.has_room_for(load_of_job) {
            lots.push(std::mem::take(&mut lot));
            load = Load::default();
        }
        load.add(load_of_job);
        lot.push(job);
    }
    if !lot.is_empty() {
        lots.push(lot);
    }
    lots
}

/// How much an insert carries.
#[derive(Debug, Clone, Copy, Default)]
struct Load {
    jobs: usize,
    bytes: usize,
}

impl Load {
    fn of(jobs: &[NewJob]) -> Self {
        Self { jobs: jobs.len(), bytes: jobs.iter().map(|job| job.payload.as_bytes().len()).sum() }
    }

    fn has_room_for(self, more: Self) -> bool {
        self.jobs + more.jobs <= MOST_JOBS && self.bytes + more.bytes <= MOST_BYTES
    }

    fn add(&mut self, more: Self) {
        self.jobs += more.jobs;
        self.bytes += more.bytes;
    }
}

async fn run(mut inbox: mpsc::Receiver<Request>, store: Arc<Store>, wakes: Arc<WakeHub>, patience: Duration) {
    let mut waiting = Vec::new();
    while inbox.recv_many(&mut waiting, MOST_JOBS).await > 0 {
        while !waiting.is_empty() {
            let batch = take_batch(&mut waiting);
            let mut patience = Patience::new(patience);
            match Draft::of(&store, &batch, &mut patience).await {
                Ok(draft) => write(&store, &wakes, batch, draft, patience).await,
                Err(error) => answer(batch, Err(error)),
            }
        }
    }
}

/// Writes a batch. If one of its keys turns out to be in a transaction of somebody's, nobody waits for it but its own caller.
async fn write(
    store: &Arc<Store>,
    wakes: &Arc<WakeHub>,
    batch: Vec<Request>,
    draft: Draft,
    mut patience: Patience,
) {
    let jobs: Vec<&NewJob> = batch.iter().flat_map(|request| &request.jobs).collect();
    let wait = if jobs.iter().any(|job| job.dedupe.is_some()) { Wait::Brief } else { Wait::Long };
    let outcome = create(store, &jobs, &draft, wait, &mut patience).await;
    match outcome {
        Err(error) if error.is_time_limit() && wait == Wait::Brief => {
            let mut rest = draft;
            for request in batch {
                let draft = rest.split_off_first(request.jobs.len());
                let (store, wakes) = (store.clone(), wakes.clone());
                let mut patience = patience.clone();
                tokio::spawn(async move {
                    let jobs: Vec<&NewJob> = request.jobs.iter().collect();
                    let outcome = create(&store, &jobs, &draft, Wait::Long, &mut patience).await;
                    announce(&wakes, &store, &jobs, &outcome, draft.at).await;
                    answer(vec![request], outcome);
                });
            }
        }
        outcome => {
            announce(wakes, store, &jobs, &outcome, draft.at).await;
            answer(batch, outcome);
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
    outcome: &Result<Vec<Created>>,
    drafted_at: ServerTime,
) {
    let Ok(created) = outcome else { return };
    wakes.known_jobs.add(created.iter().filter_map(Created::id));
    let mut due = HashSet::new();
    for (job, created_job) in jobs.iter().zip(created) {
        if created_job.id().is_none() {
            continue;
        }
        if job.delay_ms > 0 {
            let delay = Duration::from_millis(job.delay_ms.unsigned_abs());
            // The write has taken a part of it.
            let now = store.server_time().await;
            let wait = now.map_or(delay, |now| now.until(drafted_at.after(job.delay_ms)));
            wakes.wake_after(&job.job_type, wait);
        } else {
            due.insert(job.job_type.as_str());
        }
    }
    for job_type in due {
        wakes.wake(&Wake::Type(job_type.to_owned()), Audience::Here);
    }
}

fn answer(batch: Vec<Request>, outcome: Result<Vec<Created>>) {
    let mut outcome = outcome.map(Vec::into_iter);
    for Request { jobs, reply } in batch {
        let answers = match &mut outcome {
            Ok(created) => created.by_ref().take(jobs.len()).map(Created::into_answer).collect(),
            Err(error) => vec![Err(error.clone()); jobs.len()],
        };
        // A caller that has gone away has lost only the answer.
        _ = reply.send(answers);
    }
}

#[derive(Debug, Clone)]
enum Created {
    Job(String),
    KeyHeld,
    Refused(Error),
}

impl Created {
    fn into_answer(self) -> Enqueued {
        match self {
            Self::Job(id) => Ok(Some(id)),
            Self::KeyHeld => Ok(None),
            Self::Refused(error) => Err(error),
        }
    }

    fn id(&self) -> Option<&str> {
        match self {
            Self::Job(id) => Some(id),
            Self::KeyHeld | Self::Refused(_) => None,
        }
    }
}

/// Jobs that are to be written, under the same ids and with the same times in every try.
struct Draft {
    ids: Vec<String>,
    documents: Vec<RawDocumentBuf>,
    /// What delays count from.
    at: ServerTime,
}

impl Draft {
    async fn of(store: &Store, batch: &[Request], patience: &mut Patience) -> Result<Self> {
        let jobs = || batch.iter().flat_map(|request| &request.jobs);
        let ids: Vec<String> = jobs().map(|_| new_id()).collect();
        let at = loop {
            match store.server_time().await {
                Ok(at) => break at,
                Err(error) => patience.pause_after(error).await?,
            }
        };
        let documents = jobs().zip(&ids).map(|(job, id)| job.pending(id, at)).collect::<Result<_>>()?;
        Ok(Self { ids, documents, at })
    }

    /// The first so many of its jobs; the others stay.
    fn split_off_first(&mut self, count: usize) -> Self {
        let ids = self.ids.drain(..count).collect();
        let documents = self.documents.drain(..count).collect();
        Self { ids, documents, at: self.at }
    }
}

/// Inserts the jobs, and if the reply is lost finds out by their ids what happened.
async fn create(
    store: &Store,
    jobs: &[&NewJob],
    draft: &Draft,
    wait: Wait,
    patience: &mut Patience,
) -> Result<Vec<Created>> {
    loop {
        match try_create(store, jobs, draft, wait, patience.has_failed()).await {
            Ok(jobs) => return Ok(jobs),
            Err(error) if error.is_time_limit() && wait == Wait::Brief => {
                patience.note_failure();
                return Err(error);
            }
            Err(error) => patience.pause_after(error).await?,
        }
    }
}

async fn try_create(
    store: &Store,
    jobs: &[&NewJob],
    Draft { ids, documents, .. }: &Draft,
    wait: Wait,
    was_ambiguous: bool,
) -> Result<Vec<Created>> {
    let reply = store.insert(documents, wait).await?;
    let mut created: Vec<Created> = ids.iter().cloned().map(Created::Job).collect();
    for refusal in reply.refusals {
        created[refusal.index] = match refusal.cause {
            // Nobody else makes our ids: an earlier try, whose reply was lost, wrote it.
            RefusalCause::IdExists => Created::Job(ids[refusal.index].clone()),
            RefusalCause::KeyHeld => Created::KeyHeld,
            RefusalCause::Other(error) if error.is_transient() => return Err(error),
            RefusalCause::Other(error) => Created::Refused(error),
        };
    }
    if was_ambiguous {
        recognise_own(store, ids, &mut created).await?;
    }
    for ((job, id), created) in jobs.iter().zip(ids).zip(&mut created) {
        if job.coalesce_latest && matches!(created, Created::KeyHeld) {
            *created = match coalesce(store, job, id, wait).await {
                Err(error) if !error.is_transient() => Created::Refused(error),
                outcome => outcome?,
            };
        }
    }
    Ok(created)
}

/// A key may be held by the very job that an earlier try created.
async fn recognise_own(store: &Store, ids: &[String], created: &mut [Created]) -> Result<()> {
    let refused: Vec<&str> = ids
        .iter()
        .zip(created.iter())
        .filter(|(_, created)| matches!(created, Created::KeyHeld))
        .map(|(id, _)| id.as_str())
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    let found = store.find(doc! { fields::ID: { "$in": refused } }, doc! { fields::ID: 1 }).await?;
    for job in &found {
        let own = text(job, fields::ID).and_then(|found| ids.iter().position(|id| id == found));
        if let Some(index) = own {
            created[index] = Created::Job(ids[index].clone());
        }
    }
    Ok(())
}

/// Hands the data to the job that holds the key, or takes the key if it was let go of meanwhile. Under the one `id` in
/// every try, or a try whose reply was lost would not be recognised.
async fn coalesce(store: &Store, job: &NewJob, id: &str, wait: Wait) -> Result<Created> {
    let Some(dedupe) = &job.dedupe else {
        return Ok(Created::KeyHeld);
    };
    // Each round needs somebody else to take or free the key in between.
    for _ in 0..10 {
        if dedupe::replace_pending_data(store, job, &dedupe.key, wait).await? {
            return Ok(Created::KeyHeld);
        }
        let document = job.pending(id, store.server_time().await?)?;
        let reply = store.insert([&document], wait).await?;
        match reply.refusals.into_iter().next().map(|refusal| refusal.cause) {
            None | Some(RefusalCause::IdExists) => return Ok(Created::Job(id.to_owned())),
            Some(RefusalCause::KeyHeld) => {}
            Some(RefusalCause::Other(error)) => return Err(error),
        }
    }
    Ok(Created::KeyHeld)
}
