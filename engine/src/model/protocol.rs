//! The next possible acts of processes, the network and the server. All decisions and all statements are the engine's
//! own; only the waiting of each part for another is written again.

use std::{
    cell::RefCell,
    collections::HashMap,
    time::{Duration, Instant},
};

use mongodb::bson::{Document, doc, rawdoc};

use super::{
    bug::Bug,
    server::{DocId, Server, TICK_MS, moment},
    state::{Budget, Command, Entry, Found, Held, JobIndex, State, Tick, Token, Worker},
};
use crate::{
    job::{
        document::{DedupeKey, Header, NewJob},
        lease::{LeaseLength, LeaseTerms},
        retry::BackoffKind,
        server_time::ServerTime,
        transition::Transition,
        verdict::{Details, Verdict},
    },
    store::write::{Statement, Wait},
    verbs::{
        cancel,
        claim::{
            due,
            taking::{self, LeaseKind},
        },
        enqueue::hand_off,
        recover::Expired,
        renew,
        settle::prepared::{PreparedVerdict, VerdictRequest},
    },
};

pub(super) const JOB_TYPE: &str = "work";
/// A lease is two ticks long, and a handler stops within a twentieth of it after its deadline.
const LEASE_TICKS: u32 = 2;
const NOTICE_PARTS: u32 = 20;
/// The proof of the one call that cancels.
const CANCELLER: &str = "canceller";

/// The size of an exploration.
#[derive(Debug, Clone)]
pub(super) struct Size {
    pub(super) workers: usize,
    pub(super) reapers: usize,
    pub(super) jobs: Vec<Option<DedupeKey>>,
    pub(super) max_attempts: i32,
    pub(super) last_tick: Tick,
    pub(super) verdicts: &'static [Verdict],
    pub(super) limits: Budget,
}

#[derive(Debug)]
#[expect(dead_code, reason = "printed by the test that fails")]
pub(super) enum Step {
    Tick,
    Enqueue(JobIndex),
    Claim,
    HandsOff(JobIndex),
    Arrives(Command),
    HearsOf(Worker),
    StopsWaiting(Worker),
    Renews(Worker),
    Settles(Worker, Verdict),
    GivesUp(Worker),
    Crashes(Worker),
    Sweeps(JobIndex),
    Cancels(JobIndex),
}

/// The name of a job or token of the model.
pub(super) fn name(what: &str, number: u8) -> String {
    format!("{what}-{number}")
}

/// The number in a name.
pub(super) fn number(name: &str) -> Option<u8> {
    name.rsplit('-').next()?.parse().ok()
}

pub(super) struct Protocol {
    pub(super) size: Size,
    pub(super) bug: Option<Bug>,
    pub(super) server: Server<Command>,
    pub(super) terms: LeaseTerms,
    origin: Instant,
    pub(super) recovered: RefCell<HashMap<(Vec<Entry>, Tick), bool>>,
    pub(super) verdicts: RefCell<HashMap<(DocId, Verdict), Transition>>,
}

/// The state after a step, or the fault of the step.
pub(super) type Next = Result<State, String>;
pub(super) type Take<'a> = &'a mut dyn FnMut(Step, Next);

impl Protocol {
    pub(super) fn new(size: Size, bug: Option<Bug>) -> Self {
        let length = Duration::from_millis(TICK_MS.unsigned_abs()) * LEASE_TICKS;
        let without = match bug {
            Some(Bug::WithoutIndex(name)) => Some(name),
            _ => None,
        };
        let terms = LeaseTerms::new(length, Some(length / 4));
        assert_eq!(terms.length, length);
        let (server, origin) = (Server::new(without), Instant::now());
        Self { size, bug, server, terms, origin, recovered: RefCell::default(), verdicts: RefCell::default() }
    }

    pub(super) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    pub(super) fn instant(&self, tick: Tick) -> Instant {
        self.origin + Duration::from_millis(TICK_MS.unsigned_abs()) * u32::from(tick)
    }

    pub(super) fn deadline(&self, held: Held) -> Instant {
        let margin =
            if self.has(Bug::DeadlineWithoutMargin) { self.terms.length / 10 } else { Duration::ZERO };
        self.terms.deadline(self.instant(held.since)) + margin
    }

    /// True if the handler may be running, as long as its process has time to look at its clock.
    pub(super) fn believes(&self, held: Held, now: Tick) -> bool {
        self.instant(now) < self.deadline(held) + self.terms.length / NOTICE_PARTS
    }

