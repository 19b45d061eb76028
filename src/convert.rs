//! Values of JavaScript in the engine's units.

use std::time::Duration;

use napi::{Error, Status};

/// Milliseconds of JavaScript, fractions kept; a value that is negative or not a number is none.
pub(crate) fn millis(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1_000.0).unwrap_or(if ms > 0.0 { Duration::MAX } else { Duration::ZERO })
}

/// The error for an argument that no caller in `lib/` makes.
pub(crate) fn invalid(name: &str, came: &str) -> Error {
    Error::new(Status::InvalidArg, format!("{name}: {came}"))
}
