//! The steps: of time, of enqueuing processes, of reapers, and of commands that arrive. Those of workers have a file
//! of their own.
use super::{
    explorer::Model,
    promises,
    protocol::{Next, Protocol, Step, Take, name},
    server::{DocId, Look, Reply},
    state::{Budget, Claimed, Command, Entry, Fate, Found, JobIndex, State, Tick, Token, Worker},
};
use crate::{
    job::{document::Header, status::Status},
    verbs::recover,
};

impl Model for Protocol {
    type State = State;
    type Step = Step;

    /// One job is there already; others may come at any time.
    fn beginning(&self) -> State {
        let mut jobs = vec![Entry::NotYet; self.size.jobs.len()];
        jobs[0] = Entry::Stored(self.server.insert(&[], self.new_job(0), 0).expect("there is no other"));
        State {
            now: 0,
            jobs,
            workers: vec![Worker::Idle; self.size.workers],
            commands: Vec::new(),
            reapers: vec![None; self.size.reapers],
            fates: Vec::new(),
            spent: Budget::default(),
        }
    }

    fn steps(&self, state: &State, take: Take<'_>) {
        let mut sorted = |step, next: Next| {
            take(
                step,
                next.map(|mut state| {
                    state.sort();
                    state
                }),
            );
        };
        if state.now < self.size.last_tick {
            sorted(Step::Tick, Ok(State { now: state.now + 1, ..state.clone() }));
        }
        self.enqueues(state, &mut sorted);
        self.arrivals(state, &mut sorted);
        self.sweeps(state, &mut sorted);
        self.cancels(state, &mut sorted);
        for place in 0..state.workers.len() {
            if place > 0 && state.workers[place] == state.workers[place - 1] {
                continue;
            }
            self.crashes(state, place, &mut sorted);
            match state.workers[place] {
                Worker::Idle => {
                    self.begins_a_claim(state, place, &mut sorted);
                    self.begins_a_hand_off(state, place, &mut sorted);
                }
                Worker::Claiming { .. } => self.awaits_a_claim(state, place, &mut sorted),
                Worker::Running { held, renewal } => self.runs(state, place, (held, renewal), &mut sorted),
                Worker::Settling { .. } => self.settles(state, place, &mut sorted),
            }
        }
    }

    fn flaw(&self, state: &State) -> Option<String> {
        promises::flaw(self, state)
    }
}

impl Protocol {
    fn enqueues(&self, state: &State, take: Take<'_>) {
        for (place, entry) in state.jobs.iter().enumerate() {
            if *entry != Entry::NotYet {
                continue;
            }
            let job = place as JobIndex;
            let stored = self.server.insert(&state.beside(job), self.new_job(job), state.now);
            let mut next = state.clone();
            next.jobs[place] = stored.map_or(Entry::Refused, Entry::Stored);
            take(Step::Enqueue(job), Ok(next));
        }
    }

    /// Each command may arrive at any time after it was sent, in any order.
    fn arrivals(&self, state: &State, take: Take<'_>) {
        for (place, command) in state.commands.iter().enumerate() {
            let mut next = state.clone();
            next.commands.remove(place);
            self.arrive(next, command, &mut |next| take(Step::Arrives(command.clone()), next));
        }
    }

    fn arrive(&self, state: State, command: &Command, take: &mut dyn FnMut(Next)) {
        match command {
            Command::Claim { token } => self.claim_arrives(&state, *token, command, take),
            Command::HandOff { job, token, drafted } => {
                take(Ok(self.hand_off_arrives(state, *job, *token, *drafted)));
            }
            Command::Renew { job, .. }
            | Command::Settle { job, .. }
            | Command::Recover(Found { job, .. })
            | Command::Cancel { job, .. } => {
                take(self.write_arrives(state, *job, command));
            }
        }
    }

    /// Takes any job of those that it can take: their order is no matter of safety.
    fn claim_arrives(&self, state: &State, token: Token, command: &Command, take: &mut dyn FnMut(Next)) {
        let mut is_idle = true;
        for job in 0..state.jobs.len() as JobIndex {
            let Some(mut stored) = state.stored(job) else { continue };
            let before = self.server.get(stored);
            let run = || self.statement(command);
            if self.server.update(&mut stored, &state.beside(job), (command, state.now), run)
                == Reply::Matched
            {
                is_idle = false;
                let mut next = state.clone();
                next.jobs[usize::from(job)] = Entry::Stored(stored);
                next.answer_claim(token, Some((job, stored)));
                take(promises::of_claim(&before, &self.server.get(stored)).map(|()| next));
            }
        }
        if is_idle {
            let mut next = state.clone();
            next.answer_claim(token, None);
            take(Ok(next));
        }
    }

