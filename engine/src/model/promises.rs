//! Promises about every state and every write.
use super::{
    protocol::{Protocol, name},
    server::{Reply, Stored},
    state::{Command, Entry, Fate, Found, Held, State, Token, Worker},
};
use crate::job::{ending::Ending, fields, status::Status, transition::Transition, verdict::Verdict};

type Kept = Result<(), String>;

/// A promise that a state breaks.
pub(super) fn flaw(protocol: &Protocol, state: &State) -> Option<String> {
    believers(protocol, state)
        .or_else(|| attempts(protocol, state))
        .or_else(|| keys(protocol, state))
        .or_else(|| ends(protocol, state))
}

/// A claim takes a waiting job, and nothing else, and counts.
pub(super) fn of_claim(before: &Stored, after: &Stored) -> Kept {
    if before.status != Status::Pending {
        return Err(format!("a {:?} job was claimed", before.status));
    }
    if after.attempt == before.attempt + 1 { Ok(()) } else { Err("a claim did not count".to_owned()) }
}

/// A write that has matched this document was its writer's to make.
pub(super) fn of_write(protocol: &Protocol, state: &State, command: &Command, before: &Stored) -> Kept {
    if before.status.is_terminal() {
        return Err(format!("a terminal status was overwritten: {:?}", before.status));
    }
    match command {
        Command::Renew { token, .. } | Command::Settle { token, .. } if !is_held(before, *token) => {
            Err("a stale holder's write changed something".to_owned())
        }
        Command::Settle { token, .. } if state.fates[usize::from(*token)] == Fate::ToldLost => {
            Err("a verdict was written after its holder was told that it was not".to_owned())
        }
        Command::Claim { .. }
        | Command::HandOff { .. }
        | Command::Renew { .. }
        | Command::Settle { .. }
        | Command::Cancel { .. } => Ok(()),
        Command::Recover(found) => of_recovery(protocol, state, *found, before),
    }
}

/// A job that waits is cancelled at once. One that runs is marked, stays its holder's, and ends as cancelled under any
/// writer of its end.
pub(super) fn of_cancellation(command: &Command, before: &Stored, after: &Stored) -> Kept {
    let is_marked = |job: &Stored| job.document.contains_key(fields::CANCEL_REQUESTED_AT);
    let is_cancelled = after.status == Status::Failed
        && after.document.get_str(fields::ENDING).is_ok_and(|ending| ending == Ending::Cancelled.as_str());
    let claim =
        |job: &Stored| [fields::CLAIM_TOKEN, fields::LEASE].map(|field| job.document.get(field).cloned());
    let is_held_on = [before.status, after.status] == [Status::Active; 2]
        && is_marked(after)
        && claim(before) == claim(after);
    if before.status == Status::Active && is_marked(before) && !is_held_on && !is_cancelled {
        return Err(format!("a job that was to be cancelled became {:?}", after.status));
    }
    match (command, before.status) {
        (Command::Cancel { .. }, Status::Active) if !is_held_on => {
            Err("a cancellation took a job away from its holder".to_owned())
        }
        (Command::Cancel { .. }, Status::Pending) if !is_cancelled => {
            Err("a job that waited was not cancelled at once".to_owned())
        }
        _ => Ok(()),
    }
}

/// The holder of a job can go on to hold it, even if the job is to be cancelled.
pub(super) fn of_renewal(before: &Stored, token: Token, reply: Reply) -> Kept {
    let is_refused = reply != Reply::Matched && is_held(before, token);
    if is_refused { Err("a holder's renewal was refused".to_owned()) } else { Ok(()) }
}

fn of_recovery(protocol: &Protocol, state: &State, found: Found, before: &Stored) -> Kept {
    let is_believed = running(state).any(|held| {
        held.job == found.job && is_held(before, held.token) && protocol.believes(held, state.now)
    });
    if is_believed { Err("a lease was taken that its holder believed in".to_owned()) } else { Ok(()) }
}

/// The holder's answer to its verdict is the truth. A reaper may have ended the job under its claim just as the
/// verdict would have; then that end is the answer.
pub(super) fn of_answer(
    fate: Fate,
    (token, transition): (Token, Transition),
    stored: Option<&Stored>,
    is_lost: bool,
) -> Kept {
    let has_ended_so = stored.is_some_and(|stored| {
        stored.status == transition.target() && stored.token.as_deref() == Some(&name("token", token))
    });
    match (fate, is_lost) {
        (Fate::Written(written), false) if written == transition => Ok(()),
        (Fate::Open, false)
            if has_ended_so && matches!(stored, Some(stored) if stored.status.is_terminal()) =>
        {
            if transition == Transition::Complete {
                Err("a completion was made up".to_owned())
            } else {
                Ok(())
            }
        }
        (Fate::Open | Fate::ToldLost, true) => Ok(()),
        (Fate::Written(_), true) => {
            Err("a verdict was written and its holder told that it was not".to_owned())
        }
        (_, false) => Err("a verdict was not written and its holder told that it was".to_owned()),
    }
}

