//! Hints of work, from enqueues here, from timers and from the change stream.

pub(crate) mod cancellations;
pub(crate) mod hints;
pub(crate) mod known_jobs;
pub(crate) mod stream;
pub(crate) mod timers;
