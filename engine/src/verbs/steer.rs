//! Changes by operators: a job is run again, earlier, later, or removed. Each is a fenced write to one document, under
//! a status that it may lead out of. If its reply was lost, it looks up what happened.

pub(crate) mod change;
mod found;
pub(crate) mod many;
pub(crate) mod one;
pub(crate) mod remove;
mod waking;
