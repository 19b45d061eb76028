//! Ending claims: fenced, in batches, and with a look-up when a reply was lost.

pub(crate) mod carry_out;
pub(crate) mod prepared;
pub(crate) mod proofs;
pub(crate) mod read_back;
#[cfg(test)]
mod tests;
pub(crate) mod writing;
