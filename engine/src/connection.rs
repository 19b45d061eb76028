//! The engine's own connection: its settings, and the clients that engines share.
//!
//! [`ConnectionSettings`] says everything an app's client can say, as plain data. Settings that the driver below can't
//! honour are refused by name in [`shared_client`], before any round trip. To ignore an option could mean to connect
//! with less security, or to another server, than the app does.

mod credential;
mod error;
pub(crate) mod lanes;
mod options;
pub(crate) mod primary;
mod reading;
pub(crate) mod registry;
mod secret_file;
mod settings;
mod tls;
mod uri;

pub use self::{
    error::ConnectionError,
    registry::{SharedClient, shared_client},
    settings::{ConnectionSettings, WriteAcknowledgment},
};
