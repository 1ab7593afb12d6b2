//! A connected client and server.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::client::{Client, ClientBuilder};
use crate::error::{Error, Result};
use crate::server::{Server, ServerBuilder};
use crate::wall_clock::WallClock;

/// An in-memory address that no other test has.
pub(super) fn address() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("mem:jidda-testing-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Connects a client to a server that serves only `service`'s handlers.
///
/// ```standalone_crate
/// use jidda::prelude::*;
///
/// struct Counter;
///
/// #[namespace("/")]
/// impl Counter {
///     #[on]
///     async fn add(&self, a: i64, b: i64) -> i64 {
///         a + b
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> jidda::Result<()> {
/// let (client, _server) = jidda::testing::pair(Counter).await?;
/// assert_eq!(CounterClient::new(&client).add(1, 2).await?, 3);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// What is wrong with the handlers, or why the root namespace refused the client.
///
/// # Panics
///
/// Outside a tokio runtime.
///
/// # Cancel safety
///
/// Dropping the future drops the server and the client.
pub async fn pair<S: Send + Sync + 'static>(service: S) -> Result<(Client, Server)> {
    let builder = Server::builder().only_service::<S>().service(service);
    pair_with(builder, |client| client).await
}

/// Connects a client to a server, each built as the test needs it. The server serves all handlers that are linked into the
/// test program, unless its builder chooses some; [`TestServer`](super::TestServer) serves only those that are named.
///
/// ```
/// use jidda::Server;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> jidda::Result<()> {
/// let builder = Server::builder().handlers([]).max_message(10_000);
/// let (client, server) = jidda::testing::pair_with(builder, |client| client.auth(&"ada")).await?;
/// assert_eq!(server.count(), 1);
/// # drop(client);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// What is wrong with the handlers, or why the root namespace refused the client.
///
/// # Panics
///
/// Outside a tokio runtime.
///
/// # Cancel safety
///
/// Dropping the future drops the server and the client.
pub async fn pair_with(
    server: ServerBuilder,
    client: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Result<(Client, Server)> {
    let address = address();
    let server = server.wall_clock(WallClock::tokio()).listen(address.clone()).start().await?;
    let client = client(Client::builder(address)).connect().await.map_err(Error::from)?;
    Ok((client, server))
}
