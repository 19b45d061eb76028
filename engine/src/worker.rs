//! The parts that keep running: the hub of a collection, and the dispatchers and runs of an engine. Loops renew
//! leases, write verdicts and sweep.

mod canceller;
pub(crate) mod dispatch;
mod grouping;
pub(crate) mod hand_off;
pub(crate) mod hub;
mod journal_writer;
pub(crate) mod reaper;
pub(crate) mod renewer;
pub(crate) mod retention;
pub(crate) mod run_events;
pub(crate) mod runs;
pub(crate) mod schedules;
pub(crate) mod upkeep;
mod verdict_writer;
