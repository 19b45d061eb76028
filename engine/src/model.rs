//! A model of claims, leases and verdicts, explored completely: every order in which the steps of a few processes can come, with
//! commands that arrive late, twice or never, replies that are not heard, and processes that stop for any time or for good.
//!
//! It is tied to the engine twice. Every filter and every update is the engine's own: a small server in memory runs them, and
//! [`replay`] has MongoDB run each of them as well. Every decision is the engine's own too: what a verdict comes to, until when a
//! lease is believed in, what became of a write whose reply was lost.
//!
//! | file                | what it says                                        |
//! | ------------------- | --------------------------------------------------- |
//! | `state`             | what is stored, what is on its way, what is believed |
//! | `steps`, `workers`  | what may happen next                                |
//! | `protocol`          | which of the engine's statements that is            |
//! | `promises`          | what must hold                                      |
//! | `bug`               | mistakes that must be noticed                       |
//! | `sizes`             | what is explored                                    |
//! | `explorer`          | every state, breadth first                          |
//! | `server`            | filters, updates, unique indexes                    |
//!
//! `DURABL_MODEL=large` explores more workers, commands and failures: minutes instead of seconds.

mod bug;
mod damaged;
mod explorer;
mod promises;
mod protocol;
mod replay;
#[path = "../tests/suite/support/rounds.rs"]
mod rounds;
mod server;
mod sizes;
mod state;
mod steps;
mod tests;
mod workers;
