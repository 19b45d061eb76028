//! Ending claims: fenced, in batches, and sure of what happened when a reply was lost.

mod proofs;
mod read_back;

use std::{collections::HashMap, sync::Arc, time::Duration};

use mongodb::bson::{Bson, Document, RawDocument, doc};

pub(crate) use self::read_back::read_back;
use crate::{
    error::{Error, Result},
    fence, fields,
    id_key::IdKey,
    job::{Header, new_token, text},
    patience::Patience,
    retry,
    status::Status,
    store::{RefusalCause, Statement, Store, Wait},
    transition::{Transition, Verdict},
};

/// What became of a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The job is completed.
    Completed,
    /// The job will run again after this long.
    RetryScheduled(Duration),
    /// The job has failed for good.
    FailedTerminal,
    /// Its follower covers its work.
    Superseded,
    /// The job is pending again and the attempt given back.
    Released,
    /// It had ended before, so.
    AlreadyTerminal(Status),
    /// Somebody else holds the job, or nobody; it is not ours to settle.
    LeaseLost,
    /// There is no such job.
    NotFound,
}

/// A verdict on a claim.
#[derive(Debug, Clone)]
pub(crate) struct Settlement {
    pub(crate) header: Arc<Header>,
    pub(crate) verdict: Verdict,
    pub(crate) reason: Option<String>,
    /// Whether a job that is found settled under our token counts as settled by this call.
    pub(crate) is_only_settler: bool,
}

impl Settlement {
    /// Whether it may lead back to `pending`, under a key that has room for one pending job.
    pub(crate) fn may_wait_for_key(&self) -> bool {
        matches!(self.verdict, Verdict::Fail | Verdict::Release) && self.header.may_have_follower()
    }

    /// By the one who holds the claim.
    fn completion(header: Header) -> Self {
        Self { header: header.into(), verdict: Verdict::Complete, reason: None, is_only_settler: true }
    }
}

/// A longer reason is cut: it is for people, and shares its document with the payload.
const MOST_REASON_BYTES: usize = 8 * 1024;

/// A settlement, and what is to be written for it.
pub(crate) struct Planned {
    settlement: Settlement,
    /// What this settlement is known by in the document afterwards: the claim's token, or one made up for a caller who
    /// has none.
    proof: String,
    pub(crate) transition: Transition,
    retry_delay: Duration,
}

impl Planned {
    pub(crate) fn new(mut settlement: Settlement) -> Self {
        let Header { attempt, max_attempts, backoff, .. } = *settlement.header;
        let transition = Transition::of_verdict(settlement.verdict, attempt, max_attempts);
        let retry_delay = match transition {
            Transition::Retry => retry::delay(backoff, attempt, rand::random()),
            _ => Duration::ZERO,
        };
        if matches!(settlement.verdict, Verdict::Complete | Verdict::Release) {
            // Nothing has failed.
            settlement.reason = None;
        }
        let proof = settlement.header.token.clone().unwrap_or_else(new_token);
        Self { settlement, proof, transition, retry_delay }
    }

    pub(crate) fn outcome(&self) -> Settled {
        match self.transition {
            Transition::Complete => Settled::Completed,
            Transition::Retry => Settled::RetryScheduled(self.retry_delay),
            Transition::Fail => Settled::FailedTerminal,
            Transition::Release | Transition::Recover => Settled::Released,
            Transition::Supersede => Settled::Superseded,
        }
    }

    pub(crate) fn statement(&self) -> Statement {
        Statement::one(self.fence(), self.update())
    }

    fn fence(&self) -> Document {
        let Header { id, token, .. } = &*self.settlement.header;
        match token {
            Some(token) => fence::held(id, token),
            None => fence::not_ended(id, &self.proof),
        }
    }

    fn update(&self) -> Vec<Document> {
        let header = &self.settlement.header;
        let reason = self.settlement.reason.as_deref().map(clip);
        writing(self.transition, header, reason, self.retry_delay, Some(&self.proof))
    }
}

