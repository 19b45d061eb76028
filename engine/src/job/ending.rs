//! How a failed job ended.

/// The cause of a job's end as `failed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// Its attempts are used up.
    Exhausted,
    /// An attempt failed in a way that no retry mends.
    Fatal,
    /// It was cancelled.
    Cancelled,
    /// It was not started in time.
    Expired,
}

impl Ending {
    /// The word stored in the document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Fatal => "fatal",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}
