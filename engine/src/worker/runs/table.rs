//! The state of each run.
//!
//! ```text
//!             verdict                written
//!   running ──────────▶ settling ────────────────▶ over
//!     │  ▲                 │                         ▲
//!     │  └─────────────────┘                         │
//!     │    not written, and the handler              │
//!     │    is there to hear of it                    │
//!     └──────────────────────────────────────────────┘
//!       lease lost; completed in a transaction; no verdict will come
//! ```
//! Beside that, a run holds its slot until its handler is known to have ended. As a rule that is with the verdict. It
//! is later if the handler settles by itself, completes its job in a transaction or loses its lease, and works on. A
//! job claimed for its slot before could not be started. So a run that is over is known for as long as it holds a
//! slot.

use std::{
    collections::{
        HashMap,
        hash_map::{Drain, Entry},
    },
    sync::Arc,
    time::Duration,
};

use crate::{
    job::document::Header,
    worker::{dispatch::slots::Slots, grouping::Grouped},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Its verdict is awaited, and its lease renewed.
    Running,
    /// Its verdict is being written; its lease is renewed meanwhile.
    Settling,
    /// The run is over: no event of it counts any more.
    Over,
}

/// The fate of a run whose verdict has been written, or given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing more.
    Over,
    /// Its handler hears that nothing was written. It may try again, as the lease is held.
    GoesOn,
    /// Its handler hears of that, too, but the lease is gone.
    Lost,
}

pub(super) struct Run {
    header: Arc<Header>,
    /// None for a claim made by hand and adopted.
    slots: Option<Arc<Slots>>,
    /// Its handler is at work, or about to be.
    pub(super) holds_slot: bool,
    pub(super) state: State,
}

impl Run {
    pub(super) fn new(header: Header, slots: Option<Arc<Slots>>) -> Self {
        Self { header: header.into(), slots, holds_slot: true, state: State::Running }
    }

    fn is_over(&self) -> bool {
        // A run without a slot has no processor to hear of it.
        self.state == State::Over && !(self.holds_slot && self.slots.is_some())
    }
}

/// News for processors, to be given all at once and when nothing is locked.
pub(super) struct SlotNews {
    settling: Grouped<Slots, ()>,
    settled: Grouped<Slots, ()>,
    freed: Grouped<Slots, Option<Duration>>,
}

impl SlotNews {
    pub(super) fn new() -> Self {
        Self { settling: Grouped::new(), settled: Grouped::new(), freed: Grouped::new() }
    }

    pub(super) fn tell(self) {
        for (slots, verdicts) in self.settling {
            slots.settling(verdicts.len());
        }
        for (slots, durations) in self.freed {
            slots.freed(durations);
        }
        for (slots, verdicts) in self.settled {
            slots.settled(verdicts.len());
        }
    }
}

/// The runs by their numbers.
#[derive(Default)]
pub(super) struct Table(HashMap<u32, Run>);

impl Table {
    pub(super) fn insert(&mut self, run_id: u32, run: Run) {
        self.0.insert(run_id, run);
    }

    pub(super) fn drain(&mut self) -> Drain<'_, u32, Run> {
        self.0.drain()
    }

    /// The runs whose verdicts are awaited.
    pub(super) fn running(&self) -> Vec<u32> {
        let running = self.0.iter().filter(|(_, run)| run.state == State::Running);
        running.map(|(run_id, _)| *run_id).collect()
    }

    pub(super) fn is_running(&self, run_id: u32) -> bool {
        self.0.get(&run_id).is_some_and(|run| run.state == State::Running)
    }

    /// Running to settling. Returns the job's header if the verdict is awaited.
    pub(super) fn verdict_came(&mut self, run_id: u32, news: &mut SlotNews) -> Option<Arc<Header>> {
        let run = self.0.get_mut(&run_id).filter(|run| run.state == State::Running)?;
        run.state = State::Settling;
        if let Some(slots) = &run.slots {
            news.settling.add(slots, ());
        }
        Some(run.header.clone())
    }

    /// The verdict of a settling run has been written, or given up. Returns the job's header, and the fate of the run.
    pub(super) fn settled(
        &mut self,
        run_id: u32,
        is_written: bool,
        is_lease_held: impl FnOnce() -> bool,
        news: &mut SlotNews,
    ) -> Option<(Arc<Header>, Next)> {
        let Entry::Occupied(mut entry) = self.0.entry(run_id) else { return None };
        let run = entry.get_mut();
        if run.state != State::Settling {
            return None;
        }
        if let Some(slots) = &run.slots {
            news.settled.add(slots, ());
        }
        let next = match is_written || !run.holds_slot {
            true => Next::Over,
            false if is_lease_held() => Next::GoesOn,
            false => Next::Lost,
        };
        run.state = match next {
            Next::Over | Next::Lost => State::Over,
            Next::GoesOn => State::Running,
        };
        let header = run.header.clone();
        if run.is_over() {
            entry.remove();
        }
        Some((header, next))
    }

    /// Running to over. True if it was running.
    pub(super) fn end_if_running(&mut self, run_id: u32) -> bool {
        let is_running = self.is_running(run_id);
        if is_running {
            self.change(run_id, |run| run.state = State::Over);
        }
        is_running
    }

    pub(super) fn header(&self, run_id: u32) -> Option<Arc<Header>> {
        Some(self.0.get(&run_id)?.header.clone())
    }

    /// A run's handler has ended, after as long as this if it had begun. Twice is harmless.
    pub(super) fn free_slot(&mut self, run_id: u32, elapsed: Option<Duration>, news: &mut SlotNews) {
        self.change(run_id, |run| {
            if let (true, Some(slots)) = (std::mem::take(&mut run.holds_slot), &run.slots) {
                news.freed.add(slots, elapsed);
            }
        });
    }

    fn change(&mut self, run_id: u32, change: impl FnOnce(&mut Run)) {
        let Entry::Occupied(mut entry) = self.0.entry(run_id) else { return };
        change(entry.get_mut());
        if entry.get().is_over() {
            entry.remove();
        }
    }
}
