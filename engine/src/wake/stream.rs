//! Push: wake-ups from a change stream, one per client and collection.
//!
//! ```text
//!          startup                 opened                       lost
//!   off ───────────▶ connecting ───────────▶ streaming ───────────────────▶ reconnecting
//!                                              ▲   │ more types, other primary │
//!                                              │   └───▶ reopened by token     │
//!                                              └───────────────────────────────┘
//!                                                 reopened, then all types woken
//! ```
//! With fewer types it is opened anew, without a token and without being lost in between, and all types are woken.
//!
//! The driver resumes by token if it can. Any other trouble of the stream (token expired, collection dropped, the
//! server silent) ends in a new one and one wake-up for every type. Workers then look for missed jobs, so a stream
//! never has to be complete.
//!
//! Inserts carry their document, so type and time come along. Updates don't, and to have the server look each one up
//! would cost a read per change of any kind. The few that make a job claimable are looked up here, together.

mod changed;
pub(crate) mod follow;
mod interest;
mod pipeline;
pub(crate) mod watch;
