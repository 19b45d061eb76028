//! Claims of many jobs. First come candidates in claim order, then a multi-update that gives them a token
//! shared by the batch. Last comes (in [`taken`](super::taken)) a look at the jobs really taken. The next
//! batch need not wait for that look.
//!
//! Jobs of scope `pending` can meet a held key when they become active, and a multi-update stops at the first
//! such refusal. So they go as statements of their own beside it, one per key: a held key costs its own job
//! and no other. The next look leaves out the jobs that turned out to be blocked, so a claim gets past any
//! number of them.

use std::{collections::HashSet, time::Duration};

use mongodb::bson::{Bson, Document, RawBsonRef, RawDocument, doc};

use super::{
    contention::Contention,
    due::{claim_order, due, due_at, pending_and_due},
    gate::Gate,
    room::{Attempts, Cut, Load, Room, cut},
    taken::{Taken, TakenJobs, read_back},
    taking::{LeaseKind, taking},
};
use crate::{
    base::error::{Error, Result},
    job::{document::attempts, fields},
    report::unwritable::Unwritable,
    store::{
        collection::Store,
        write::{Acknowledged, RefusalCause, Statement, Update, Wait},
    },
};

/// Candidates looked at in one go, at most.
const WIDEST_WINDOW: usize = 2_000;
/// Rounds in which others take every candidate first, until the claim gives up for now.
const MOST_LOST_RACES: usize = 8;
/// The size of a candidate's document. No field of jobs.
const SIZE: &str = "size";

/// The jobs that one claim has found to be out of its reach.
#[derive(Default)]
struct Passed {
    /// Gates that were found closed.
    gates: HashSet<Gate>,
    /// Jobs that the server refused to make active.
    ids: Vec<Bson>,
    /// Those of them that it refused for another reason than a held key, and why.
    unwritable: Vec<(Bson, Error)>,
    /// True if a multi-update was refused because of one of its jobs: from then on each goes by itself.
    apart: bool,
    /// True if some of them can be claimed as soon as a transaction of the app is over.
    held_up: bool,
}

impl Passed {
    fn filter(&self) -> Option<Document> {
        let mut out_of_reach: Vec<Document> = Gate::before(&self.gates).into_iter().collect();
        if !self.ids.is_empty() {
            out_of_reach.push(doc! { fields::ID: { "$in": &self.ids } });
        }
        (!out_of_reach.is_empty()).then(|| doc! { "$nor": out_of_reach })
    }

    /// Draws the conclusion from a refusal. False if there is none: another worker was writing the job.
    fn note(&mut self, cause: RefusalCause, refused: &[&Candidate]) -> bool {
        match (cause, refused) {
            (RefusalCause::Other(error), _) if error.is_transient() => return false,
            (RefusalCause::KeyHeld, [Candidate { gate: Some(gate), .. }]) => {
                self.gates.insert(gate.clone());
            }
            (RefusalCause::KeyHeld | RefusalCause::KeyKept | RefusalCause::IdExists, [candidate]) => {
                self.ids.push(candidate.id.clone());
            }
            (RefusalCause::Other(error), [candidate]) => {
                self.ids.push(candidate.id.clone());
                self.unwritable.push((candidate.id.clone(), error));
            }
            _ => self.apart = true,
        }
        true
    }
}

/// Takes due jobs of a type, as many as there is room for, all under this token. No patience here: the callers have
/// their own.
pub(crate) async fn take_batch(
    store: &Store,
    unwritable: &Unwritable,
    job_type: &str,
    room: Room,
    lease: LeaseKind,
    token: &str,
    contention: &mut Contention,
) -> Result<Taken> {
    store.check_write_concern().await?;
    let mut passed = Passed::default();
    let outcome = take_past(store, job_type, room, lease, token, contention, &mut passed).await;
    for (id, error) in &passed.unwritable {
        unwritable.refused(id, "be claimed", error);
    }
    outcome
}

async fn take_past(
    store: &Store,
    job_type: &str,
    room: Room,
    lease: LeaseKind,
    token: &str,
    contention: &mut Contention,
    passed: &mut Passed,
) -> Result<Taken> {
    let mut window = room.total().min(WIDEST_WINDOW);
    let mut lost_races = 0;
    let mut is_at_front = false;
    while lost_races < MOST_LOST_RACES {
        // A claim of nothing ahead of the slots gets its jobs strictly in order.
        let skip = if is_at_front || room.ahead == 0 { 0 } else { contention.skip(window, rand::random()) };
        let candidates = candidates(store, job_type, skip, window, passed).await?;
        let was_full = candidates.len() == window;
        if skip > 0 && !was_full {
            // So near the end there is no rival to keep away from, and the jobs that were passed over may be all there
            // are.
            is_at_front = true;
            continue;
        }
        let Choice { chosen, is_all, needs_slot } = choose(store, candidates, room, passed).await?;
        if chosen.is_empty() && needs_slot {
            return Ok(Taken { needs_slot, ..Taken::default() });
        }
        if chosen.is_empty() && was_full {
            // Every one of them is blocked. By factors, or many held keys would take as many rounds.
            window = (window * 4).min(WIDEST_WINDOW);
            continue;
        }
        if chosen.is_empty() {
            return Ok(Taken { exhausted: !passed.held_up, ..Taken::default() });
        }
        let Round { jobs, tried, learnt, is_cut_short } = match contention.probe(chosen.len()) {
            Some(few) => take_with_care(store, chosen, few, lease, token, passed).await?,
            None => take(store, chosen, lease, token, passed).await?,
        };
        if !learnt {
            contention.learn(tried, jobs.count());
        }
        if jobs.count() > 0 {
            let exhausted = is_all && !is_cut_short && !was_full && !passed.held_up;
            return Ok(Taken { jobs, exhausted, needs_slot });
        }
        if !learnt {
            // Others were quicker with every one of them. A small random wait parts this worker from them.
            lost_races += 1;
            tokio::time::sleep(Duration::from_millis(rand::random_range(0..5))).await;
        }
    }
    Ok(Taken::default())
}

