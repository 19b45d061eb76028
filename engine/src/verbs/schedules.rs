//! Schedules: documents of the side collection that make jobs again and again.
//!
//! The engine knows when a schedule is due, and how to write the jobs of its occurrences. JavaScript computes the
//! moments of occurrences: there is one calendar, for all backends. So most of a schedule's document means nothing
//! here.
//!
//! | field | |
//! |---|---|
//! | `rev` | another one after each change that a call has made |
//! | `nextRunAt` | the next occurrence, by which the schedule is found when it is due; missing while it can't come |
//! | `lastAt` | the newest occurrence that has come |
//! | `skipped` | occurrences that are to be left out |
//! | `job` | the job of each occurrence, with its payload, in the fields of a job |
//! | `spec`, `owner`, `paused`, `digest` | JavaScript's |

pub(crate) mod due;
pub(crate) mod fire;
pub(crate) mod keep;
mod occurrence;
pub(crate) mod trigger;

const REV: &str = "rev";
const JOB: &str = "job";
const SPEC: &str = "spec";
const LAST_AT: &str = "lastAt";
const SKIPPED: &str = "skipped";
