//! Failures, as a kind that callers can act on, a sentence that people can, and the server's own code.

pub(crate) mod in_words;
mod unconfirmed;
mod validation;

use std::{collections::HashSet, fmt};

use mongodb::{
    bson::Document,
    error::{ErrorKind as DriverKind, WriteFailure},
};

use validation::{FAILED_VALIDATION, broken_rules};

/// The kind of a failure, as far as a caller can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The server can't be reached, or went away.
    Connection,
    /// The server refused the credentials.
    Authentication,
    /// The credentials are right, but the user has no right to do this.
    Permission,
    /// Time ran out; the operation may still have happened.
    Timeout,
    /// The server is older than this package supports.
    ServerTooOld,
    /// Change streams were asked of a server that has none.
    NotReplicaSet,
    /// An index of one of durabl's names has another definition.
    IndexConflict,
    /// The engine has been shut down.
    ShutDown,
    /// The engine refuses an argument that only it can judge.
    InvalidArgument,
    /// The job is larger than a document may be.
    PayloadTooLarge,
    /// The journal of a job is damaged.
    JournalDamaged,
    /// An option of the connection can't be honoured.
    InvalidOption,
    /// The server could not confirm a write as the write concern asks; it may have applied the write.
    WriteFailed,
    /// The server refused an operation.
    Server,
    /// A mistake of this package, or a document that no program should have written.
    Internal,
}

/// A failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    server_code: Option<i32>,
    transient: bool,
}

/// The result of most functions of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Not primary, shutting down, interrupted by a state change, host or network trouble, and write conflicts. With these
/// codes a server says "try again", as the drivers' specifications list them.
const TRANSIENT_CODES: [i32; 17] =
    [6, 7, 24, 50, 89, 91, 112, 189, 262, 384, 9001, 10_107, 11_600, 11_602, 13_435, 13_436, 10_058];
