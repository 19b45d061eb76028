//! Whether workers start what they were told of, or find it by looking for themselves.

use std::time::Duration;

/// So many that their median tells one from the other, on a busy machine too.
pub(crate) const ROUNDS: usize = 21;

/// `waits` are from when each job could be started until it was. An idle worker without push looks by itself after a fifth
/// of a second at the earliest, whatever its poll interval. It may have been about to look, but not most of the time.
pub(crate) fn assert_told(mut waits: Vec<Duration>) {
    waits.sort_unstable();
    assert!(waits[waits.len() / 2] < Duration::from_millis(150), "{waits:?}");
}
