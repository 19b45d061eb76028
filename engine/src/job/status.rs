//! The status of a job, and its words in the database.

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Waits to be claimed, now or from `runAt` on.
    Pending,
    /// Claimed: a worker holds its lease.
    Active,
    /// Ended well.
    Completed,
    /// Ended for good after a failure.
    Failed,
    /// Ended because the follower of the same key covers its work; no failure.
    Superseded,
}

impl Status {
    /// Every status, in the order of a job's life.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Active, Self::Completed, Self::Failed, Self::Superseded];

    /// The word stored in the document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
        }
    }

    /// The status a stored word stands for, if any.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// True if the job has ended: no settlement changes it any more, only a retry.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Pending | Self::Active => false,
            Self::Completed | Self::Failed | Self::Superseded => true,
        }
    }
}

/// The jobs that a dedupe key excludes while it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DedupeScope {
    /// One job at most, pending or active.
    PendingAndActive,
    /// One active job at most, and one pending follower behind it.
    Pending,
}

impl DedupeScope {
    /// The word stored in the document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PendingAndActive => "pending+active",
            Self::Pending => "pending",
        }
    }

    /// The scope a stored word stands for, if any.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "pending+active" => Some(Self::PendingAndActive),
            "pending" => Some(Self::Pending),
            _ => None,
        }
    }
}
