//! Creating jobs: group commit.
//!
//! A lone call is written at once. Calls that arrive while a write is on its way travel together in the next
//! one. So the number of round trips falls as the load grows, and no call waits for company.

mod coalesce;
mod create;
mod created;
mod draft;
pub(crate) mod enqueuer;
pub(crate) mod hand_off;
mod handing_over;
mod refused;
pub(crate) mod request;
mod writer;
