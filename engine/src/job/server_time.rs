//! The server's present, as a bracket: two moments that it surely lies between.

use std::time::Duration;

use mongodb::bson::DateTime;

/// A bracket around the server's present, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServerTime {
    earliest_ms: i64,
    latest_ms: i64,
}

impl ServerTime {
    /// The server's clock shows a moment between these two.
    pub(crate) fn between(earliest_ms: i64, latest_ms: i64) -> Self {
        Self { earliest_ms, latest_ms }
    }

    /// A known moment, for measurements of later ones.
    #[cfg(any(test, feature = "hot-paths"))]
    pub(crate) fn exactly(ms: i64) -> Self {
        Self { earliest_ms: ms, latest_ms: ms }
    }

    /// A moment that is surely not in the server's future.
    pub(crate) fn earliest(self) -> DateTime {
        DateTime::from_millis(self.earliest_ms)
    }

    /// The distance of the two: by so much earlier than it seems the server's clock may have shown the earlier one.
    pub(crate) fn width(self) -> Duration {
        Duration::from_millis(self.latest_ms.saturating_sub(self.earliest_ms).unsigned_abs())
    }

    /// The bracket this many milliseconds before.
    pub(crate) fn earlier(self, ms: i64) -> Self {
        Self::between(self.earliest_ms.saturating_sub(ms), self.latest_ms.saturating_sub(ms))
    }

    /// Surely not after the time that the server's clock showed so long ago.
    pub(crate) fn earliest_ago(self, ago: Duration) -> DateTime {
        let ago = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX).saturating_add(1);
        DateTime::from_millis(self.earliest_ms.saturating_sub(ago))
    }

    /// `ms` after the server's present, or a moment later; never sooner.
    pub(crate) fn after(self, ms: i64) -> DateTime {
        DateTime::from_millis(self.latest_ms.saturating_add(ms))
    }

    /// Time until the server's clock surely shows `at`; zero if it is past.
    pub(crate) fn until(self, at: DateTime) -> Duration {
        let ms = at.timestamp_millis().saturating_sub(self.earliest_ms);
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn until_is_zero_for_the_past_and_counts_from_the_early_side() {
        let time = ServerTime::between(500, 510);
        assert_eq!(time.until(DateTime::from_millis(400)), Duration::ZERO);
        assert_eq!(time.until(DateTime::from_millis(900)), Duration::from_millis(400));
    }

    #[test]
    fn a_bracket_is_as_wide_as_its_moments_are_apart() {
        assert_eq!(ServerTime::between(500, 510).width(), Duration::from_millis(10));
        assert_eq!(ServerTime::exactly(500).width(), Duration::ZERO);
    }
}