struct Candidate {
    id: Bson,
    gate: Option<Gate>,
    load: Load,
    /// True if a unique index may refuse to have it active; another program may have written its key.
    may_be_refused: bool,
}

async fn candidates(
    store: &Store,
    job_type: &str,
    skip: usize,
    window: usize,
    passed: &Passed,
) -> Result<Vec<Candidate>> {
    let mut filter = match skip {
        0 => due(job_type),
        _ => due_at(job_type, store.server_time().await?.earliest()),
    };
    filter.extend(passed.filter().unwrap_or_default());
    let projection = doc! {
        fields::DEDUPE_KEY: 1, fields::DEDUPE_SCOPE: 1, fields::ATTEMPT: 1, fields::MAX_ATTEMPTS: 1,
        SIZE: { "$bsonSize": "$$ROOT" },
    };
    store
        .bounded("looking for due jobs", async {
            let mut cursor = store
                .jobs()
                .find(filter)
                .sort(claim_order())
                .skip(skip as u64)
                .limit(window as i64)
                .batch_size(window as u32)
                .projection(projection)
                .await?;
            let mut found = Vec::with_capacity(window);
            while cursor.advance().await? {
                found.push(read_candidate(cursor.current())?);
            }
            Ok(found)
        })
        .await
}

fn read_candidate(job: &RawDocument) -> Result<Candidate> {
    let id = job.get(fields::ID).map_err(Error::encoding)?.unwrap_or(RawBsonRef::Null);
    let (spent, most) = attempts(job);
    let bytes = job.get_i32(SIZE).map_or(0, |bytes| bytes.max(0) as usize);
    Ok(Candidate {
        id: Bson::try_from(id).map_err(Error::encoding)?,
        load: Load { attempts: Attempts { spent, most }, bytes },
        gate: Gate::of(job),
        may_be_refused: Gate::may_refuse(job),
    })
}

struct Choice {
    chosen: Vec<Candidate>,
    /// True if those are all that nothing blocks.
    is_all: bool,
    needs_slot: bool,
}

/// The first candidates that nothing blocks, as many as there is room for. A candidate is blocked if it is known to
/// be, behind another before the same gate, or before one that is closed.
async fn choose(
    store: &Store,
    candidates: Vec<Candidate>,
    room: Room,
    passed: &mut Passed,
) -> Result<Choice> {
    let gates = candidates.iter().filter_map(|candidate| candidate.gate.as_ref()).collect();
    passed.gates.extend(Gate::closed(store, gates).await?);
    let mut gates_chosen = HashSet::new();
    let is_free = |candidate: &Candidate| match &candidate.gate {
        None => true,
        Some(gate) => !passed.gates.contains(gate) && gates_chosen.insert(gate.clone()),
    };
    let mut chosen: Vec<Candidate> = candidates.into_iter().filter(is_free).collect();
    let Cut { taken, needs_slot } = cut(room, chosen.iter().map(|candidate| candidate.load));
    let is_all = taken == chosen.len();
    chosen.truncate(taken);
    Ok(Choice { chosen, is_all, needs_slot })
}

/// One try to take the chosen jobs.
struct Round {
    /// The jobs taken, in claim order.
    jobs: TakenJobs,
    /// The number of jobs that were tried.
    tried: usize,
    /// True if a refusal has told which jobs to pass over in the next round.
    learnt: bool,
    /// True if some were left alone, as another worker was at them.
    is_cut_short: bool,
}

/// Takes a few first, and the others if no other worker was at those.
async fn take_with_care(
    store: &Store,
    mut chosen: Vec<Candidate>,
    few: usize,
    lease: LeaseKind,
    token: &str,
    passed: &mut Passed,
) -> Result<Round> {
    let others = chosen.split_off(few);
    let first = take(store, chosen, lease, token, passed).await?;
    if first.learnt || Contention::is_taken(few, first.jobs.count()) {
        return Ok(Round { is_cut_short: true, ..first });
    }
    let second = take(store, others, lease, token, passed).await?;
    let tried = first.tried + second.tried;
    Ok(Round { jobs: first.jobs.and(second.jobs), tried, ..second })
}

