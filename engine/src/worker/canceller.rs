//! Finds the runs of this process whose jobs were asked to be cancelled, and tells them. It does so at once if a hint
//! names the job, and at intervals otherwise. A process without runs looks for none.

use std::time::Duration;

use super::renewer::Renewer;
use crate::{
    base::{error::Result, patience::Pauses},
    store::collection::Store,
    verbs::cancel,
    wake::hints::WakeHub,
};

/// The longest time without push until a running handler hears of its cancellation, without the look itself.
const INTERVAL: Duration = Duration::from_secs(5);

/// Looks, until dropped. Runs once per hub.
pub(crate) async fn run(store: &Store, wakes: &WakeHub, renewer: &Renewer) {
    let mut pauses = Pauses::default();
    loop {
        let is_wanted = tokio::select! {
            () = tokio::time::sleep(INTERVAL) => renewer.holds_any(),
            ids = wakes.cancellations.next() => renewer.holds_one_of(&ids),
        };
        while is_wanted && look(store, renewer).await.is_err() {
            tokio::time::sleep(pauses.next_pause()).await;
        }
        pauses.reset();
    }
}

async fn look(store: &Store, renewer: &Renewer) -> Result<()> {
    renewer.cancelled(&cancel::marks(store).await?);
    Ok(())
}
