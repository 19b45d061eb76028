//! One batch of new jobs: written under the same ids in every try, and sure of what happened when a reply was lost.

use std::collections::HashMap;

use futures_util::stream::{self, StreamExt};
use mongodb::bson::{RawDocumentBuf, doc};

use super::request::{Enqueued, Request};
use crate::{
    base::{
        error::{Error, Result},
        patience::Patience,
    },
    job::{
        document::{NewJob, new_id, text},
        fields,
        server_time::ServerTime,
    },
    store::{
        collection::Store,
        holders,
        write::{RefusalCause, Wait},
    },
};

/// Keys whose holders are given new data at once.
const MOST_KEYS_AT_ONCE: usize = 16;

/// What became of one of them.
#[derive(Debug, Clone)]
pub(super) enum Created {
    Job(String),
    KeyHeld,
    Refused(Error),
}

impl Created {
    pub(super) fn into_answer(self) -> Enqueued {
        match self {
            Self::Job(id) => Ok(Some(id)),
            Self::KeyHeld => Ok(None),
            Self::Refused(error) => Err(error),
        }
    }

    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::Job(id) => Some(id),
            Self::KeyHeld | Self::Refused(_) => None,
        }
    }
}

/// Jobs that are to be written, under the same ids and with the same times in every try.
pub(super) struct Draft {
    ids: Vec<String>,
    documents: Vec<RawDocumentBuf>,
    /// What delays count from.
    pub(super) at: ServerTime,
}

impl Draft {
    pub(super) async fn of(store: &Store, batch: &[Request], patience: &mut Patience) -> Result<Self> {
        let jobs = || batch.iter().flat_map(|request| &request.jobs);
        let ids: Vec<String> = jobs().map(|_| new_id()).collect();
        let at = loop {
            let checked = store.check_write_concern().await;
            match checked.and(store.server_time().await) {
                Ok(at) => break at,
                Err(error) => patience.pause_after(error).await?,
            }
        };
        let documents = jobs().zip(&ids).map(|(job, id)| job.pending(id, at)).collect::<Result<_>>()?;
        Ok(Self { ids, documents, at })
    }

    /// Those of its jobs that are kept.
    pub(super) fn only(self, kept: &[bool]) -> Self {
        let jobs = self.ids.into_iter().zip(self.documents).zip(kept);
        let (ids, documents) = jobs.filter_map(|(job, is_kept)| is_kept.then_some(job)).unzip();
        Self { ids, documents, at: self.at }
    }

    /// The first so many of its jobs; the others stay.
    pub(super) fn split_off_first(&mut self, count: usize) -> Self {
        let ids = self.ids.drain(..count).collect();
        let documents = self.documents.drain(..count).collect();
        Self { ids, documents, at: self.at }
    }
}

/// Inserts the jobs, and if the reply is lost finds out by their ids what happened.
pub(super) async fn create(
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
    coalesce_all(store, jobs, ids, &mut created, wait).await?;
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

/// Hands the data of the jobs that found their key held to its holder. Of the calls of one key the newest data counts, and is all
/// that is written to a holder. The keys don't wait for each other, since everybody who enqueues waits for them.
async fn coalesce_all(
    store: &Store,
    jobs: &[&NewJob],
    ids: &[String],
    created: &mut [Created],
    wait: Wait,
) -> Result<()> {
    let mut calls_by_key: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for (index, job) in jobs.iter().enumerate() {
        if let (Some(dedupe), true, Created::KeyHeld) = (&job.dedupe, job.coalesce_latest, &created[index]) {
            calls_by_key.entry((&job.job_type, &dedupe.key)).or_default().push(index);
        }
    }
    let mut outcomes = stream::iter(calls_by_key.into_values())
        .map(|calls| async move {
            let outcome = coalesce_calls(store, jobs, ids, &calls, wait).await;
            (calls, outcome)
        })
        .buffer_unordered(MOST_KEYS_AT_ONCE);
    while let Some((calls, outcome)) = outcomes.next().await {
        for (index, outcome) in calls.into_iter().zip(outcome?) {
            created[index] = outcome;
        }
    }
    Ok(())
}

/// What becomes of the calls of one key, in their order.
async fn coalesce_calls(
    store: &Store,
    jobs: &[&NewJob],
    ids: &[String],
    calls: &[usize],
    wait: Wait,
) -> Result<Vec<Created>> {
    if let [_, .., newest] = calls
        && let Some(dedupe) = &jobs[*newest].dedupe
        // If it is refused, whose data it was, and which is the newest that the server takes, each call has to find out.
        && holders::replace_pending_data(store, jobs[*newest], &dedupe.key, wait).await.or_else(unless_transient)?
    {
        return Ok(vec![Created::KeyHeld; calls.len()]);
    }
    let mut outcomes = Vec::with_capacity(calls.len());
    for index in calls {
        outcomes.push(match coalesce(store, jobs[*index], &ids[*index], wait).await {
            Err(error) if !error.is_transient() => Created::Refused(error),
            outcome => outcome?,
        });
    }
    Ok(outcomes)
}

fn unless_transient(error: Error) -> Result<bool> {
    if error.is_transient() { Err(error) } else { Ok(false) }
}

/// Hands the data to the job that holds the key, or makes the job if the key was let go of meanwhile. Under the one `id` in
/// every try, or a try whose reply was lost would not be recognised.
async fn coalesce(store: &Store, job: &NewJob, id: &str, wait: Wait) -> Result<Created> {
    let Some(dedupe) = &job.dedupe else {
        return Ok(Created::KeyHeld);
    };
    // Each round needs somebody else to take or free the key in between.
    for _ in 0..10 {
        if holders::replace_pending_data(store, job, &dedupe.key, wait).await? {
            return Ok(Created::KeyHeld);
        }
        let document = job.pending(id, store.server_time().await?)?;
        let reply = store.insert([&document], wait).await?;
        match reply.refusals.into_iter().next().map(|refusal| refusal.cause) {
            None | Some(RefusalCause::IdExists) => return Ok(Created::Job(id.to_owned())),
            Some(RefusalCause::KeyHeld) => {}
            Some(RefusalCause::Other(error)) => return Err(error),
        }
        // Data means something only to its own type.
        let holders = holders::followers(store, vec![&dedupe.key]).await?;
        if holders.iter().any(|holder| text(holder, fields::TYPE) != Some(&job.job_type)) {
            break;
        }
    }
    Ok(Created::KeyHeld)
}
