//! Quiet processors: nothing is due for them, so that a job that is made now may be handed off.

use std::{sync::atomic::Ordering, time::Instant};

use super::{Hint, MOST_UNSETTLED, Slots};
use crate::{
    base::sync::lock,
    wake::hints::{Audience, Listener, Wake},
};

impl Slots {
    /// No job is known to be due: until a hint comes. Says so.
    pub(in super::super) fn become_quiet(&self) {
        let mut state = lock(&self.state);
        state.is_quiet = Hint::of(self.hint.load(Ordering::Acquire)) == Hint::None;
    }

    pub(in super::super) fn no_longer_quiet(&self) {
        lock(&self.state).is_quiet = false;
    }

    /// True if a job that is made now would be the next one.
    pub(crate) fn is_quiet(&self) -> bool {
        lock(&self.state).is_quiet && self.is_claiming()
    }

    /// Takes a free slot for a job that is being made, if it would be the next one.
    pub(crate) fn hold_slot(&self) -> bool {
        let mut state = lock(&self.state);
        let is_possible = state.is_quiet
            && state.running < state.concurrency
            && state.unsettled < MOST_UNSETTLED
            && self.is_claiming();
        if is_possible {
            state.running += 1;
        }
        is_possible
    }

    /// It is not known if a job was made under this token. The next claim looks.
    pub(crate) fn leave_uncertain(&self, token: String, since: Instant) {
        lock(&self.state).uncertain.push((token, since));
        self.hint_at(Hint::Own);
    }

    pub(in super::super) fn take_uncertain(&self) -> Vec<(String, Instant)> {
        std::mem::take(&mut lock(&self.state).uncertain)
    }

    pub(super) fn hint_at(&self, hint: Hint) {
        self.hint.fetch_max(hint as u8, Ordering::AcqRel);
        lock(&self.state).is_quiet = false;
        self.changed.notify_one();
    }

    pub(in super::super) fn take_hint(&self) -> Hint {
        Hint::of(self.hint.swap(Hint::None as u8, Ordering::AcqRel))
    }

    pub(in super::super) fn has_own_hint(&self) -> bool {
        self.hint.load(Ordering::Acquire) == Hint::Own as u8
    }
}

impl Listener for Slots {
    fn wake(&self, wake: &Wake, audience: Audience) {
        let hint = match (wake, audience) {
            (Wake::Type(job_type), _) if *job_type != self.config.job_type => return,
            (_, Audience::Here) => Hint::Own,
            (Wake::Type(_), Audience::Everyone) => Hint::Shared,
            (Wake::Any, Audience::Everyone) => Hint::Vague,
        };
        self.hint_at(hint);
    }
}