    fn job_to_be(&self, job: JobIndex) -> NewJob {
        NewJob {
            job_type: JOB_TYPE.to_owned(),
            payload: rawdoc! { "data": null },
            priority: 0,
            id: None,
            delay_ms: 0,
            run_at_ms: None,
            max_attempts: self.size.max_attempts,
            dedupe: self.size.jobs[usize::from(job)].clone(),
            coalesce_latest: false,
            dedupe_for_ms: None,
            is_detailed: false,
            timeout_ms: None,
            expires_in_ms: None,
            backoff: Some(BackoffKind::Fixed),
            backoff_delay_ms: Some(0),
            backoff_max_delay_ms: Some(0),
            trace: None,
        }
    }

    pub(super) fn new_job(&self, job: JobIndex) -> Document {
        let now = ServerTime::exactly(moment(0).timestamp_millis());
        let document = self.job_to_be(job).pending(&name("job", job), now);
        Document::try_from(&document.expect("it has data")).expect("it can be decoded")
    }

    /// The same, as claimed.
    pub(super) fn handed_off(&self, job: JobIndex, token: Token, drafted: Tick) -> Document {
        let now = ServerTime::exactly(moment(drafted).timestamp_millis());
        let lease_ms = self.terms.length.as_millis() as i64;
        let job_to_be = self.job_to_be(job);
        let document = job_to_be.handed_off(&name("job", job), &name("token", token), lease_ms, now);
        Document::try_from(&document.expect("it has data")).expect("it can be decoded")
    }

    pub(super) fn may_be_handed_off(&self, job: JobIndex) -> bool {
        hand_off::is_possible(&self.job_to_be(job))
    }

    /// The engine's own statement, unless a mistake is planted in it.
    pub(super) fn statement(&self, command: &Command) -> Statement {
        let statement = match command {
            Command::Claim { token } => {
                let lease = LeaseKind::Managed(self.terms.length);
                let mut taking = taking::taking(&name("token", *token), lease);
                if self.has(Bug::ClaimThatKeepsTheAttempts) {
                    taking.push(doc! { "$set": { "attempt": 1 } });
                }
                Statement::one(due::due(JOB_TYPE), taking)
            }
            Command::HandOff { .. } => unreachable!("an insert is no statement on a document"),
            Command::Renew { job, token } => renew::renewing(
                vec![name("job", *job).into()],
                vec![&name("token", *token)],
                LeaseLength::first(self.terms.length),
            ),
            Command::Settle { claimed, verdict, transition, .. } => {
                let mut planned = self.planned(*claimed, *verdict);
                planned.transition = *transition;
                planned.statement()
            }
            Command::Recover(found) => self.expired(*found).statement(self.visibility_timeout_ms(), None),
            Command::Cancel { seen, .. } => self.cancelling(*seen).expect("it was open then"),
        };
        match self.bug {
            Some(bug) => bug.plant(command, statement),
            None => statement,
        }
    }

    /// The write that cancels a job that looks like this; none if there is nothing to write.
    pub(super) fn cancelling(&self, seen: DocId) -> Option<Statement> {
        let request =
            cancel::Request { reason: None, proof: CANCELLER, log: None, from: None, wait: Wait::Long };
        cancel::step(Some(&self.server.get(seen).raw), &request).expect("it can be read").write
    }

    pub(super) fn visibility_timeout_ms(&self) -> i64 {
        self.terms.length.as_millis() as i64
    }

    pub(super) fn planned(&self, claimed: DocId, verdict: Verdict) -> PreparedVerdict {
        let header = Header::read(&self.server.get(claimed).raw).expect("a job");
        let mut planned = PreparedVerdict::new(VerdictRequest {
            header: header.into(),
            verdict,
            reason: None,
            is_only_settler: true,
            log: None,
            details: Details::default(),
        });
        if self.has(Bug::FailureThatIsAlwaysRetried) && verdict == Verdict::Fail {
            planned.transition = Transition::Retry;
        }
        planned
    }

    pub(super) fn expired(&self, Found { document, has_follower, is_behind, .. }: Found) -> Expired {
        let job = &self.server.get(document).raw;
        let header = Header::read(job).expect("a job");
        let mut expired = Expired::new(job, header, has_follower).expect("it can be read");
        if is_behind && !self.has(Bug::RecoveryThatNeverYields) {
            expired.transition = expired.transition.behind_follower();
        }
        expired
    }
}
