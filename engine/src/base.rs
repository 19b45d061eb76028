//! Under everything: errors, patience, locks. Knows neither jobs nor a database's collections.

pub(crate) mod error;
pub(crate) mod patience;
pub(crate) mod sync;
