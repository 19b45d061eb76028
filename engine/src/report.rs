//! Everything that people and the binding hear: events, outages, jobs that nobody can write, tasks that had to be started
//! again.

pub(crate) mod event;
pub(crate) mod outage;
pub(crate) mod supervisor;
pub(crate) mod unwritable;
