//! The hand-off: a job that is made as claimed already, because a processor of this process would claim it next anyway.
//!
//! Its document says so from the first moment on: there is nothing to take back. While it is not known if it was
//! written, the holder of the slot looks it up by the token, as after any claim.

use std::{sync::Arc, time::Instant};

use mongodb::bson::RawDocumentBuf;

use crate::job::{
    document::{ClaimedJob, NewJob},
    status::DedupeScope,
};

/// The processors that can start jobs at once.
pub(crate) trait Starters: Send + Sync {
    /// A free slot for a job of this type, if nothing is known to be due that would go first. The job's lease counts from `since`.
    fn hold_slot(&self, job_type: &str, since: Instant) -> Option<Box<dyn HeldSlot>>;
}

/// A slot that waits for its job. After a drop, it is not known if the job was made: then the token tells later.
pub(crate) trait HeldSlot: Send + Sync {
    /// The proof of the lease that the job is made with.
    fn token(&self) -> &str;
    /// The length of that lease, in milliseconds.
    fn lease_ms(&self) -> i64;
    /// The job is there, and claimed here. None if it is given back instead of started.
    fn made(self: Box<Self>, job: ClaimedJob) -> Option<HandedOff>;
    /// There is no job of the token, and will be none.
    fn not_made(self: Box<Self>);
}

/// Takes back a run that its caller never heard of.
pub(crate) trait Owner: Send + Sync {
    fn give_back(&self, run_id: u32);
}

/// A job on its way to its handler, behind the answer to the call that made it. Given back if that does not arrive.
pub struct HandedOff {
    processor_id: u32,
    run_id: u32,
    document: Option<RawDocumentBuf>,
    owner: Arc<dyn Owner>,
}

impl HandedOff {
    pub(crate) fn new(processor_id: u32, run_id: u32, job: ClaimedJob, owner: Arc<dyn Owner>) -> Self {
        Self { processor_id, run_id, document: Some(job.into_document()), owner }
    }

    /// The processor, the run and the job's document, for the one that starts it.
    #[must_use]
    pub fn into_parts(mut self) -> (u32, u32, RawDocumentBuf) {
        (self.processor_id, self.run_id, self.document.take().unwrap_or_default())
    }
}

impl Drop for HandedOff {
    fn drop(&mut self) {
        if self.document.is_some() {
            self.owner.give_back(self.run_id);
        }
    }
}

/// True if a job may be made as claimed. Under scope `pending` no index refuses a second active job beside a
/// pending follower. An id or a key that lasts may be taken by a job that has ended.
pub(crate) fn is_possible(job: &NewJob) -> bool {
    let is_plain = job.id.is_none() && job.dedupe_for_ms.is_none() && job.run_at_ms.is_none();
    let is_free = job.dedupe.as_ref().is_none_or(|dedupe| dedupe.scope == DedupeScope::PendingAndActive);
    is_plain && is_free && job.delay_ms <= 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::document::DedupeKey;

    #[test]
    fn only_a_plain_job_that_is_due_may_be_made_as_claimed() {
        let plain = NewJob::sample;
        let keyed = |scope| NewJob { dedupe: Some(DedupeKey { key: "k".to_owned(), scope }), ..plain() };
        assert!(is_possible(&plain()));
        assert!(is_possible(&keyed(DedupeScope::PendingAndActive)));
        for (why, job) in [
            ("its key has room for a follower", keyed(DedupeScope::Pending)),
            ("its id may be taken", NewJob { id: Some("a".to_owned()), ..plain() }),
            (
                "its key may be kept",
                NewJob { dedupe_for_ms: Some(1), ..keyed(DedupeScope::PendingAndActive) },
            ),
            ("it has a time", NewJob { run_at_ms: Some(0), ..plain() }),
            ("it has a delay", NewJob { delay_ms: 1, ..plain() }),
        ] {
            assert!(!is_possible(&job), "{why}");
        }
    }
}
