//! The reasons that settings can't be honoured.

use std::fmt;

use crate::base::error::{Error, ErrorKind};

/// An option that can't be honoured, by the name that the connection string gives it. Holds no credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionError {
    /// The option, spelt as in a connection string.
    pub option: String,
    /// The fault, as a clause: `must be …`, `is not supported …`.
    pub message: String,
}

impl ConnectionError {
    pub(crate) fn new(option: &str, message: impl Into<String>) -> Self {
        Self { option: option.to_owned(), message: message.into() }
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection option {} {}", self.option, self.message)
    }
}

impl std::error::Error for ConnectionError {}

impl From<ConnectionError> for Error {
    fn from(error: ConnectionError) -> Self {
        Self::new(ErrorKind::InvalidOption, error.to_string())
    }
}
