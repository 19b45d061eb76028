//! Operations on jobs, one verb in one file or folder. Each decides, writes, and looks up the result of a
//! write whose reply was lost. A new operation is a new verb.

pub(crate) mod actions;
pub(crate) mod cancel;
pub(crate) mod claim;
pub(crate) mod claim_or_enqueue;
pub(crate) mod collect;
pub(crate) mod counts;
pub(crate) mod enqueue;
pub(crate) mod expire;
pub(crate) mod history;
pub(crate) mod journal;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod look_up;
pub(crate) mod pause;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod recover;
pub(crate) mod register;
pub(crate) mod renew;
pub(crate) mod retain;
pub(crate) mod schedules;
pub(crate) mod settle;
pub(crate) mod stats;
pub(crate) mod steer;
