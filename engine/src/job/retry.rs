//! How long a failed job waits before its next attempt.
//!
//! Jittered from the first retry on: jobs that failed together, because something they share was down, must not come
//! back together.

use std::time::Duration;

use super::fields;

/// How the ceiling of the delay moves from one attempt to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackoffKind {
    /// Doubles with each attempt.
    #[default]
    Exponential,
    /// Stays where it is.
    Fixed,
}

impl BackoffKind {
    /// The word stored in the document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exponential => "exponential",
            Self::Fixed => "fixed",
        }
    }

    /// The kind a stored word stands for; anything else is exponential.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        if word == "fixed" { Self::Fixed } else { Self::Exponential }
    }
}

/// A job's retry policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackoffPolicy {
    /// How the delay grows.
    pub kind: BackoffKind,
    /// The shortest delay, in milliseconds.
    pub delay_ms: i64,
    /// The longest delay, in milliseconds; never below `delay_ms`.
    pub max_delay_ms: i64,
}

/// That of a job which doesn't say.
impl Default for BackoffPolicy {
    fn default() -> Self {
        Self {
            kind: BackoffKind::default(),
            delay_ms: fields::DEFAULT_BACKOFF_DELAY_MS,
            max_delay_ms: fields::DEFAULT_BACKOFF_MAX_DELAY_MS,
        }
    }
}

/// A fixed delay is stretched by at most this part of itself.
const FIXED_SPREAD: f64 = 10.0;
/// Doubling any whole delay this often passes every cap.
const MOST_DOUBLINGS: i32 = 64;

/// The delay after attempt number `attempt` (1 is the first) has failed. `random` is at least 0 and below 1.
///
/// Never below `delay_ms`; `vectors/retry.json` holds examples that the in-memory backends are tested against as well.
#[must_use]
pub fn delay(policy: BackoffPolicy, attempt: i32, random: f64) -> Duration {
    let shortest = policy.delay_ms.max(0) as f64;
    let cap = (policy.max_delay_ms as f64).max(shortest);
    let uncapped = match policy.kind {
        BackoffKind::Exponential => shortest * 2_f64.powi(attempt.clamp(1, MOST_DOUBLINGS)),
        BackoffKind::Fixed => shortest + shortest / FIXED_SPREAD,
    };
    let ms = shortest + random * (uncapped.min(cap) - shortest);
    Duration::from_millis(ms.floor() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_stays_within_its_bounds_whatever_the_policy_is() {
        let odd = [i64::MIN, -1, 0, 1, 1_000, 60_000, 1_000_000_000_000_000];
        for delay_ms in odd {
            for max_delay_ms in odd {
                for attempt in [i32::MIN, -1, 0, 1, 2, 64, i32::MAX] {
                    for kind in [BackoffKind::Exponential, BackoffKind::Fixed] {
                        let policy = BackoffPolicy { kind, delay_ms, max_delay_ms };
                        let (lowest, highest) =
                            (delay(policy, attempt, 0.0), delay(policy, attempt, 0.999_999));
                        let shortest = Duration::from_millis(delay_ms.max(0).unsigned_abs());
                        let longest = Duration::from_millis(max_delay_ms.max(delay_ms).max(0).unsigned_abs());
                        assert_eq!(lowest, shortest, "{policy:?}, attempt {attempt}");
                        assert!(highest >= lowest && highest <= longest, "{policy:?}, attempt {attempt}");
                    }
                }
            }
        }
    }

    #[test]
    fn words_that_nobody_knows_mean_the_default() {
        for kind in [BackoffKind::Exponential, BackoffKind::Fixed] {
            assert_eq!(BackoffKind::parse(kind.as_str()), kind);
        }
        assert_eq!(BackoffKind::parse("linear"), BackoffKind::default());
    }
}
