//! One batch of new jobs: written under the same ids in every try, and sure of what happened when a reply was lost.

use std::collections::HashMap;

use mongodb::bson::{RawDocumentBuf, doc};

use super::{
    coalesce, refused,
    request::{Enqueued, NewJobFate, Request},
};
use crate::{
    base::{
        error::{Error, Result},
        patience::Patience,
    },
    job::{
        document::{NewJob, date, new_id, text},
        fields,
        server_time::ServerTime,
    },
    store::{
        collection::Store,
        write::{RefusalCause, Wait},
    },
};

/// What became of one of them.
#[derive(Debug, Clone)]
pub(super) enum Created {
    Job(String),
    /// Its key is held, or its id is taken; by whom is looked up for those who ask.
    Duplicate(Option<String>),
    /// A pending job holds its key, and has its data now.
    Coalesced(Option<String>),
    Refused(Error),
}

impl Created {
    pub(super) fn into_answer(self) -> Enqueued {
        match self {
            Self::Job(id) => Ok(NewJobFate::Created(id)),
            Self::Duplicate(holder) => Ok(NewJobFate::Duplicate(holder)),
            Self::Coalesced(holder) => Ok(NewJobFate::Coalesced(holder)),
            Self::Refused(error) => Err(error),
        }
    }

    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::Job(id) => Some(id),
            Self::Duplicate(_) | Self::Coalesced(_) | Self::Refused(_) => None,
        }
    }
}

/// Jobs that are to be written, under the same ids and with the same times in every try.
pub(super) struct Draft {
    pub(super) ids: Vec<String>,
    pub(super) documents: Vec<RawDocumentBuf>,
    /// What delays count from.
    pub(super) at: ServerTime,
}

impl Draft {
    pub(super) async fn of(store: &Store, batch: &[Request], patience: &mut Patience) -> Result<Self> {
        let jobs = || batch.iter().flat_map(|request| &request.jobs);
        let ids: Vec<String> = jobs().map(|job| job.id.clone().unwrap_or_else(new_id)).collect();
        let at = loop {
            let checked = store.check_write_concern().await;
            match checked.and(store.server_time().await) {
                Ok(at) => break at,
                Err(error) => patience.pause_after(error).await?,
            }
        };
        let mut same_id: HashMap<&str, i64> = HashMap::new();
        let mut documents = Vec::with_capacity(ids.len());
        for (job, id) in jobs().zip(&ids) {
            // Its time tells whose document it is where a reply is lost: so each of an id has one of its own.
            let earlier = job.id.as_deref().map_or(0, |id| {
                let earlier = same_id.entry(id).or_default();
                *earlier += 1;
                *earlier - 1
            });
            documents.push(job.pending(id, at.earlier(earlier))?);
        }
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
    draft: &Draft,
    wait: Wait,
    was_ambiguous: bool,
) -> Result<Vec<Created>> {
    let Draft { ids, documents, .. } = draft;
    let reply = store.insert(documents, wait).await?;
    let mut created: Vec<Created> = ids.iter().cloned().map(Created::Job).collect();
    let mut kept = Vec::new();
    for refusal in reply.refusals {
        let index = refusal.index;
        created[index] = match refusal.cause {
            // Nobody else makes our ids: an earlier try, whose reply was lost, wrote it.
            RefusalCause::IdExists if jobs[index].id.is_none() => Created::Job(ids[index].clone()),
            RefusalCause::IdExists => Created::Duplicate(Some(ids[index].clone())),
            RefusalCause::KeyHeld => Created::Duplicate(None),
            RefusalCause::KeyKept => {
                kept.push(index);
                Created::Duplicate(None)
            }
            RefusalCause::Other(error) if error.is_transient() => return Err(error),
            RefusalCause::Other(error) => Created::Refused(error),
        };
    }
    if was_ambiguous {
        recognise_own(store, draft, &mut created).await?;
    }
    for index in kept {
        if matches!(created[index], Created::Duplicate(_)) {
            created[index] = refused::insert_once_let_go(store, jobs[index], draft, index, wait).await?;
        }
    }
    coalesce::coalesce_all(store, jobs, ids, &mut created, wait).await?;
    refused::name_holders(store, jobs, &mut created).await?;
    Ok(created)
}

/// What is in its way may be the very job that an earlier try created. An id that its caller chose may be another's: then the
/// time of the document tells.
async fn recognise_own(
    store: &Store,
    Draft { ids, documents, .. }: &Draft,
    created: &mut [Created],
) -> Result<()> {
    let refused: Vec<&str> = ids
        .iter()
        .zip(created.iter())
        .filter(|(_, created)| matches!(created, Created::Duplicate(_)))
        .map(|(id, _)| id.as_str())
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    let projection = doc! { fields::ID: 1, fields::CREATED_AT: 1 };
    for job in store.find(doc! { fields::ID: { "$in": refused } }, projection).await? {
        let is_own = |index: &usize| {
            text(&job, fields::ID) == Some(&ids[*index])
                && date(&job, fields::CREATED_AT) == date(&documents[*index], fields::CREATED_AT)
        };
        if let Some(index) = (0..ids.len()).find(is_own) {
            created[index] = Created::Job(ids[index].clone());
        }
    }
    Ok(())
}
