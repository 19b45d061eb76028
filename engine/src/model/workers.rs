//! The steps of a worker: it claims, runs, renews, settles, gives up, or crashes.
use super::{
    bug::Bug,
    promises,
    protocol::{JOB_TYPE, Next, Protocol, Step, Take, name, number},
    server::{Look, Reply},
    state::{Claimed, Command, Entry, Fate, Held, JobIndex, Renewal, State, Tick, Token, Worker},
};
use crate::{
    job::{
        status::Status,
        transition::Transition,
        verdict::{Settled, Verdict},
    },
    verbs::{claim::taking, settle::prepared::judge},
};

impl Protocol {
    pub(super) fn crashes(&self, state: &State, place: usize, take: Take<'_>) {
        let worker = state.workers[place];
        if worker == Worker::Idle || state.spent.crashes >= self.size.limits.crashes {
            return;
        }
        let mut next = state.with(place, Worker::Idle);
        next.spent.crashes += 1;
        take(Step::Crashes(worker), Ok(next));
    }

    pub(super) fn begins_a_claim(&self, state: &State, place: usize, take: Take<'_>) {
        if state.spent.claims >= self.size.limits.claims {
            return;
        }
        let mut next = state.clone();
        next.spent.claims += 1;
        next.sends_claim(place, (0, state.now), true);
        take(Step::Claim, Ok(next));
    }

    /// An idle worker makes a job as its own.
    pub(super) fn begins_a_hand_off(&self, state: &State, place: usize, take: Take<'_>) {
        if state.spent.hand_offs >= self.size.limits.hand_offs {
            return;
        }
        for job in 0..state.jobs.len() as JobIndex {
            if state.jobs[usize::from(job)] != Entry::NotYet || !self.may_be_handed_off(job) {
                continue;
            }
            let mut next = state.clone();
            next.spent.hand_offs += 1;
            let token = next.fates.len() as Token;
            next.fates.push(Fate::Open);
            next.jobs[usize::from(job)] = Entry::OnItsWay;
            next.workers[place] =
                Worker::Claiming { tokens: 1 << token, sent: state.now, hand_off: Some(job), reply: None };
            next.commands.push(Command::HandOff { job, token, drafted: state.now });
            take(Step::HandsOff(job), Ok(next));
        }
    }

    pub(super) fn awaits_a_claim(&self, state: &State, place: usize, take: Take<'_>) {
        let worker = state.workers[place];
        let Worker::Claiming { tokens, sent, hand_off, reply } = worker else { return };
        if let Some(claimed) = reply {
            take(Step::HearsOf(worker), Ok(self.hands_over(state, place, claimed, sent)));
        }
        if state.spent.timeouts < self.size.limits.timeouts {
            let mut next = match self.claimed_under(state, tokens) {
                Some(claimed) => self.hands_over(state, place, Some(claimed), sent),
                None if hand_off.is_some() => state.with(place, Worker::Idle),
                None => {
                    let mut next = state.clone();
                    next.sends_claim(place, (tokens, sent), !self.has(Bug::ClaimUnderOneToken));
                    next
                }
            };
            next.spent.timeouts += 1;
            take(Step::StopsWaiting(worker), Ok(next));
            if let Some(job) = hand_off {
                // As long as its caller has patience, the same job is sent again.
                let mut again = state.clone();
                again.spent.timeouts += 1;
                let token = tokens.ilog2() as Token;
                if self.has(Bug::HandOffDraftedAgain) {
                    let hand_off = Some(job);
                    again.workers[place] = Worker::Claiming { tokens, sent: state.now, hand_off, reply };
                }
                again.commands.push(Command::HandOff { job, token, drafted: sent });
                take(Step::StopsWaiting(worker), Ok(again));
            }
        }
    }

    /// As the engine looks up the job that a claim has taken.
    fn claimed_under(&self, state: &State, tokens: u8) -> Claimed {
        let filter = || {
            let names: Vec<String> =
                (0..8).filter(|token| tokens & 1 << token != 0).map(|token| name("token", token)).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            taking::taken_under(JOB_TYPE, &names)
        };
        let look = (Look::TakenUnder(tokens), state.now);
        (0..state.jobs.len() as JobIndex).find_map(|job| {
            let stored = state.stored(job)?;
            self.server.matches(stored, look, filter).then_some((job, stored))
        })
    }

    fn hands_over(&self, state: &State, place: usize, claimed: Claimed, sent: Tick) -> State {
        let Some((job, claimed)) = claimed else { return state.with(place, Worker::Idle) };
        let token =
            self.server.get(claimed).token.as_deref().and_then(number).expect("a token of the model's");
        let since = if self.has(Bug::DeadlineFromTheReply) { state.now } else { sent };
        let held = Held { job, token, claimed, since };
        if self.terms.is_worth_starting(self.instant(since), self.instant(state.now)) {
            state.with(place, Worker::Running { held, renewal: None })
        } else {
            self.sends_verdict(state, place, held, Verdict::Release)
        }
    }

