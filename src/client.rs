//! Clients: connecting, reconnecting, and the events of a connection's life.
//!
//! [`Client::connect`] makes one connection; [`Client::builder`] says more about it. A lost connection is made again after
//! waits that grow ([`Backoff`]), and its namespaces are joined again. For programs without an async runtime there is
//! [`blocking`](crate::blocking).
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use jidda::Client;
//! use jidda::client::{Backoff, OfflinePolicy};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("tcp://127.0.0.1:8000")
//!     .reconnect(Backoff::default().limit(Duration::from_secs(30)))
//!     .offline_policy(OfflinePolicy::Reject)
//!     .connect()
//!     .await?;
//! let sum: i64 = client.call("add", &(1, 2)).await?;
//! # Ok(())
//! # }
//! ```

pub use jidda_runtime::{
    Backoff, Client, ClientBuilder, ClientEvent, ClientEvents, ConnectError, ListeningClient, OfflinePolicy,
    RetryQueue,
};
#[cfg(feature = "web-client")]
pub use jidda_runtime::{Version, WebError, WebTransport};
