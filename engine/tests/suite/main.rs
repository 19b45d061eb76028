//! The engine against a real server, through its public face only.
//!
//! `DURABL_TEST_URL` names a replica set started with `enableTestCommands=1`. Each test works in a database of its own,
//! which is dropped when the test ends, also when it fails. One binary, because linking takes longer than most tests.

mod support;

mod beginnings;
mod claims;
mod costs;
mod dispatch;
mod endings;
mod enqueueing;
mod foreign;
mod held_up;
mod lost_replies;
mod mixed_leases;
mod recovery;
mod renewal;
mod settlement;
mod shared_hub;
mod streams;
mod transactions;
mod vectors;
