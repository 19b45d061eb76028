//! Writing verdicts: many in one command, tried again while the server is away, and looked up if a reply was lost.

use std::{collections::HashMap, time::Duration};

use mongodb::bson::{Bson, RawDocument, RawDocumentBuf, doc};

use super::prepared::{PreparedVerdict, VerdictRequest, judge};
use crate::{
    base::{
        error::{Error, Result},
        patience::Patience,
    },
    job::{
        document::{Header, text},
        fence, fields,
        id_key::{IdKey, named},
        status::Status,
        transition::Transition,
        verdict::Settled,
    },
    store::{
        collection::Store,
        write::{RefusalCause, Statement, Update, Wait},
    },
};

/// Settles one claim.
pub(crate) async fn settle_one(
    store: &Store,
    request: VerdictRequest,
    patience: Duration,
) -> Result<Settled> {
    let mut prepared = [PreparedVerdict::new(request)];
    let mut outcomes = carry_out(store, &mut prepared, &mut Patience::new(patience), Wait::Long).await;
    outcomes.pop().flatten().unwrap_or(Ok(Settled::NotFound))
}

/// Writes the prepared verdicts; the outcomes, in order. Some are missing if a transaction of the app has held the
/// write up for longer than `wait`. Then it is unknown if they were written.
pub(crate) async fn carry_out(
    store: &Store,
    prepared: &mut [PreparedVerdict],
    patience: &mut Patience,
    wait: Wait,
) -> Vec<Option<Result<Settled>>> {
    let mut outcomes: Vec<Option<Result<Settled>>> = prepared.iter().map(|_| None).collect();
    loop {
        let open: Vec<usize> = (0..prepared.len()).filter(|index| outcomes[*index].is_none()).collect();
        if open.is_empty() {
            return outcomes;
        }
        let tried = try_settle(store, prepared, &open, &mut outcomes, patience.has_failed(), wait).await;
        let Err(error) = tried else { continue };
        if error.is_time_limit() && wait == Wait::Brief {
            patience.note_failure();
            return outcomes;
        }
        if let Err(error) = patience.pause_after(error).await {
            for index in open {
                outcomes[index].get_or_insert_with(|| Err(error.clone()));
            }
        }
    }
}

/// Tells for each claim if it is still held, so that nothing has been written for it.
pub(crate) async fn unwritten(store: &Store, prepared: &[PreparedVerdict]) -> Result<Vec<bool>> {
    let headers = || prepared.iter().map(|job| &*job.request.header);
    let ids: Vec<&Bson> = headers().map(|header| &header.id).collect();
    let filter = doc! { fields::ID: { "$in": ids }, fields::STATUS: Status::Active.as_str() };
    let found = store.find(filter, doc! { fields::CLAIM_TOKEN: 1 }).await?;
    let held: HashMap<_, _> =
        found.iter().filter_map(|job| Some((IdKey::of_job(job)?, text(job, fields::CLAIM_TOKEN)?))).collect();
    let is_held = |header: &Header| held.get(&IdKey::of(&header.id)).copied() == header.token.as_deref();
    Ok(headers().map(is_held).collect())
}

/// One round: writes all that is open. Jobs whose pending place turned out to be taken stay open, replanned.
async fn try_settle(
    store: &Store,
    prepared: &mut [PreparedVerdict],
    open: &[usize],
    outcomes: &mut [Option<Result<Settled>>],
    was_ambiguous: bool,
    wait: Wait,
) -> Result<()> {
    let groups = group(prepared, open);
    let statements: Vec<Statement> = groups.iter().map(|group| group.statement(prepared)).collect();
    let reply = store.update(Update { wait, ..statements.into() }).await?;
    let mut refused = HashMap::new();
    for refusal in reply.refusals {
        for index in &groups[refusal.index].members {
            refused.insert(*index, refusal.cause.clone());
        }
    }
    for (index, cause) in &refused {
        match cause {
            RefusalCause::KeyHeld | RefusalCause::KeyKept | RefusalCause::IdExists => {
                let transition = prepared[*index].transition;
                prepared[*index].transition = transition.behind_follower();
                if transition == prepared[*index].transition {
                    // No index of durabl's: the same write would be refused for ever.
                    outcomes[*index] = Some(Err(Error::foreign_index(transition.target().as_str())));
                }
            }
            RefusalCause::Other(error) if error.is_transient() => return Err(error.clone()),
            RefusalCause::Other(error) => outcomes[*index] = Some(Err(error.clone())),
        }
    }
    let written: Vec<usize> = open.iter().copied().filter(|index| !refused.contains_key(index)).collect();
    // A statement for several jobs that was refused may have matched some of them.
    let is_certain = groups.iter().all(|group| group.members.len() == 1) || refused.is_empty();
    if is_certain && reply.matched == written.len() as u64 {
        for index in written {
            outcomes[index] = Some(Ok(prepared[index].outcome()));
        }
        return Ok(());
    }
    look_up(store, prepared, &written, outcomes, was_ambiguous).await
}