async fn take(
    store: &Store,
    chosen: Vec<Candidate>,
    lease: LeaseKind,
    token: &str,
    passed: &mut Passed,
) -> Result<Round> {
    let tried = chosen.len();
    let (alone, together): (Vec<_>, Vec<_>) =
        chosen.iter().partition(|candidate| candidate.may_be_refused || passed.apart);
    // First come the statements that no transaction of the app can hold up: a held one would stop all behind it.
    let mut groups: Vec<&[&Candidate]> = Vec::with_capacity(alone.len() + 1);
    if !together.is_empty() {
        groups.push(&together);
    }
    groups.extend(alone.chunks(1));
    let wait = if alone.is_empty() { Wait::Long } else { Wait::Brief };
    let statements = groups.iter().map(|group| statement(group, token, lease)).collect();
    let (mut learnt, mut failure) = (false, None);
    let update = Update { statements, lane: None, wait, acknowledged: Acknowledged::ByPrimary };
    match store.update(update).await {
        Ok(reply) if reply.refusals.is_empty() => {
            let count = reply.matched as usize;
            let ids = chosen.into_iter().map(|candidate| candidate.id).collect();
            let jobs = TakenJobs::Counted { count, ids };
            return Ok(Round { jobs, tried, learnt, is_cut_short: false });
        }
        Ok(reply) => {
            for refusal in reply.refusals {
                let group = groups.get(refusal.index).copied().unwrap_or_default();
                learnt |= passed.note(refusal.cause, group);
            }
        }
        Err(error) => failure = Some(error),
    }
    // The claim may have failed, or its reply may be lost after it applied. The token finds the jobs that it took.
    let ids: Vec<&Bson> = chosen.iter().map(|candidate| &candidate.id).collect();
    let jobs = read_back(store, &ids, token).await?;
    if failure.as_ref().is_some_and(Error::is_time_limit) {
        passed.held_up = true;
        // They go one after the other, so the held one is the first that was not taken, unless others have taken that.
        let is_ours = |id: &Bson| jobs.iter().any(|job| job.header.id == *id);
        passed.ids.extend(alone.iter().map(|candidate| candidate.id.clone()).find(|id| !is_ours(id)));
        learnt = true;
        failure = None;
    }
    match failure {
        Some(error) if jobs.is_empty() => Err(error),
        _ => Ok(Round { jobs: TakenJobs::Read(jobs), tried, learnt, is_cut_short: false }),
    }
}

/// Still due: a candidate may have run, failed and begun to wait since the look.
fn statement(group: &[&Candidate], token: &str, lease: LeaseKind) -> Statement {
    let mut filter = pending_and_due();
    match group {
        [candidate] => {
            filter.insert(fields::ID, &candidate.id);
            Statement::one(filter, taking(token, lease))
        }
        several => {
            let ids: Vec<&Bson> = several.iter().map(|candidate| &candidate.id).collect();
            filter.insert(fields::ID, doc! { "$in": ids });
            Statement::many(filter, taking(token, lease))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(id: impl Into<Bson>) -> Candidate {
        let load = Load { attempts: Attempts { spent: 0, most: 3 }, bytes: 100 };
        Candidate { id: id.into(), gate: None, load, may_be_refused: false }
    }

    #[test]
    fn a_job_out_of_reach_is_left_out_of_the_next_look() {
        let mut passed = Passed::default();
        assert_eq!(passed.filter(), None);
        let keyed = Candidate { gate: Some(Gate::SingleFlight("k".to_owned())), ..candidate("keyed") };
        let too_large = RefusalCause::Other(Error::from_server(17_419, "too large"));
        let conflict = RefusalCause::Other(Error::from_server(112, "a race"));
        assert!(passed.note(RefusalCause::KeyHeld, &[&keyed]));
        assert!(passed.note(RefusalCause::KeyHeld, &[&candidate("odd key")]));
        assert!(passed.note(too_large, &[&candidate("full")]));
        assert!(!passed.note(conflict, &[&candidate("contended")]));
        let expected = doc! { "$nor": [
            { "dedupeScope": "pending", "dedupeKey": { "$in": ["k"] } },
            { "_id": { "$in": ["odd key", "full"] } },
        ] };
        assert_eq!(passed.filter(), Some(expected));
        let named: Vec<_> =
            passed.unwritable.iter().map(|(id, error)| (id.as_str(), error.server_code())).collect();
        assert_eq!(named, [(Some("full"), Some(17_419))]);
        assert!(!passed.apart);
    }

    #[test]
    fn jobs_that_were_refused_together_are_tried_one_by_one() {
        let mut passed = Passed::default();
        let cause = RefusalCause::Other(Error::from_server(14, "an odd job among them"));
        assert!(passed.note(cause, &[&candidate("a"), &candidate("b")]));
        assert!(passed.apart);
        assert_eq!(passed.filter(), None);
    }
}