/// The update that carries a transition out. The one place where a job is written to leave `active`. Without a
/// `proof` nobody claims to have done it in the holder's name.
pub(crate) fn writing(
    transition: Transition,
    header: &Header,
    reason: Option<&str>,
    delay: Duration,
    proof: Option<&str>,
) -> Vec<Document> {
    let mut set = doc! { fields::STATUS: transition.target().as_str() };
    let mut unset = vec![fields::LEASE];
    if let Some(reason) = reason {
        set.insert(fields::FAIL_REASON, doc! { "$literal": reason });
    }
    match transition {
        Transition::Complete => _ = set.insert(fields::COMPLETED_AT, fields::NOW),
        Transition::Fail | Transition::Supersede => _ = set.insert(fields::FAILED_AT, fields::NOW),
        Transition::Retry => {
            let run_at = doc! { "$add": [fields::NOW, delay.as_millis() as i64] };
            set.insert(fields::RUN_AT, run_at);
        }
        Transition::Release => {
            let attempt = doc! { "$max": [0, { "$subtract": [fields::whole_number(fields::ATTEMPT), 1] }] };
            set.insert(fields::ATTEMPT, attempt);
        }
        Transition::Recover => {}
    }
    let is_terminal = transition.target().is_terminal();
    if !is_terminal {
        // An explicit null would do for us, but others tell a claimed job by the field.
        unset.extend([fields::CLAIM_TOKEN, fields::CLAIMED_AT]);
    } else if header.may_have_follower() {
        set.insert(fields::KEY_FREED, fields::NOW);
    }
    match proof {
        // The claim token stays, and is proof enough.
        Some(_) if is_terminal && header.token.is_some() => {}
        Some(proof) => _ = set.insert(fields::SETTLED_TOKENS, proofs::with(proof)),
        // A lease that was taken away must never look as if its holder had given it back.
        None => _ = set.insert(fields::SETTLED_TOKENS, proofs::without_holder()),
    }
    vec![doc! { "$set": set }, doc! { "$unset": unset }]
}

/// The filter and the update that complete a claim, for whoever else is to run them.
pub(crate) fn completing(header: Header) -> (Document, Vec<Document>) {
    let planned = Planned::new(Settlement::completion(header));
    (planned.fence(), planned.update())
}

/// Settles one claim.
pub(crate) async fn settle_one(store: &Store, settlement: Settlement, patience: Duration) -> Result<Settled> {
    let mut planned = [Planned::new(settlement)];
    let mut outcomes = carry_out(store, &mut planned, &mut Patience::new(patience), Wait::Long).await;
    outcomes.pop().flatten().unwrap_or(Ok(Settled::NotFound))
}

