//! The number of jobs that there is room for, and the jobs that may be in each place.
//!
//! A process that dies spends an attempt of every job that it held, even of those that it had not started. So
//! one job that kills its process each time could use up the attempts of jobs which merely waited beside it.
//! Two rules keep every job's last attempt for itself. A job claimed ahead of a free slot has a further
//! attempt left. A last attempt after others were spent is claimed alone.
//!
//! Large jobs are claimed fewer at once: they are read in one go, within a time limit, and are held in memory.

/// The most bytes that are claimed together, unless it is one job.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// Room for jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// Jobs to be started at once.
    pub(crate) free: usize,
    /// Jobs to be started when others have ended.
    pub(crate) ahead: usize,
}

impl Room {
    /// One job, to be started at once.
    pub(crate) const ONE: Self = Self { free: 1, ahead: 0 };

    pub(crate) fn total(self) -> usize {
        self.free + self.ahead
    }

    /// The part of it that one job takes.
    pub(crate) fn for_one(self) -> Self {
        let free = self.free.min(1);
        Self { free, ahead: self.ahead.min(1 - free) }
    }
}

/// The attempts of a job that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempts {
    pub(super) spent: i32,
    pub(super) most: i32,
}

impl Attempts {
    /// True if one attempt can be lost without a start.
    fn are_plenty(self) -> bool {
        self.spent < self.most.saturating_sub(1)
    }

    fn are_nearly_spent(self) -> bool {
        self.spent > 0 && !self.are_plenty()
    }
}

/// The facts that decide if a waiting job is claimed together with those before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) attempts: Attempts,
    pub(super) bytes: usize,
}

/// The part of a row of jobs that is claimed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    /// The number taken, from the front.
    pub(super) taken: usize,
    /// True if the next one only waits for a free slot.
    pub(super) needs_slot: bool,
}

/// The end of a claim within a row of jobs.
pub(super) fn cut(room: Room, row: impl IntoIterator<Item = Load>) -> Cut {
    let mut taken = 0;
    let mut size = 0;
    for Load { attempts, bytes } in row {
        size += bytes;
        if taken > 0 && size > MOST_BYTES {
            break;
        }
        let is_to_start = taken < room.free;
        let fits = if is_to_start {
            taken == 0 || !attempts.are_nearly_spent()
        } else {
            taken < room.total() && attempts.are_plenty()
        };
        if !fits {
            return Cut { taken, needs_slot: !is_to_start && taken < room.total() };
        }
        taken += 1;
        if attempts.are_nearly_spent() {
            break;
        }
    }
    Cut { taken, needs_slot: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: Attempts = Attempts { spent: 0, most: 3 };
    const RETRIED: Attempts = Attempts { spent: 1, most: 3 };
    const LAST: Attempts = Attempts { spent: 2, most: 3 };
    const ONLY: Attempts = Attempts { spent: 0, most: 1 };

    fn room(free: usize, ahead: usize) -> Room {
        Room { free, ahead }
    }

    fn cut_of(room: Room, row: &[Attempts]) -> (usize, bool) {
        let Cut { taken, needs_slot } = cut(room, row.iter().map(|&attempts| Load { attempts, bytes: 500 }));
        (taken, needs_slot)
    }

    #[test]
    fn new_jobs_fill_all_the_room_and_no_more() {
        assert_eq!(cut_of(room(1, 2), &[NEW; 5]), (3, false));
        assert_eq!(cut_of(room(0, 2), &[NEW; 5]), (2, false));
        assert_eq!(cut_of(room(2, 2), &[NEW]), (1, false));
        assert_eq!(cut_of(room(1, 1), &[]), (0, false));
    }

    #[test]
    fn only_jobs_that_can_lose_an_attempt_are_claimed_ahead_of_a_slot() {
        assert_eq!(cut_of(room(1, 3), &[NEW, RETRIED, NEW, NEW]), (4, false));
        for other in [LAST, ONLY] {
            assert_eq!(cut_of(room(1, 3), &[NEW, NEW, other, NEW]), (2, true));
            assert_eq!(cut_of(room(0, 3), &[other]), (0, true));
        }
        assert_eq!(cut_of(room(3, 0), &[RETRIED, ONLY, NEW, RETRIED]), (3, false));
    }

    #[test]
    fn a_last_attempt_after_others_goes_alone() {
        assert_eq!(cut_of(room(4, 4), &[LAST, LAST, NEW]), (1, false));
        assert_eq!(cut_of(room(4, 4), &[NEW, RETRIED, LAST, NEW]), (2, false));
    }

    #[test]
    fn large_jobs_are_claimed_few_at_once_and_the_largest_alone() {
        let taken = |bytes: &[usize]| {
            cut(room(10, 10), bytes.iter().map(|&bytes| Load { attempts: NEW, bytes })).taken
        };
        assert_eq!(taken(&[MOST_BYTES / 4; 6]), 4);
        assert_eq!(taken(&[2 * MOST_BYTES, 1]), 1);
        assert_eq!(taken(&[1, 2 * MOST_BYTES, 1]), 1);
        assert_eq!(taken(&[1; 6]), 6);
    }

    #[test]
    fn room_for_one_is_a_slot_if_there_is_one() {
        assert_eq!(room(4, 4).for_one(), Room::ONE);
        assert_eq!(room(0, 4).for_one(), room(0, 1));
    }
}
