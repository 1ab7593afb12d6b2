//! Clients: connecting, joining, reconnecting.

pub mod blocking;
mod builder;
mod connecting;
mod credentials;
mod dialect;
mod dialect_settings;
mod error;
mod event;
mod handle;
pub(crate) mod join;
mod listen;
mod retry_queue;
mod source;
#[cfg(feature = "web-client")]
mod web;

pub use builder::{ClientBuilder, OfflinePolicy};
pub use error::ConnectError;
pub use event::ClientEvents;
pub use handle::Client;
pub(crate) use handle::Ending;
pub use listen::ListeningClient;
pub use retry_queue::RetryQueue;
#[cfg(feature = "web-client")]
pub use web::{WebError, WebTransport};
