//! Everything that people and the binding hear: events, outages, jobs that the server refuses to write, and the tasks that
//! had to be started again.

pub(crate) mod event;
pub(crate) mod outage;
pub(crate) mod sweep;
pub(crate) mod tally;
pub(crate) mod tasks;
pub(crate) mod unwritable;
