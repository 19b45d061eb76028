//! Changes that an operator asks for: a job is run again, earlier, later, or removed. Each is a fenced write to one document, under a
//! status that it may lead out of, and sure of what happened when a reply was lost.

pub(crate) mod change;
mod found;
pub(crate) mod many;
pub(crate) mod one;
pub(crate) mod remove;
mod waking;
