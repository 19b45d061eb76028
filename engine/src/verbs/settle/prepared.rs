//! A verdict and the write that it takes.

use std::{sync::Arc, time::Duration};

use mongodb::bson::{Bson, Document, RawDocument};

use super::{
    proofs,
    writing::{Change, writing},
};
use crate::{
    job::{
        cancellation::Cancellation,
        document::{Header, new_token, text},
        fence, fields,
        log::LogBounds,
        retry,
        status::Status,
        transition::Transition,
        verdict::{Details, Settled, Verdict},
    },
    store::write::Statement,
};

/// A verdict on a claim.
#[derive(Debug, Clone)]
pub(crate) struct VerdictRequest {
    pub(crate) header: Arc<Header>,
    pub(crate) verdict: Verdict,
    pub(crate) reason: Option<String>,
    /// True if a job that is found settled under this token counts as settled by this call.
    pub(crate) is_only_settler: bool,
    /// Bounds of the job's log; none if the verdict leaves nothing there, nor among the job's failed attempts.
    pub(crate) log: Option<LogBounds>,
    pub(crate) details: Details,
}

impl VerdictRequest {
    /// True if it may lead back to `pending`, under a key that has room for one pending job.
    pub(crate) fn may_wait_for_key(&self) -> bool {
        matches!(self.verdict, Verdict::Fail | Verdict::Release) && self.header.may_have_follower()
    }

    /// A completion by the holder of the claim.
    pub(super) fn completion(header: Header, result: Option<Bson>) -> Self {
        Self {
            header: header.into(),
            verdict: Verdict::Complete,
            reason: None,
            is_only_settler: true,
            log: None,
            details: Details { result, is_by_hand: true, ..Details::default() },
        }
    }
}

/// A longer reason is cut: it is for people, and shares its document with the payload.
pub(super) const MOST_REASON_BYTES: usize = 8 * 1024;

/// A request, and the write for it.
pub(crate) struct PreparedVerdict {
    pub(super) request: VerdictRequest,
    /// The mark of this request in the document afterwards: the claim's token, or one made up for a caller
    /// without a claim.
    pub(super) proof: String,
    pub(crate) transition: Transition,
    retry_delay: Duration,
    /// The mark of the job, as far as it is known.
    cancellation: Option<Cancellation>,
}

impl PreparedVerdict {
    pub(crate) fn new(mut request: VerdictRequest) -> Self {
        let Header { attempt, max_attempts, backoff, .. } = *request.header;
        let transition = Transition::of_verdict(request.verdict, attempt, max_attempts);
        let retry_delay = match transition {
            Transition::Retry => {
                request.details.delay.unwrap_or_else(|| retry::delay(backoff, attempt, rand::random()))
            }
            _ => request.details.delay.unwrap_or_default(),
        };
        if matches!(request.verdict, Verdict::Complete | Verdict::Release) {
            // Nothing has failed.
            request.reason = None;
        }
        let proof = request.header.token.clone().unwrap_or_else(new_token);
        let cancellation = request.header.cancellation.clone();
        let mut prepared = Self { request, proof, transition, retry_delay, cancellation };
        if prepared.cancellation.is_some() && prepared.yields_to_cancellation() {
            prepared.transition = Transition::Cancel;
        }
        prepared
    }

    pub(crate) fn outcome(&self) -> Settled {
        match self.transition {
            Transition::Complete => Settled::Completed,
            Transition::Retry => Settled::RetryScheduled(self.retry_delay),
            Transition::Fail => Settled::FailedTerminal,
            Transition::Release if !self.retry_delay.is_zero() => Settled::Deferred(self.retry_delay),
            Transition::Release | Transition::Recover => Settled::Released,
            Transition::Supersede => Settled::Superseded,
            Transition::Cancel => Settled::Cancelled,
            Transition::Expire => Settled::Expired,
        }
    }

    /// Cancels the job instead, if the job found is this claim's and was asked to be cancelled: that kept the write
    /// from matching.
    pub(crate) fn cancelled_instead(&mut self, found: &RawDocument) -> bool {
        let is_held = match self.request.header.token.as_deref() {
            Some(token) => is_active(found) && text(found, fields::CLAIM_TOKEN) == Some(token),
            None => status_of(found).is_some_and(|status| self.transition.out_of(status).is_some()),
        };
        let found = if is_held { Cancellation::of_job(found) } else { None };
        if found.is_none() || !self.yields_to_cancellation() {
            return false;
        }
        self.cancellation = found;
        self.transition = Transition::Cancel;
        true
    }

    fn yields_to_cancellation(&self) -> bool {
        self.transition.yields_to_cancellation(self.request.details.is_by_hand)
    }

    pub(crate) fn statement(&self) -> Statement {
        Statement::one(self.fence(), self.update())
    }

    fn fence(&self) -> Document {
        let Header { id, token, .. } = &*self.request.header;
        let fence = match token {
            Some(token) => fence::held(id, token),
            None => fence::without_token(id, self.transition, &self.proof),
        };
        self.fenced(fence)
    }

    /// The same fence, but the mark of a cancellation is another reason to write nothing.
    pub(super) fn fenced(&self, fence: Document) -> Document {
        if self.yields_to_cancellation() { fence::uncancelled(fence) } else { fence }
    }

    pub(super) fn update(&self) -> Vec<Document> {
        let VerdictRequest { header, verdict, reason, log, details, .. } = &self.request;
        let reason = match (self.transition, &self.cancellation) {
            (Transition::Cancel, cancellation) => {
                cancellation.as_ref().and_then(|cancellation| cancellation.reason.as_ref())
            }
            _ => reason.as_ref(),
        };
        writing(Change {
            is_fatal: *verdict == Verdict::FailFatal,
            reason: reason.map(|reason| clip(reason)),
            stack: details.stack.as_deref(),
            result: details.result.as_ref(),
            delay: self.retry_delay,
            parked_until: details.parked_until,
            proof: Some(&self.proof),
            notes: *log,
            ..Change::of(self.transition, header)
        })
    }
}

fn status_of(job: &RawDocument) -> Option<Status> {
    text(job, fields::STATUS).and_then(Status::parse)
}

fn is_active(job: &RawDocument) -> bool {
    status_of(job) == Some(Status::Active)
}

/// The filter and the update that complete a claim, for another driver to run.
pub(crate) fn completing(header: Header, result: Option<Bson>) -> (Document, Vec<Document>) {
    let prepared = PreparedVerdict::new(VerdictRequest::completion(header, result));
    (prepared.fence(), prepared.update())
}

/// The outcome of a job whose request may or may not have matched.
pub(crate) fn judge(job: &PreparedVerdict, document: Option<&RawDocument>, may_be_own: bool) -> Settled {
    let Some(document) = document else {
        return Settled::NotFound;
    };
    let status = status_of(document);
    // A job that was given back may have run elsewhere since. A job that ended under this claim got the same end.
    let is_own = proofs::include(document, &job.proof)
        || (text(document, fields::CLAIM_TOKEN) == Some(&job.proof)
            && job.transition.target().is_terminal()
            && status == Some(job.transition.target()))
        || (job.transition.target().is_terminal()
            && proofs::include_end(document, &job.proof, job.transition.target()));
    match status {
        _ if may_be_own && is_own => job.outcome(),
        Some(status) if status.is_terminal() => Settled::AlreadyTerminal(status),
        _ => Settled::LeaseLost,
    }
}

pub(super) fn clip(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(MOST_REASON_BYTES)]
}