    pub(super) fn runs(
        &self,
        state: &State,
        place: usize,
        (held, renewal): (Held, Option<Renewal>),
        take: Take<'_>,
    ) {
        let worker = state.workers[place];
        for verdict in self.size.verdicts {
            take(Step::Settles(worker, *verdict), Ok(self.sends_verdict(state, place, held, *verdict)));
        }
        if self.instant(state.now) >= self.deadline(held) {
            take(Step::GivesUp(worker), Ok(state.with(place, Worker::Idle)));
        }
        match renewal {
            None if state.spent.renewals < self.size.limits.renewals => {
                let renewal = Some(Renewal { sent: state.now, matched: None });
                let mut next = state.with(place, Worker::Running { held, renewal });
                next.spent.renewals += 1;
                next.commands.push(Command::Renew { job: held.job, token: held.token });
                take(Step::Renews(worker), Ok(next));
            }
            None => {}
            Some(Renewal { sent, matched }) => {
                let since = if self.has(Bug::DeadlineFromTheReply) { state.now } else { sent };
                let renewed = Worker::Running { held: Held { since, ..held }, renewal: None };
                match matched {
                    Some(true) => take(Step::HearsOf(worker), Ok(state.with(place, renewed))),
                    Some(false) => {
                        take(Step::HearsOf(worker), Ok(self.looks_after_renewal(state, place, held)));
                    }
                    None => {}
                }
                if state.spent.timeouts < self.size.limits.timeouts {
                    let mut next = state.with(place, Worker::Running { held, renewal: None });
                    next.spent.timeouts += 1;
                    take(Step::StopsWaiting(worker), Ok(next));
                }
            }
        }
    }

    /// Looks up the holder of the job after a renewal that matched nothing.
    fn looks_after_renewal(&self, state: &State, place: usize, held: Held) -> State {
        let stored = state.stored(held.job).map(|stored| self.server.get(stored));
        let token = name("token", held.token);
        let is_held = stored
            .is_some_and(|stored| stored.status == Status::Active && stored.token.as_deref() == Some(&token));
        let worker = if is_held { Worker::Running { held, renewal: None } } else { Worker::Idle };
        state.with(place, worker)
    }

    fn sends_verdict(&self, state: &State, place: usize, held: Held, verdict: Verdict) -> State {
        let known = self.verdicts.borrow().get(&(held.claimed, verdict)).copied();
        let transition = known.unwrap_or_else(|| self.planned(held.claimed, verdict).transition);
        self.verdicts.borrow_mut().insert((held.claimed, verdict), transition);
        Self::sends(state, place, held, (verdict, transition), false)
    }

    fn sends(
        state: &State,
        place: usize,
        held: Held,
        (verdict, transition): (Verdict, Transition),
        is_ambiguous: bool,
    ) -> State {
        let worker = Worker::Settling { held, verdict, transition, is_ambiguous, reply: None };
        let mut next = state.with(place, worker);
        let Held { job, token, claimed, .. } = held;
        next.commands.push(Command::Settle { job, token, claimed, verdict, transition });
        next
    }

    pub(super) fn settles(&self, state: &State, place: usize, take: Take<'_>) {
        let worker = state.workers[place];
        let Worker::Settling { held, verdict, transition, is_ambiguous, reply } = worker else { return };
        if let Some(reply) = reply {
            let next = match reply {
                Reply::Matched => self.told(state, place, held, (verdict, transition), None),
                Reply::Missed => self.looks_after_verdict(state, place),
                Reply::KeyHeld => {
                    let behind = transition.behind_follower();
                    Ok(Self::sends(state, place, held, (verdict, behind), is_ambiguous))
                }
            };
            take(Step::HearsOf(worker), next);
        }
        if state.spent.timeouts < self.size.limits.timeouts {
            let mut next = Self::sends(state, place, held, (verdict, transition), true);
            next.spent.timeouts += 1;
            take(Step::StopsWaiting(worker), Ok(next));
        }
    }

    fn looks_after_verdict(&self, state: &State, place: usize) -> Next {
        let Worker::Settling { held, verdict, transition, is_ambiguous, .. } = state.workers[place] else {
            return Ok(state.clone());
        };
        let mut planned = self.planned(held.claimed, verdict);
        planned.transition = transition;
        let stored = state.stored(held.job).map(|stored| self.server.get(stored));
        let found = stored.as_ref().map(|stored| stored.raw.as_ref());
        if found.is_some_and(|found| planned.cancelled_instead(found)) {
            return Ok(Self::sends(state, place, held, (verdict, planned.transition), is_ambiguous));
        }
        let settled = match &stored {
            Some(stored) if self.has(Bug::VerdictTakenForItsOwn) && stored.status == transition.target() => {
                planned.outcome()
            }
            // A claim of the model has one settler, as every managed run has.
            _ => judge(&planned, found, true),
        };
        self.told(state, place, held, (verdict, transition), Some(settled))
    }

    /// The holder gets the result of its verdict: without another answer, that it was written.
    fn told(
        &self,
        state: &State,
        place: usize,
        held: Held,
        (_, transition): (Verdict, Transition),
        settled: Option<Settled>,
    ) -> Next {
        let fate = state.fates[usize::from(held.token)];
        let is_lost =
            matches!(settled, Some(Settled::LeaseLost | Settled::AlreadyTerminal(_) | Settled::NotFound));
        let stored = state.stored(held.job).map(|stored| self.server.get(stored));
        promises::of_answer(fate, (held.token, transition), stored.as_deref(), is_lost)?;
        let mut next = state.with(place, Worker::Idle);
        if is_lost {
            next.fates[usize::from(held.token)] = Fate::ToldLost;
        }
        Ok(next)
    }
}

impl State {
    fn with(&self, place: usize, worker: Worker) -> Self {
        let mut next = self.clone();
        next.workers[place] = worker;
        next
    }

    /// Each try has a token of its own.
    fn sends_claim(&mut self, place: usize, (earlier, sent): (u8, Tick), is_new: bool) {
        let token = if is_new { self.fates.len() as Token } else { earlier.ilog2() as Token };
        if is_new {
            self.fates.push(Fate::Open);
        }
        self.workers[place] =
            Worker::Claiming { tokens: earlier | 1 << token, sent, hand_off: None, reply: None };
        self.commands.push(Command::Claim { token });
    }
}
