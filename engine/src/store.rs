//! Round trips: commands and their replies, the server's clock, looks at keys and times, the indexes. Decides nothing about
//! a job.

pub(crate) mod clock;
pub(crate) mod collection;
mod concern;
pub(crate) mod holders;
pub(crate) mod indexes;
pub(crate) mod server_check;
pub(crate) mod side;
pub(crate) mod soonest;
pub(crate) mod spill;
pub(crate) mod types;
pub(crate) mod write;
