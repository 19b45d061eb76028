//! The connections of one client, shared out so that slow operations keep no others waiting.
//!
//! The driver's pool knows one queue: the first caller has the connection, for as long as the server takes to answer.
//! But some answers are long in coming by their nature, and some must not come late. So the bound of the app
//! (`maxPoolSize`) is kept here, for the usual operations, and the others have connections beside it:
//!
//! ```text
//!   usual        maxPoolSize
//!   stream       one for each change stream: its answer may take seconds, and is always awaited
//!   renewal      one, if all the usual ones are busy: a lease must not be lost because of that
//!   heartbeat    as renewals; they are made by hand, so there may be many of them
//!   held up      as many as are usual, up to ten: writes that wait for the end of a transaction of the app
//! ```
//! The driver makes a connection when there is none to be had, so unused ones cost nothing.

use std::sync::Arc;

use mongodb::options::ClientOptions;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Kinds of operations that wait for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Operations that are short, and no more urgent than any other.
    Usual,
    /// The lane of a change stream.
    Stream,
    /// The lane for the leases that this process keeps.
    Renewal,
    /// The lane for a lease renewed by hand.
    Heartbeat,
    /// A write that waits for a transaction of the app.
    HeldUp,
}

/// The default of the drivers.
const DEFAULT_SIZE: u32 = 10;
/// Connections for writes that are held up.
const MOST_HELD_UP: usize = 10;

/// The lanes of one client.
#[derive(Debug, Clone)]
pub(crate) struct Lanes(Arc<Turns>);

#[derive(Debug)]
struct Turns {
    usual: Semaphore,
    renewals: Semaphore,
    heartbeats: Semaphore,
    held_up: Semaphore,
}

/// The right to use a connection, until it is dropped.
pub(crate) struct Turn<'a> {
    _permit: Option<SemaphorePermit<'a>>,
}

impl Lanes {
    /// Takes the bound on connections over from a client that is about to be made.
    pub(super) fn instead_of(options: &mut ClientOptions) -> Self {
        let size = options.max_pool_size.unwrap_or(DEFAULT_SIZE);
        options.max_pool_size = Some(u32::MAX);
        Self::new(if size == 0 { u32::MAX } else { size })
    }

    fn new(size: u32) -> Self {
        let size = (size as usize).min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Turns {
            usual: Semaphore::new(size),
            renewals: Semaphore::new(1),
            heartbeats: Semaphore::new(1),
            held_up: Semaphore::new(size.min(MOST_HELD_UP)),
        }))
    }

    /// Waits for a connection to be free; first come, first served.
    pub(crate) async fn turn(&self, lane: Lane) -> Turn<'_> {
        let Turns { usual, renewals, heartbeats, held_up } = &*self.0;
        // None of them is ever closed.
        let permit = match lane {
            Lane::Usual => usual.acquire().await.ok(),
            Lane::Stream => None,
            Lane::Renewal => either(usual, renewals).await,
            Lane::Heartbeat => either(usual, heartbeats).await,
            Lane::HeldUp => held_up.acquire().await.ok(),
        };
        Turn { _permit: permit }
    }
}

async fn either<'a>(first: &'a Semaphore, second: &'a Semaphore) -> Option<SemaphorePermit<'a>> {
    tokio::select! {
        biased;
        permit = first.acquire() => permit.ok(),
        permit = second.acquire() => permit.ok(),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn long_and_urgent_operations_go_beside_the_usual_ones() {
        let lanes = Lanes::new(1);
        let now = |lane| lanes.turn(lane).now_or_never();
        let usual = now(Lane::Usual);
        assert!(usual.is_some() && now(Lane::Usual).is_none());
        let streams = [now(Lane::Stream), now(Lane::Stream)];
        assert!(streams.iter().all(Option::is_some));
        let (renewal, heartbeat, held_up) = (now(Lane::Renewal), now(Lane::Heartbeat), now(Lane::HeldUp));
        assert!(renewal.is_some() && heartbeat.is_some() && held_up.is_some());
        assert!(now(Lane::Renewal).is_none() && now(Lane::HeldUp).is_none());
        drop(usual);
        let second_renewal = now(Lane::Renewal);
        assert!(second_renewal.is_some(), "a usual connection does as well");
        assert!(now(Lane::Usual).is_none());
    }

    #[test]
    fn the_bound_of_the_app_is_kept_here_and_no_bound_is_none() {
        for (given, usual) in [(None, 10), (Some(3), 3), (Some(0), u32::MAX as usize)] {
            let mut options = ClientOptions::default();
            options.max_pool_size = given;
            let lanes = Lanes::instead_of(&mut options);
            assert_eq!(options.max_pool_size, Some(u32::MAX));
            assert_eq!(lanes.0.usual.available_permits(), usual);
        }
    }
}
