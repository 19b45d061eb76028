//! The version of the engine.

use napi_derive::napi;

/// The package's version that this addon was built from: both sides of the border must be of one make.
#[napi]
#[must_use]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
