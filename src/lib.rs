//! The binding: the calls by JavaScript, and the events for it. Plain data and callbacks; no rule of its own.
//!
//! Operations stand by capability, in files of the same names as in the engine and in `lib/mongo`. The types of all this for
//! `lib/`, `lib/mongo/native/addon.ts`, are written from the declarations here by `scripts/native-types.mjs`.

mod admin;
mod claims;
mod connection;
mod control;
mod convert;
mod engine;
mod event;
mod failure;
mod fleet;
mod journal;
mod produce;
mod query;
mod reply;
mod runtime;
mod schedules;
mod sink;
mod transact;
mod version;
mod work;
