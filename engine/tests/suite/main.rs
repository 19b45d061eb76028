//! The engine against a real server, through its public face only.
//!
//! `DURABL_TEST_URL` names a replica set started with `enableTestCommands=1`. Each test works in a database of its own,
//! which is dropped when the test ends, also when it fails. One binary, because linking takes longer than most tests.
//!
//! The files have the names of the verbs and loops that they test; `foreign`, `lost_replies` and `costs` are about all of them.

mod support;

mod cancel;
mod claim;
mod costs;
mod dispatch;
mod enqueue;
mod expiry;
mod fleet;
mod foreign;
mod hand_off;
mod journal;
mod list;
mod lost_replies;
mod pause;
mod recover;
mod renewer;
mod retention;
mod schedules;
mod settle;
mod shared_hub;
mod shutdown;
mod side;
mod small_pool;
mod startup;
mod steer;
mod stream;
mod transactions;
mod vectors;
mod wake;
