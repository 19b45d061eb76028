//! The binding: what JavaScript calls and what it is told. Plain data and callbacks; no rule of its own.
//!
//! The surface is described, for the other side, in `lib/mongo/native/addon.ts`: same names, same order.

mod connection;
mod engine;
mod event;
mod failure;
mod job;
mod reply;
mod runtime;
mod sink;
mod transaction;
mod version;
