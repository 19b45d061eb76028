//! The binding: what JavaScript calls and what it is told. Plain data and callbacks; no rule of its own.
//!
//! Operations stand by capability, in files of the same names as in the engine and in `lib/mongo`. The gate writes the
//! types of all this for the other side, `lib/mongo/native/addon.ts`, from the very declarations here.

mod admin;
mod claims;
mod connection;
mod convert;
mod engine;
mod event;
mod failure;
mod produce;
mod query;
mod reply;
mod runtime;
mod sink;
mod transact;
mod version;
mod work;
