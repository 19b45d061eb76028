//! Wakes the workers of this process for jobs that a change has made due. Others learn it by the stream.

use std::time::Duration;

use super::change::{Change, Due};
use crate::{
    store::collection::Store,
    wake::hints::{Audience, Wake, WakeHub},
};

pub(super) async fn wake(wakes: &WakeHub, store: &Store, change: &Change, job_type: &str) {
    let wait = match change {
        Change::Retry { delay_ms, .. } => ms(*delay_ms),
        Change::Promote | Change::Reschedule { due: None, .. } => Duration::ZERO,
        Change::Reschedule { due: Some(Due::After(delay)), .. } => ms(*delay),
        Change::Reschedule { due: Some(Due::At(moment)), .. } => {
            // Without the server's time the wake-up comes early, which is harmless.
            store.server_time().await.map_or(Duration::ZERO, |now| now.until(*moment))
        }
    };
    if wait.is_zero() {
        wakes.wake(&Wake::Type(job_type.to_owned()), Audience::Here);
    } else {
        wakes.wake_after(job_type, wait);
    }
}

fn ms(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
