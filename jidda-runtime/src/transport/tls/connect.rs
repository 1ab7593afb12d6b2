//! A client's side of the handshake.

use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::super::peer_alert::PeerAlert;
use super::explain::explain;
use super::{TlsClient, TlsStream};

/// Speaks TLS to the server at this host and port, which `stream` leads to.
///
/// # Errors
///
/// Why the server is not trusted, or the alert that it sent.
///
/// # Cancel safety
///
/// Dropping the future closes the stream.
pub(in crate::transport) async fn connect(
    stream: TcpStream,
    authority: &str,
    client: &TlsClient,
) -> io::Result<TlsStream> {
    let config = client.config().await?;
    handshake(stream, authority, client, config).await
}

/// The same for a server of HTTP.
///
/// # Errors
///
/// Why the server is not trusted, or the alert that it sent.
///
/// # Cancel safety
///
/// Dropping the future closes the stream.
#[cfg(feature = "web-client")]
pub(in crate::transport) async fn connect_for_http(
    stream: TcpStream,
    authority: &str,
    client: &TlsClient,
) -> io::Result<TlsStream> {
    let config = client.config_for_http().await?;
    handshake(stream, authority, client, config).await
}

async fn handshake(
    stream: TcpStream,
    authority: &str,
    client: &TlsClient,
    config: Arc<ClientConfig>,
) -> io::Result<TlsStream> {
    let name = client.name(authority).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let connecting = TlsConnector::from(config).connect(name, stream);
    let stream = connecting.await.map_err(|error| explain(&error))?;
    Ok(TlsStream::new(stream, PeerAlert::pending()))
}