/// Jobs that one statement settles: completions of one claim batch share token and update.
pub(super) struct Group {
    pub(super) members: Vec<usize>,
}

impl Group {
    pub(super) fn statement(&self, prepared: &[PreparedVerdict]) -> Statement {
        let first = &prepared[self.members[0]];
        let token = first.request.header.token.as_deref();
        match token {
            Some(token) if self.members.len() > 1 => {
                let ids =
                    self.members.iter().map(|index| prepared[*index].request.header.id.clone()).collect();
                Statement::many(first.fenced(fence::all_held(ids, token)), first.update())
            }
            _ => first.statement(),
        }
    }
}

pub(super) fn group(prepared: &[PreparedVerdict], open: &[usize]) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut completions: HashMap<(&str, bool, bool), usize> = HashMap::new();
    for index in open {
        let job = &prepared[*index];
        let header = &job.request.header;
        let alike = match (job.transition, header.token.as_deref()) {
            (Transition::Complete, Some(token)) if job.request.details.result.is_none() => {
                Some((token, header.may_have_follower(), job.request.details.is_by_hand))
            }
            _ => None,
        };
        match alike.and_then(|alike| completions.get(&alike)) {
            Some(place) => {
                let group: &mut Group = &mut groups[*place];
                group.members.push(*index);
            }
            None => {
                if let Some(alike) = alike {
                    completions.insert(alike, groups.len());
                }
                groups.push(Group { members: vec![*index] });
            }
        }
    }
    groups
}

/// Fewer jobs matched than were sent: finds the others, and the reasons. Jobs that are to be cancelled instead stay
/// open, replanned.
async fn look_up(
    store: &Store,
    prepared: &mut [PreparedVerdict],
    written: &[usize],
    outcomes: &mut [Option<Result<Settled>>],
    was_ambiguous: bool,
) -> Result<()> {
    let ids: Vec<&Bson> = written.iter().map(|index| &prepared[*index].request.header.id).collect();
    let projection = doc! {
        fields::STATUS: 1, fields::CLAIM_TOKEN: 1, fields::SETTLED_TOKENS: 1,
        fields::CANCEL_REQUESTED_AT: 1, fields::CANCEL_REASON: 1,
    };
    let found = store.find(doc! { fields::ID: { "$in": ids } }, projection).await?;
    let found: HashMap<_, _> = found.iter().filter_map(|job| Some((IdKey::of_job(job)?, job))).collect();
    for index in written {
        let job = &mut prepared[*index];
        let header = job.request.header.clone();
        let document: Option<&RawDocument> = found.get(&IdKey::of(&header.id)).map(AsRef::as_ref);
        if document.is_some_and(|document| job.cancelled_instead(document)) {
            continue;
        }
        let may_be_own = was_ambiguous || job.request.is_only_settler;
        outcomes[*index] = Some(Ok(judge(job, document, may_be_own)));
    }
    Ok(())
}

/// A request by a caller that knows only id and token: reads the fields that a decision needs. None if there is no
/// such job.
pub(crate) async fn header_of(store: &Store, id: &str, token: Option<&str>) -> Result<Option<Header>> {
    let found = store.find(doc! { fields::ID: named(id) }, Header::projection()).await?;
    let is_own = |job: &&RawDocumentBuf| token.is_some() && text(job, fields::CLAIM_TOKEN) == token;
    let Some(job) = found.iter().find(is_own).or(found.first()) else { return Ok(None) };
    let mut header = Header::read(job)?;
    // The caller's proof, not the document's: the fence compares the two.
    header.token = token.map(str::to_owned);
    Ok(Some(header))
}
