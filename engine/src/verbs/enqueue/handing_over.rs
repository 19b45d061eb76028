//! The end of a hand-off: jobs that are there and claimed here go to their handlers, and the slots of the others are
//! free again.

use mongodb::bson::{RawDocumentBuf, doc};

use super::{created::Created, draft::Draft, hand_off::HandedOff};
use crate::{
    base::error::Result,
    job::{
        document::{ClaimedJob, NewJob, text},
        fields,
        status::Status,
    },
    store::{
        collection::Store,
        write::{RefusalCause, Wait},
    },
};

/// Hands over the jobs that this process holds, and lets go of the slots of the others; in the places of the jobs.
pub(super) async fn resolve(
    store: &Store,
    jobs: &[&NewJob],
    draft: &mut Draft,
    created: &mut [Created],
    was_ambiguous: bool,
) -> Result<Vec<Option<HandedOff>>> {
    let mut handed_off: Vec<Option<HandedOff>> = std::iter::repeat_with(|| None).take(jobs.len()).collect();
    let held: Vec<usize> = (0..jobs.len()).filter(|index| draft.slots[*index].is_some()).collect();
    if held.is_empty() {
        return Ok(handed_off);
    }
    let found = if was_ambiguous { Some(still_ours(store, draft, &held).await?) } else { None };
    for index in held {
        if matches!(created[index], Created::Refused(_)) {
            // A rule of the collection may be about claimed jobs only.
            created[index] = insert_pending(store, jobs[index], draft, index).await?;
            if let Some(slot) = draft.slots[index].take() {
                slot.not_made();
            }
            continue;
        }
        let Some(slot) = draft.slots[index].take() else { continue };
        let job = match (&created[index], &found) {
            (Created::Job(_), None) => ClaimedJob::read(draft.documents[index].clone()).ok(),
            (Created::Job(id), Some(found)) => {
                let own = found.iter().find(|job| text(job, fields::ID) == Some(id));
                own.and_then(|job| ClaimedJob::read(job.clone()).ok())
            }
            _ => None,
        };
        match job {
            Some(job) => handed_off[index] = slot.made(job),
            None => slot.not_made(),
        }
    }
    Ok(handed_off)
}

/// After a reply was lost a lease may have ended, and the job may be another's.
async fn still_ours(store: &Store, draft: &Draft, held: &[usize]) -> Result<Vec<RawDocumentBuf>> {
    store.confirm().await?;
    let slots = || held.iter().filter_map(|index| draft.slots[*index].as_ref());
    let tokens: Vec<&str> = slots().map(|slot| slot.token()).collect();
    let ids: Vec<&str> = held.iter().map(|index| draft.ids[*index].as_str()).collect();
    let filter = doc! {
        fields::ID: { "$in": ids },
        fields::STATUS: Status::Active.as_str(),
        fields::CLAIM_TOKEN: { "$in": tokens },
    };
    store.find(filter, fields::of_a_run()).await
}

async fn insert_pending(store: &Store, job: &NewJob, draft: &mut Draft, index: usize) -> Result<Created> {
    draft.documents[index] = job.pending(&draft.ids[index], draft.at)?;
    let reply = store.insert([&draft.documents[index]], Wait::Long).await?;
    let id = draft.ids[index].clone();
    Ok(match reply.refusals.into_iter().next().map(|refusal| refusal.cause) {
        None | Some(RefusalCause::IdExists) => Created::Job(id),
        Some(RefusalCause::KeyHeld | RefusalCause::KeyKept) => Created::Duplicate(None),
        Some(RefusalCause::Other(error)) if error.is_transient() => return Err(error),
        Some(RefusalCause::Other(error)) => Created::Refused(error),
    })
}
