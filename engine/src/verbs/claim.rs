//! Taking due jobs, in order of priority, then of time due.
//!
//! One job: one `findAndModify`. Many, or when the first one can't be taken: a [`batch`].

pub(crate) mod batch;
pub(crate) mod contention;
pub(crate) mod due;
mod gate;
pub(crate) mod one;
pub(crate) mod room;
pub(crate) mod taken;
pub(crate) mod taking;
pub(crate) mod tokens;