fn is_held(stored: &Stored, token: Token) -> bool {
    stored.status == Status::Active && stored.token.as_deref() == Some(&name("token", token))
}

fn running(state: &State) -> impl Iterator<Item = Held> + '_ {
    state.workers.iter().filter_map(|worker| match worker {
        Worker::Running { held, .. } => Some(*held),
        _ => None,
    })
}

/// A lease that its holder believes in is its own: so no two believe in one, nor in two of one key.
fn believers(protocol: &Protocol, state: &State) -> Option<String> {
    let is_wrong = |held: &Held| {
        let stored = state.stored(held.job).map(|stored| protocol.server.get(stored));
        !stored.is_some_and(|stored| is_held(&stored, held.token))
    };
    running(state)
        .filter(|held| protocol.believes(*held, state.now))
        .find(is_wrong)
        .map(|held| format!("job {} is not its holder's, who believes so", held.job))
}

/// A running job is within its attempts, and a waiting one has one left.
fn attempts(protocol: &Protocol, state: &State) -> Option<String> {
    let stored =
        state.jobs.iter().filter_map(|entry| entry.stored()).map(|stored| protocol.server.get(stored));
    let is_spent = |job: &Stored| match job.status {
        Status::Pending => job.attempt >= job.max_attempts,
        _ => job.attempt > job.max_attempts,
    };
    let job = stored.into_iter().find(|job| is_spent(job))?;
    Some(format!("too many attempts: {:?} after {} of {}", job.status, job.attempt, job.max_attempts))
}

fn keys(protocol: &Protocol, state: &State) -> Option<String> {
    let jobs: Vec<_> =
        state.jobs.iter().filter_map(|entry| entry.stored()).map(|id| protocol.server.get(id)).collect();
    for (place, one) in jobs.iter().enumerate() {
        for other in &jobs[..place] {
            let of = |job: &Stored, field| job.document.get(field).cloned();
            let is_same = |field| of(one, field).is_some() && of(one, field) == of(other, field);
            if !is_same("dedupeKey") || !is_same("dedupeScope") {
                continue;
            }
            let are_open = !one.status.is_terminal() && !other.status.is_terminal();
            let is_exclusive =
                one.document.get_str("dedupeScope").is_ok_and(|scope| scope == "pending+active");
            if are_open && (is_exclusive || one.status == other.status) {
                return Some(format!("two jobs of one key: {:?} and {:?}", one.status, other.status));
            }
        }
    }
    None
}

/// In every state: if all processes are gone now and nothing on its way arrives, one new process can bring every job
/// to its end.
fn ends(protocol: &Protocol, state: &State) -> Option<String> {
    let key = (state.jobs.clone(), state.now);
    let known = protocol.recovered.borrow().get(&key).copied();
    let is_rescued = known.unwrap_or_else(|| {
        let recovered = recovers(protocol, state);
        protocol.recovered.borrow_mut().insert(key, recovered);
        recovered
    });
    (!is_rescued).then(|| "there is no way left to the end of a job".to_owned())
}

const RESCUER: Token = Token::MAX;
const MOST_ROUNDS: usize = 12;

fn recovers(protocol: &Protocol, state: &State) -> bool {
    // Every lease that there is has run out by then.
    let mut state = State { now: 100, commands: Vec::new(), ..state.clone() };
    for round in 0..MOST_ROUNDS {
        let jobs = 0..state.jobs.len() as u8;
        let is_over = |job| state.stored(job).is_none_or(|id| protocol.server.get(id).status.is_terminal());
        if jobs.clone().all(is_over) {
            return true;
        }
        state.now += 10;
        for job in jobs.clone() {
            if let Some(found) = protocol.sweep(&state, job)
                && run(protocol, &mut state, job, &Command::Recover(found)) == Reply::KeyHeld
            {
                run(protocol, &mut state, job, &Command::Recover(Found { is_behind: true, ..found }));
            }
        }
        let token = RESCUER - round as Token;
        let claimed = jobs
            .clone()
            .find(|job| run(protocol, &mut state, *job, &Command::Claim { token }) == Reply::Matched);
        if let Some((job, claimed)) = claimed.and_then(|job| Some((job, state.stored(job)?))) {
            let (verdict, transition) = (Verdict::Complete, Transition::of_verdict(Verdict::Complete, 1, 1));
            run(protocol, &mut state, job, &Command::Settle { job, token, claimed, verdict, transition });
        }
    }
    false
}

fn run(protocol: &Protocol, state: &mut State, job: u8, command: &Command) -> Reply {
    let Some(mut stored) = state.stored(job) else { return Reply::Missed };
    let reply = protocol
        .server
        .update(&mut stored, &state.beside(job), (command, state.now), || protocol.statement(command));
    state.jobs[usize::from(job)] = Entry::Stored(stored);
    reply
}
