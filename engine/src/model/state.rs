//! One state of the model: the stored documents, the statements on their way, and the beliefs of each process.
use super::server::{DocId, Reply};
use crate::job::{transition::Transition, verdict::Verdict};

/// Times are ticks of one clock, which the server shows and the processes measure by.
pub(super) type Tick = u8;
/// Claim tokens, in the order of the claims.
pub(super) type Token = u8;
/// A job, by its place.
pub(super) type JobIndex = u8;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) now: Tick,
    pub(super) jobs: Vec<Entry>,
    pub(super) workers: Vec<Worker>,
    /// They overtake each other.
    pub(super) commands: Vec<Command>,
    pub(super) reapers: Vec<Option<Found>>,
    /// For each claim token, the answers that its holder got, and the writes in its name.
    pub(super) fates: Vec<Fate>,
    pub(super) spent: Budget,
}

/// A job, as the process that enqueues it sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Entry {
    NotYet,
    /// It was sent as a claimed job, and has not arrived.
    OnItsWay,
    /// Its key was held.
    Refused,
    Stored(DocId),
}

/// Faults that may happen, or have happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    pub(super) claims: u8,
    pub(super) hand_offs: u8,
    pub(super) renewals: u8,
    /// Replies that are not waited for any longer; the command may still come to the server, even after the one that
    /// is sent instead.
    pub(super) timeouts: u8,
    pub(super) crashes: u8,
    pub(super) cancellations: u8,
}

/// A statement on its way to the server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Command {
    Claim {
        token: Token,
    },
    /// Makes the job as claimed: under the same id, token and time in every try.
    HandOff {
        job: JobIndex,
        token: Token,
        drafted: Tick,
    },
    Renew {
        job: JobIndex,
        token: Token,
    },
    Settle {
        job: JobIndex,
        token: Token,
        claimed: DocId,
        verdict: Verdict,
        transition: Transition,
    },
    Recover(Found),
    /// Cancels a job that looked like this.
    Cancel {
        job: JobIndex,
        seen: DocId,
    },
}

/// A job whose lease was seen to be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Found {
    pub(super) job: JobIndex,
    /// As it was then.
    pub(super) document: DocId,
    pub(super) has_follower: bool,
    /// True if its pending place turned out to be taken.
    pub(super) is_behind: bool,
}

/// The act of a process. It may take as long as it likes over each step: so do frozen ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Worker {
    Idle,
    /// A bit for each of the tokens of the claim; the last one is the present try's.
    Claiming {
        tokens: u8,
        sent: Tick,
        /// The job that it makes as claimed, instead of one that waits.
        hand_off: Option<JobIndex>,
        reply: Option<Claimed>,
    },
    Running {
        held: Held,
        renewal: Option<Renewal>,
    },
    Settling {
        held: Held,
        verdict: Verdict,
        transition: Transition,
        is_ambiguous: bool,
        reply: Option<Reply>,
    },
}

/// The result of a claim.
pub(super) type Claimed = Option<(JobIndex, DocId)>;

/// A claim, as its holder knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Held {
    pub(super) job: JobIndex,
    pub(super) token: Token,
    /// The document that the claim brought.
    pub(super) claimed: DocId,
    /// The moment from which the deadline counts.
    pub(super) since: Tick,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Renewal {
    pub(super) sent: Tick,
    pub(super) matched: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Fate {
    Open,
    /// Its verdict was written.
    Written(Transition),
    /// It got the answer that the lease is not its own.
    ToldLost,
}

impl State {
    /// The documents but for one.
    pub(super) fn beside(&self, job: JobIndex) -> Vec<DocId> {
        let others = self.jobs.iter().enumerate().filter(|(place, _)| *place != usize::from(job));
        others.filter_map(|(_, entry)| entry.stored()).collect()
    }

    pub(super) fn stored(&self, job: JobIndex) -> Option<DocId> {
        self.jobs[usize::from(job)].stored()
    }

    /// The order of equal ones makes no difference: one order of them stands for all.
    pub(super) fn sort(&mut self) {
        self.workers.sort_unstable();
        self.commands.sort_unstable();
        self.reapers.sort_unstable();
    }
}

impl Entry {
    pub(super) fn stored(self) -> Option<DocId> {
        match self {
            Self::Stored(id) => Some(id),
            Self::NotYet | Self::OnItsWay | Self::Refused => None,
        }
    }
}
