//! The outcome of a sweep.

/// A job that a sweep has taken from a holder that was gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveredJob {
    /// Its id, as text.
    pub id: String,
    /// Its type.
    pub job_type: String,
    /// The attempt that its holder left.
    pub attempt: i32,
    /// The attempts that it may have.
    pub max_attempts: i32,
    /// Its end: `exhausted`, `cancelled` or `superseded`; none if it runs again.
    pub ending: Option<&'static str>,
}

/// The result of a sweep.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sweep {
    /// Jobs taken from holders that were gone.
    pub handled: u64,
    /// True if there may be more than the sweep was allowed to take.
    pub saturated: bool,
    /// These jobs. Those of a command of which another process had written some are left out: the server does not say which.
    pub jobs: Vec<RecoveredJob>,
}
