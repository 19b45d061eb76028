//! The rules about jobs, without a round trip in them. They give the meaning of a document, the effect of a verdict,
//! the length of a lease or a back-off. Here are also the filters that fence a write. All of it can be read, and
//! tested, without a database.

pub(crate) mod cancellation;
pub(crate) mod document;
pub(crate) mod ending;
pub(crate) mod errors;
pub(crate) mod fence;
pub(crate) mod fields;
pub(crate) mod id_key;
pub(crate) mod journal;
pub(crate) mod keys;
pub(crate) mod lease;
pub(crate) mod listing;
pub(crate) mod log;
pub(crate) mod parking;
pub(crate) mod picked;
pub(crate) mod retention;
pub(crate) mod retry;
pub(crate) mod server_time;
pub(crate) mod status;
pub(crate) mod transition;
pub(crate) mod verdict;
