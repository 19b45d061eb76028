//! The types whose wake-ups are wanted of the stream.

use std::collections::BTreeSet;

/// The types whose wake-ups are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Interest {
    pub(super) types: BTreeSet<String>,
    pub(super) everything: bool,
}

impl Interest {
    pub(super) fn is_empty(&self) -> bool {
        self.types.is_empty() && !self.everything
    }

    /// True if this includes all of the other one.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.everything || (!other.everything && self.types.is_superset(&other.types))
    }
}
