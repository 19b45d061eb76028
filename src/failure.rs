//! Failures as data.

use durabl_engine::{Error, ErrorKind};
use napi_derive::napi;

/// An unexpected failure. `lib/` makes an error of it, with the caller's stack.
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct NativeFailure {
    /// A stable code, one of the public `ErrorCode`.
    pub code: &'static str,
    /// The message of the error.
    pub message: String,
    /// The server's own error code, if the server refused.
    pub server_code: Option<i32>,
}

impl From<Error> for NativeFailure {
    fn from(error: Error) -> Self {
        Self { code: code(error.kind()), message: error.to_string(), server_code: error.server_code() }
    }
}

impl NativeFailure {
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self { code: code(ErrorKind::Internal), message: message.into(), server_code: None }
    }
}

fn code(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Connection => "ERR_DURABL_CONNECTION",
        ErrorKind::Authentication => "ERR_DURABL_AUTHENTICATION",
        ErrorKind::Permission => "ERR_DURABL_PERMISSION_DENIED",
        ErrorKind::Timeout => "ERR_DURABL_TIMEOUT",
        ErrorKind::ServerTooOld => "ERR_DURABL_SERVER_TOO_OLD",
        ErrorKind::NotReplicaSet => "ERR_DURABL_NOT_A_REPLICA_SET",
        ErrorKind::IndexConflict => "ERR_DURABL_INDEX_CONFLICT",
        ErrorKind::ShutDown => "ERR_DURABL_SHUT_DOWN",
        ErrorKind::InvalidArgument => "ERR_DURABL_INVALID_ARGUMENT",
        ErrorKind::JournalDamaged => "ERR_DURABL_JOURNAL_DAMAGED",
        ErrorKind::PayloadTooLarge => "ERR_DURABL_PAYLOAD_TOO_LARGE",
        ErrorKind::InvalidOption => "ERR_DURABL_UNSUPPORTED_OPTION",
        ErrorKind::WriteFailed => "ERR_DURABL_WRITE_FAILED",
        ErrorKind::Server => "ERR_DURABL_SERVER",
        ErrorKind::Internal => "ERR_DURABL_INTERNAL",
    }
}
