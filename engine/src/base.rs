//! The room under all others: errors, patience, locks. It knows neither jobs nor a database's collections.

pub(crate) mod error;
pub(crate) mod patience;
pub(crate) mod sync;
