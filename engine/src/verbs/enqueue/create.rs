//! One batch of new jobs: written under the same ids in every try, and looked up by them when a reply was lost.

use mongodb::bson::doc;

use super::{coalesce, created::Created, draft::Draft, hand_off::HandedOff, handing_over, refused};
use crate::{
    base::{error::Result, patience::Patience},
    job::{
        document::{NewJob, date, text},
        fields,
    },
    store::{
        collection::Store,
        write::{RefusalCause, Wait},
    },
};

/// Inserts the jobs, and looks them up by their ids if the reply is lost. Returns the fate of each, with the job
/// itself if it is to be started here.
pub(super) async fn create(
    store: &Store,
    jobs: &[&NewJob],
    draft: &mut Draft,
    wait: Wait,
    patience: &mut Patience,
) -> Result<Vec<(Created, Option<HandedOff>)>> {
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
    draft: &mut Draft,
    wait: Wait,
    was_ambiguous: bool,
) -> Result<Vec<(Created, Option<HandedOff>)>> {
    let Draft { ids, documents, .. } = &*draft;
    let reply = store.insert(documents, wait).await?;
    let mut created: Vec<Created> = ids.iter().cloned().map(Created::Job).collect();
    let mut kept = Vec::new();
    for refusal in reply.refusals {
        let index = refusal.index;
        created[index] = match refusal.cause {
            // No other writer makes these ids: an earlier try, whose reply was lost, wrote it.
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
    let handed_off = handing_over::resolve(store, jobs, draft, &mut created, was_ambiguous).await?;
    Ok(created.into_iter().zip(handed_off).collect())
}

/// The job in its way may be the very one that an earlier try created. An id that its caller chose may be
/// another's: then the time of the document tells.
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
