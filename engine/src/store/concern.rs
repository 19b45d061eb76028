//! The app's write concern, as writes carry it, and a check that the replica set can meet it at all.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use mongodb::{
    bson::Document,
    options::{Acknowledgment, WriteConcern},
};

use crate::base::error::Error;

/// The write concern of a database.
#[derive(Debug, Clone)]
pub(super) struct ConcernCheck {
    document: Option<Document>,
    /// True if it may be one that the replica set can never meet.
    is_doubtful: Arc<AtomicBool>,
}

impl ConcernCheck {
    pub(super) fn of(concern: Option<&WriteConcern>) -> Self {
        let is_doubtful = concern.is_some_and(|concern| match &concern.w {
            Some(Acknowledgment::Nodes(nodes)) => *nodes > 1,
            Some(Acknowledgment::Custom(_)) => true,
            _ => false,
        });
        let document = concern.and_then(document);
        Self { document, is_doubtful: Arc::new(AtomicBool::new(is_doubtful)) }
    }

    /// None stands for the server's own default.
    pub(super) fn document(&self) -> Option<&Document> {
        self.document.as_ref()
    }

    /// The write concern, if it is to be checked before the next write.
    pub(super) fn unchecked(&self) -> Option<&Document> {
        self.document.as_ref().filter(|_| self.is_doubtful.load(Ordering::Relaxed))
    }

    /// The replica set can meet it.
    pub(super) fn passed(&self) {
        self.is_doubtful.store(false, Ordering::Relaxed);
    }

    /// A replica set whose members or modes were changed may meet it no longer.
    pub(super) fn learn(&self, error: &Error) {
        if error.is_never_confirmed() {
            self.is_doubtful.store(true, Ordering::Relaxed);
        }
    }
}

/// The same concern, without the wait for members that can meet it later.
pub(super) fn probing(concern: &Document) -> Document {
    let mut concern = concern.clone();
    concern.insert("wtimeout", 1);
    concern
}

fn document(concern: &WriteConcern) -> Option<Document> {
    let mut document = Document::new();
    match &concern.w {
        Some(Acknowledgment::Nodes(nodes)) => _ = document.insert("w", *nodes as i32),
        Some(Acknowledgment::Majority) => _ = document.insert("w", "majority"),
        Some(Acknowledgment::Custom(tag)) => _ = document.insert("w", tag.as_str()),
        _ => {}
    }
    if let Some(journal) = concern.journal {
        document.insert("j", journal);
    }
    if let Some(timeout) = concern.w_timeout {
        document.insert("wtimeout", timeout.as_millis() as i64);
    }
    (!document.is_empty()).then_some(document)
}