    /// The job is made, unless its key is held. If an earlier try has made it, the look that follows tells if its
    /// claim still holds.
    fn hand_off_arrives(&self, state: State, job: JobIndex, token: Token, drafted: Tick) -> State {
        let document = self.handed_off(job, token, drafted);
        let is_held = |id: DocId| {
            let stored = self.server.get(id);
            stored.status == Status::Active && stored.token.as_deref() == Some(&name("token", token))
        };
        let mut next = state;
        let claimed = match next.stored(job) {
            Some(stored) if is_held(stored) => Some((job, stored)),
            Some(_) => None,
            None => {
                let made = self.server.insert(&next.beside(job), document, next.now);
                next.jobs[usize::from(job)] = made.map_or(Entry::Refused, Entry::Stored);
                made.map(|made| (job, made))
            }
        };
        next.answer_claim(token, claimed);
        next
    }

    fn write_arrives(&self, mut state: State, job: JobIndex, command: &Command) -> Next {
        let Some(mut stored) = state.stored(job) else { return Ok(state) };
        let before = self.server.get(stored);
        let run = || self.statement(command);
        let reply = self.server.update(&mut stored, &state.beside(job), (command, state.now), run);
        if reply == Reply::Matched {
            let after = self.server.get(stored);
            promises::of_write(self, &state, command, &before)?;
            promises::of_cancellation(command, &before, &after)?;
            state.jobs[usize::from(job)] = Entry::Stored(stored);
        }
        match command {
            Command::Claim { .. } | Command::HandOff { .. } => {}
            Command::Renew { token, .. } => {
                promises::of_renewal(&before, *token, reply)?;
                state.answer_renewal(*token, reply == Reply::Matched);
            }
            Command::Settle { token, transition, .. } => {
                if reply == Reply::Matched {
                    state.fates[usize::from(*token)] = Fate::Written(*transition);
                }
                state.answer_verdict(*token, reply);
            }
            Command::Recover(found) => state.answer_reaper(*found, reply),
            // It looks again, at any time.
            Command::Cancel { .. } => state.spent.cancellations -= u8::from(reply == Reply::Missed),
        }
        Ok(state)
    }

    /// A look, and at any time after it the write.
    fn sweeps(&self, state: &State, take: Take<'_>) {
        let Some(free) = state.reapers.iter().position(Option::is_none) else { return };
        for job in 0..state.jobs.len() as JobIndex {
            let Some(found) = self.sweep(state, job) else { continue };
            let mut next = state.clone();
            next.reapers[free] = Some(found);
            next.commands.push(Command::Recover(found));
            take(Step::Sweeps(job), Ok(next));
        }
    }

    /// As for a sweep. A look that shows a job that has ended or is marked ends the call.
    fn cancels(&self, state: &State, take: Take<'_>) {
        if state.spent.cancellations >= self.size.limits.cancellations {
            return;
        }
        for job in 0..state.jobs.len() as JobIndex {
            let Some(seen) = state.stored(job).filter(|seen| self.cancelling(*seen).is_some()) else {
                continue;
            };
            let mut next = state.clone();
            next.spent.cancellations += 1;
            next.commands.push(Command::Cancel { job, seen });
            take(Step::Cancels(job), Ok(next));
        }
    }

    pub(super) fn sweep(&self, state: &State, job: JobIndex) -> Option<Found> {
        let document = state.stored(job)?;
        let is_expired = || recover::is_expired(self.visibility_timeout_ms());
        if !self.server.matches(document, (Look::Expired, state.now), is_expired) {
            return None;
        }
        let stored = self.server.get(document);
        let follows = |other: &DocId| {
            let other = self.server.get(*other);
            other.status == Status::Pending
                && other.document.get("dedupeKey") == stored.document.get("dedupeKey")
        };
        // As in the engine, the write finds out if attempts are left.
        let is_spent = stored.attempt >= stored.max_attempts;
        let may_have_one = Header::read(&stored.raw).is_ok_and(|header| header.may_have_follower());
        let has_follower = is_spent && may_have_one && state.beside(job).iter().any(follows);
        Some(Found { job, document, has_follower, is_behind: false })
    }
}

impl State {
    /// A process that has stopped waiting for a try does not get its answer.
    fn answer_claim(&mut self, awaited: Token, brought: Claimed) {
        for worker in &mut self.workers {
            if let Worker::Claiming { tokens, reply, .. } = worker
                && tokens.ilog2() == u32::from(awaited)
            {
                reply.get_or_insert(brought);
            }
        }
    }

    fn answer_renewal(&mut self, awaited: Token, is_renewed: bool) {
        for worker in &mut self.workers {
            if let Worker::Running { held, renewal: Some(renewal) } = worker
                && held.token == awaited
            {
                renewal.matched.get_or_insert(is_renewed);
            }
        }
    }

    fn answer_verdict(&mut self, awaited: Token, told: Reply) {
        for worker in &mut self.workers {
            if let Worker::Settling { held, reply, .. } = worker
                && held.token == awaited
            {
                reply.get_or_insert(told);
            }
        }
    }

    fn answer_reaper(&mut self, found: Found, reply: Reply) {
        let Some(place) = self.reapers.iter().position(|busy| *busy == Some(found)) else { return };
        let is_first_try = !found.is_behind;
        self.reapers[place] = None;
        if reply == Reply::KeyHeld && is_first_try {
            let behind = Found { is_behind: true, ..found };
            self.reapers[place] = Some(behind);
            self.commands.push(Command::Recover(behind));
        }
    }
}
