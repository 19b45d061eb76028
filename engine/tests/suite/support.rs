//! Tools that the tests share.

pub(crate) mod documents;
pub(crate) mod fail_point;
pub(crate) mod profile;
pub(crate) mod proxy;
pub(crate) mod queue;
pub(crate) mod recorder;
pub(crate) mod rounds;
pub(crate) mod server;
pub(crate) mod told;
pub(crate) mod transactions;
pub(crate) mod waiting;

pub(crate) use documents::{Job, active, line, pending};
pub(crate) use queue::{Opened, TestQueue};
pub(crate) use waiting::{eventually, let_pass, stand_still};
