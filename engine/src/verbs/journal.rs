//! The journals of orchestrations: records are appended under the fence, and read back.

pub(crate) mod append;
pub(crate) mod complete;
pub(crate) mod drafted;
mod joint;
pub(crate) mod look;
pub(crate) mod read;
mod spilling;