/// The usual cause.
const CREDENTIALS_HINT: &str = " (check the user, the password and the authSource)";
const UNAUTHORIZED: i32 = 13;
const TIME_LIMIT_EXCEEDED: i32 = 50;
const AUTHENTICATION_FAILED: i32 = 18;
/// The document is too large as it came, or after an update.
const DOCUMENT_TOO_LARGE: [i32; 3] = [10_334, 17_419, 17_420];

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), server_code: None, transient: false }
    }

    pub(crate) fn shut_down() -> Self {
        Self::new(ErrorKind::ShutDown, "the queue has been shut down")
    }

    pub(crate) fn cut_off() -> Self {
        Self::new(ErrorKind::ShutDown, "the queue was shut down before the server had answered")
    }

    /// A task of the engine has panicked in the middle of the operation.
    pub(crate) fn interrupted() -> Self {
        Self::new(
            ErrorKind::Internal,
            "a fault in durabl interrupted this call; its operation may have taken effect or not",
        )
    }

    pub(crate) fn timeout(what: &str) -> Self {
        Self { transient: true, ..Self::new(ErrorKind::Timeout, format!("{what} took too long")) }
    }

    pub(crate) fn primary_replaced(what: &str) -> Self {
        let message = format!("{what} was not answered, and another server is primary now");
        Self { transient: true, ..Self::new(ErrorKind::Connection, message) }
    }

    /// A unique index that isn't durabl's keeps a job from this status.
    pub(crate) fn foreign_index(status: &str) -> Self {
        let message = format!(
            "a unique index on dedupeKey that isn't durabl's refuses a second job of this key with status \"{status}\"; drop it"
        );
        Self::new(ErrorKind::IndexConflict, message)
    }

    pub(crate) fn stream_ended() -> Self {
        let message = "the server ended it, as it does when the collection is dropped or renamed";
        Self { transient: true, ..Self::new(ErrorKind::Connection, message) }
    }

    /// A refusal by the server, by its code.
    pub(crate) fn from_server(code: i32, message: impl Into<String>) -> Self {
        let kind = match code {
            UNAUTHORIZED => ErrorKind::Permission,
            AUTHENTICATION_FAILED => ErrorKind::Authentication,
            code if DOCUMENT_TOO_LARGE.contains(&code) => ErrorKind::PayloadTooLarge,
            _ => ErrorKind::Server,
        };
        Self {
            kind,
            message: message.into(),
            server_code: Some(code),
            transient: TRANSIENT_CODES.contains(&code),
        }
    }

    /// A refusal by the server, with the rules of a validator that its `errInfo` names.
    pub(crate) fn refused_by_rule(code: i32, message: &str, info: Option<&Document>) -> Self {
        let rules = info.filter(|_| code == FAILED_VALIDATION).and_then(broken_rules);
        Self::from_server(
            code,
            rules.map_or_else(|| message.to_owned(), |rules| format!("{message}: {rules}")),
        )
    }

    /// True if a validator of the collection refuses the document.
    pub(crate) fn is_validation(&self) -> bool {
        self.server_code == Some(FAILED_VALIDATION)
    }

    /// A document that can't be handed on.
    #[must_use]
    pub fn unreadable(error: impl fmt::Display) -> Self {
        Self::encoding(error)
    }

    pub(crate) fn encoding(error: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Internal, format!("a document could not be encoded or read: {error}"))
    }

    pub(crate) fn mark_transient(&mut self) {
        self.transient = true;
    }

    /// The kind of the failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The server's own code, if the server refused.
    #[must_use]
    pub fn server_code(&self) -> Option<i32> {
        self.server_code
    }

    /// True if the server gave up as its time was up. Its effects until then are unknown.
    pub(crate) fn is_time_limit(&self) -> bool {
        self.server_code == Some(TIME_LIMIT_EXCEEDED)
    }

    /// True if the same call may succeed later, with nothing changed on this side.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.transient
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<mongodb::error::Error> for Error {
    fn from(error: mongodb::error::Error) -> Self {
        if let DriverKind::Write(WriteFailure::WriteConcernError(ref refusal)) = *error.kind {
            return Self::unconfirmed(
                refusal.code,
                &refusal.code_name,
                &refusal.message,
                refusal.details.as_ref(),
            );
        }
        if let Some(code) = server_code(&error.kind) {
            let info = error
                .server_response()
                .and_then(|reply| reply.get_document("errInfo").ok())
                .and_then(|info| Document::try_from(info).ok());
            let mut known = Self::refused_by_rule(code, &in_words::of(&error.kind), info.as_ref());
            known.transient |= is_labelled_transient(error.labels());
            return known;
        }
        let (kind, transient) = match *error.kind {
            DriverKind::Authentication { .. } if is_refused_for_now(&error) => (ErrorKind::Connection, true),
            DriverKind::Authentication { .. } => (ErrorKind::Authentication, false),
            DriverKind::ServerSelection { ref message, .. } if is_about_credentials(message) => {
                (ErrorKind::Authentication, false)
            }
            DriverKind::InvalidArgument { .. } | DriverKind::InvalidTlsConfig { .. } => {
                (ErrorKind::InvalidOption, false)
            }
            DriverKind::Io(_)
            | DriverKind::ConnectionPoolCleared { .. }
            | DriverKind::DnsResolve { .. }
            | DriverKind::ServerSelection { .. } => (ErrorKind::Connection, true),
            DriverKind::IncompatibleServer { .. } => (ErrorKind::ServerTooOld, false),
            _ => (ErrorKind::Internal, is_labelled_transient(error.labels())),
        };
        // The error's own text also holds its labels and the server's whole reply, which may quote a job.
        let message = in_words::of(&error.kind);
        let hint = if kind == ErrorKind::Authentication { CREDENTIALS_HINT } else { "" };
        Self { kind, message: format!("{message}{hint}"), server_code: None, transient }
    }
}

/// After a first refusal the driver takes the server for unknown, and mentions the reason only in its description.
fn is_about_credentials(message: &str) -> bool {
    message.contains("Authentication failed") || message.contains("AuthenticationFailed")
}

/// A server that starts, stops or steps down refuses all who authenticate: that is not about the credentials.
fn is_refused_for_now(error: &mongodb::error::Error) -> bool {
    // The driver keeps the server's own words in a box of the same type.
    let cause = std::error::Error::source(error)
        .and_then(|cause| cause.downcast_ref::<Box<mongodb::error::Error>>())
        .and_then(|cause| server_code(&cause.kind));
    cause.is_some_and(|code| TRANSIENT_CODES.contains(&code))
}

fn is_labelled_transient(labels: &HashSet<String>) -> bool {
    labels.contains("RetryableWriteError") || labels.contains("ResumableChangeStreamError")
}

fn server_code(kind: &DriverKind) -> Option<i32> {
    match kind {
        DriverKind::Command(error) => Some(error.code),
        DriverKind::Write(WriteFailure::WriteError(error)) => Some(error.code),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_known_by_its_code() {
        for (code, kind) in [
            (UNAUTHORIZED, ErrorKind::Permission),
            (AUTHENTICATION_FAILED, ErrorKind::Authentication),
            (DOCUMENT_TOO_LARGE[0], ErrorKind::PayloadTooLarge),
            (1, ErrorKind::Server),
        ] {
            let error = Error::from_server(code, "no");
            assert_eq!((error.kind(), error.server_code(), error.is_transient()), (kind, Some(code), false));
        }
        for code in TRANSIENT_CODES {
            assert!(Error::from_server(code, "no").is_transient(), "{code}");
        }
    }
}
