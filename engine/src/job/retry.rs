//! The wait of a failed job before its next attempt.
//!
//! Jittered from the first retry on: jobs that failed together, because something they share was down, must not come
//! back together.

use std::time::Duration;

use super::fields;

/// The growth of the delay's ceiling from one attempt to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackoffKind {
    /// Doubles with each attempt.
    #[default]
    Exponential,
    /// Stays the same.
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
    /// The growth of the delay.
    pub kind: BackoffKind,
    /// The shortest delay, in milliseconds.
    pub delay_ms: i64,
    /// The longest delay before jitter, in milliseconds; no effect below `delay_ms`. `None`: a minute, or sixty times `delay_ms` if
    /// that is longer.
    pub max_delay_ms: Option<i64>,
}

/// The policy of a job which doesn't say.
impl Default for BackoffPolicy {
    fn default() -> Self {
        Self { kind: BackoffKind::default(), delay_ms: fields::DEFAULT_BACKOFF_DELAY_MS, max_delay_ms: None }
    }
}

/// However narrow the bounds are, a delay is spread over this part of itself.
const LEAST_SPREAD: f64 = 10.0;
/// The ratio of the default longest delay to the shortest.
const DEFAULT_GROWTH: i64 = 60;
/// Doubling any whole delay this often passes every cap.
const MOST_DOUBLINGS: i32 = 64;

/// The delay after attempt number `attempt` (1 is the first) has failed. `random` is at least 0 and below 1.
///
/// Never below `delay_ms`; `vectors/retry.json` holds examples that the in-memory backends are tested against as well.
#[must_use]
pub fn delay(policy: BackoffPolicy, attempt: i32, random: f64) -> Duration {
    let shortest = policy.delay_ms.max(0) as f64;
    let ceiling = match policy.kind {
        BackoffKind::Exponential => {
            (shortest * 2_f64.powi(attempt.clamp(1, MOST_DOUBLINGS))).min(longest(policy) as f64)
        }
        BackoffKind::Fixed => shortest,
    };
    let highest = ceiling.max(shortest + shortest / LEAST_SPREAD);
    let ms = shortest + random * (highest - shortest);
    Duration::from_millis(ms.floor() as u64)
}

/// The longest delay before jitter.
fn longest(policy: BackoffPolicy) -> i64 {
    policy.max_delay_ms.unwrap_or_else(|| {
        policy.delay_ms.saturating_mul(DEFAULT_GROWTH).max(fields::DEFAULT_BACKOFF_MAX_DELAY_MS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_stays_within_its_bounds_whatever_the_policy_is() {
        let odd = [i64::MIN, -1, 0, 1, 1_000, 60_000, 1_000_000_000_000_000];
        for delay_ms in odd {
            for max_delay_ms in odd.map(Some).into_iter().chain([None]) {
                for attempt in [i32::MIN, -1, 0, 1, 2, 64, i32::MAX] {
                    for kind in [BackoffKind::Exponential, BackoffKind::Fixed] {
                        let policy = BackoffPolicy { kind, delay_ms, max_delay_ms };
                        let (lowest, highest) =
                            (delay(policy, attempt, 0.0), delay(policy, attempt, 0.999_999));
                        let shortest = Duration::from_millis(delay_ms.max(0).unsigned_abs());
                        let spread = shortest + shortest / 10;
                        let longest =
                            Duration::from_millis(longest(policy).max(0).unsigned_abs()).max(spread);
                        assert_eq!(lowest, shortest, "{policy:?}, attempt {attempt}");
                        assert!(highest >= lowest && highest <= longest, "{policy:?}, attempt {attempt}");
                    }
                }
            }
        }
    }

    #[test]
    fn unknown_words_mean_the_default() {
        for kind in [BackoffKind::Exponential, BackoffKind::Fixed] {
            assert_eq!(BackoffKind::parse(kind.as_str()), kind);
        }
        assert_eq!(BackoffKind::parse("linear"), BackoffKind::default());
    }
}
