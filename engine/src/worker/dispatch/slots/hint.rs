//! Hints that there may be work.

/// Reasons that there may be work, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Hint {
    None,
    /// Something may have been missed, here and elsewhere.
    Vague,
    /// A job is there; others have heard of it too.
    Shared,
    /// A job is there; this process knew it first.
    Own,
}

impl Hint {
    pub(super) fn of(value: u8) -> Self {
        [Self::None, Self::Vague, Self::Shared, Self::Own][usize::from(value)]
    }
}