/// Writes what was planned; the outcomes, in order. Some are missing if a transaction of an app's has held the write up for
/// longer than the wait: then nobody knows what has been written of them.
pub(crate) async fn carry_out(
    store: &Store,
    planned: &mut [Planned],
    patience: &mut Patience,
    wait: Wait,
) -> Vec<Option<Result<Settled>>> {
    let mut outcomes: Vec<Option<Result<Settled>>> = planned.iter().map(|_| None).collect();
    loop {
        let open: Vec<usize> = (0..planned.len()).filter(|index| outcomes[*index].is_none()).collect();
        if open.is_empty() {
            return outcomes;
        }
        let tried = try_settle(store, planned, &open, &mut outcomes, patience.has_failed(), wait).await;
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

/// Which of the claims are still held, so that nothing has been written for them.
pub(crate) async fn unwritten(store: &Store, planned: &[Planned]) -> Result<Vec<bool>> {
    let headers = || planned.iter().map(|job| &*job.settlement.header);
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
    planned: &mut [Planned],
    open: &[usize],
    outcomes: &mut [Option<Result<Settled>>],
    was_ambiguous: bool,
    wait: Wait,
) -> Result<()> {
    let groups = group(planned, open);
    let statements = groups.iter().map(|group| group.statement(planned)).collect();
    let reply = store.update_within(statements, wait).await?;
    let mut refused = HashMap::new();
    for refusal in reply.refusals {
        for index in &groups[refusal.index].members {
            refused.insert(*index, refusal.cause.clone());
        }
    }
    for (index, cause) in &refused {
        match cause {
            RefusalCause::KeyHeld | RefusalCause::IdExists => {
                let transition = planned[*index].transition;
                planned[*index].transition = transition.behind_follower();
                if transition == planned[*index].transition {
                    // No index of ours: the same write would be refused for ever.
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
            outcomes[index] = Some(Ok(planned[index].outcome()));
        }
        return Ok(());
    }
    look_up(store, planned, &written, outcomes, was_ambiguous).await
}

/// Jobs that one statement settles: completions of one claim batch share token and update.
struct Group {
    members: Vec<usize>,
}

impl Group {
    fn statement(&self, planned: &[Planned]) -> Statement {
        let first = &planned[self.members[0]];
        let token = first.settlement.header.token.as_deref();
        match token {
            Some(token) if self.members.len() > 1 => {
                let ids =
                    self.members.iter().map(|index| planned[*index].settlement.header.id.clone()).collect();
                Statement::many(fence::all_held(ids, token), first.update())
            }
            _ => first.statement(),
        }
    }
}

fn group(planned: &[Planned], open: &[usize]) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut completions: HashMap<(&str, bool), usize> = HashMap::new();
    for index in open {
        let job = &planned[*index];
        let header = &job.settlement.header;
        let alike = match (job.transition, header.token.as_deref()) {
            (Transition::Complete, Some(token)) => Some((token, header.may_have_follower())),
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

/// Fewer jobs matched than were sent: finds out which, and why.
async fn look_up(
    store: &Store,
    planned: &[Planned],
    written: &[usize],
    outcomes: &mut [Option<Result<Settled>>],
    was_ambiguous: bool,
) -> Result<()> {
    let ids: Vec<&Bson> = written.iter().map(|index| &planned[*index].settlement.header.id).collect();
    let projection = doc! { fields::STATUS: 1, fields::CLAIM_TOKEN: 1, fields::SETTLED_TOKENS: 1 };
    let found = store.find(doc! { fields::ID: { "$in": ids } }, projection).await?;
    let found: HashMap<_, _> = found.iter().filter_map(|job| Some((IdKey::of_job(job)?, job))).collect();
    for index in written {
        let job = &planned[*index];
        let document = found.get(&IdKey::of(&job.settlement.header.id)).copied();
        let may_be_own = was_ambiguous || job.settlement.is_only_settler;
        outcomes[*index] = Some(Ok(judge(job, document.map(AsRef::as_ref), may_be_own)));
    }
    Ok(())
}

/// What happened to a job whose settlement may or may not have matched.
pub(crate) fn judge(job: &Planned, document: Option<&RawDocument>, may_be_own: bool) -> Settled {
    let Some(document) = document else {
        return Settled::NotFound;
    };
    let status = text(document, fields::STATUS).and_then(Status::parse);
    // What was given back may have run elsewhere since; whoever ended a job under our claim wrote what we would have.
    let is_own = proofs::include(document, &job.proof)
        || (text(document, fields::CLAIM_TOKEN) == Some(&job.proof)
            && job.transition.target().is_terminal()
            && status == Some(job.transition.target()));
    match status {
        _ if may_be_own && is_own => job.outcome(),
        Some(status) if status.is_terminal() => Settled::AlreadyTerminal(status),
        _ => Settled::LeaseLost,
    }
}

fn clip(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(MOST_REASON_BYTES)]
}

/// A settlement by a caller who knows only id and token: reads what deciding needs. None if there is no such job.
pub(crate) async fn header_of(store: &Store, id: &str, token: Option<&str>) -> Result<Option<Header>> {
    let found = store.find(doc! { fields::ID: id }, Header::projection()).await?;
    let Some(job) = found.first() else { return Ok(None) };
    let mut header = Header::read(job)?;
    // The caller's proof, not the document's: the fence compares the two.
    header.token = token.map(str::to_owned);
    Ok(Some(header))
}

#[cfg(test)]
mod tests;
