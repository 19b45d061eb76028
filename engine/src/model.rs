//! A model of claims, leases and verdicts, explored completely: every order of the steps of a few processes. Commands
//! may arrive late, twice or never, replies may be lost, and processes may stop for any time or for good.
//!
//! It is tied to the engine twice. Every filter and every update is the engine's own. A small server in memory runs
//! them, and [`replay`] has MongoDB run each of them as well. Every decision is the engine's own too: the
//! transition of a verdict, the end of a lease, the fate of a write without a reply.
//!
//! | file                | contents                                            |
//! | ------------------- | --------------------------------------------------- |
//! | `state`             | the stored, the travelling and the believed state   |
//! | `steps`, `workers`  | the possible next steps                             |
//! | `protocol`          | the engine's statement for each step                |
//! | `promises`          | promises that must hold                             |
//! | `bug`               | mistakes that must be noticed                       |
//! | `sizes`             | the sizes to explore                                |
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
