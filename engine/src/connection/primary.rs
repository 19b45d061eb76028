//! The primary server, as the driver's monitors see it.
//!
//! A primary that freezes, or that the network has cut off, answers nothing and breaks no connection: its callers
//! wait. The monitors of the other servers tell within a moment that another one has taken its place. From then on an
//! answer is not worth waiting for.

use std::time::Duration;

use mongodb::{
    ServerType,
    event::{EventHandler, sdam::SdamEvent},
    options::{ClientOptions, ServerAddress},
};
use tokio::sync::watch;

/// For operations already on their way to the new primary, or answers from one that stepped down in good order.
const GRACE: Duration = Duration::from_secs(1);

/// The primary that was seen last. It stays the last one seen while there is none.
#[derive(Debug, Clone)]
pub(crate) struct Primary {
    seen: watch::Receiver<Option<ServerAddress>>,
}

impl Primary {
    /// Has a client that is made of these options report its primaries.
    pub(crate) fn observe(options: &mut ClientOptions) -> Self {
        let (tell, seen) = watch::channel(None);
        options.sdam_event_handler = Some(EventHandler::callback(move |event| {
            if let SdamEvent::TopologyDescriptionChanged(event) = event {
                let servers = event.new_description.servers();
                let primary =
                    servers.iter().find(|(_, server)| server.server_type() == ServerType::RsPrimary);
                if let Some((address, _)) = primary {
                    tell.send_if_modified(|known| {
                        known.replace((*address).clone()).as_ref() != Some(*address)
                    });
                }
            }
        }));
        Self { seen }
    }

    /// The server that was seen as primary last, if any was.
    pub(crate) fn last_seen(&self) -> Option<ServerAddress> {
        self.seen.borrow().clone()
    }

    /// Resolves once another server is primary than the one that is, or was last, when the call is made. That may be never.
    pub(crate) fn replaced(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut seen = self.seen.clone();
        let before = seen.borrow_and_update().clone();
        async move {
            let is_another = |primary: &Option<ServerAddress>| before.is_some() && *primary != before;
            if seen.wait_for(is_another).await.is_err() {
                // The client is gone, and with it the monitors that would tell.
                return std::future::pending().await;
            }
            tokio::time::sleep(GRACE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> ServerAddress {
        ServerAddress::Tcp { host: "host".to_owned(), port: Some(port) }
    }

    #[tokio::test(start_paused = true)]
    async fn only_another_primary_replaces_one() {
        let (tell, seen) = watch::channel(None);
        let primary = Primary { seen };
        let from_nothing = tokio::spawn(primary.replaced());
        tell.send_replace(Some(address(1)));
        let from_the_first = tokio::spawn(primary.replaced());
        tell.send_replace(Some(address(1)));
        tokio::time::sleep(GRACE * 2).await;
        assert!(!from_the_first.is_finished());
        tell.send_replace(Some(address(2)));
        from_the_first.await.expect("it ends");
        drop(tell);
        tokio::time::sleep(GRACE * 2).await;
        assert!(!from_nothing.is_finished());
        from_nothing.abort();
    }
}
