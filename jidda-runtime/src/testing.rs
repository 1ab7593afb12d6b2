//! A connected client and server in memory, for tests of handlers.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::client::{Client, ClientBuilder};
use crate::error::{Error, Result};
use crate::server::{Server, ServerBuilder};

fn address() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("mem:jidda-testing-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A client connected to a server that serves only `service`'s handlers.
///
/// # Errors
///
/// What is wrong with the handlers, or why the root namespace refused the client.
///
/// # Panics
///
/// Outside a tokio runtime.
pub async fn pair<S: Send + Sync + 'static>(service: S) -> Result<(Client, Server)> {
    let builder = Server::builder().only_service::<S>().service(service);
    pair_with(builder, |client| client).await
}

/// A client connected to a server, each built as the test needs it.
///
/// # Errors
///
/// What is wrong with the handlers, or why the root namespace refused the client.
///
/// # Panics
///
/// Outside a tokio runtime.
pub async fn pair_with(
    server: ServerBuilder,
    client: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Result<(Client, Server)> {
    let address = address();
    let server = server.listen(address.clone()).start().await?;
    let client = client(Client::builder(address)).connect().await.map_err(Error::from)?;
    Ok((client, server))
}
