//! How a client reaches a server by HTTP: WebSockets, long polling, proxies, redirects and cookies.
//!
//! [`open`] gives a stream that carries the frames of a WebSocket, whatever is below it, so that what is above knows one
//! form only: unmasked frames to read, masked ones to write.

mod compression;
mod cookies;
mod dial;
mod error;
mod exchange;
mod first_frame;
mod handshake;
mod options;
mod route;
mod settings;
#[cfg(all(test, feature = "server"))]
mod tests;
mod websocket;

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

pub use error::WebError;
use first_frame::FirstFrames;
pub(crate) use handshake::Handshake;
pub(crate) use options::WebOptions;
pub use options::WebTransport;
use route::Route;
use websocket::step;

use super::error::ConnectError;
use crate::peer::{Security, Transport};
use crate::transport::{Stream, WebAddress};
use crate::wire::engine_io::Version;

/// How long a server of version 3 may take for its second packet, by which it is known. The first one is the same in
/// both versions.
const SECOND_PACKET: Duration = Duration::from_millis(500);

/// A connection to a server of Engine.IO.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Carries the frames of a WebSocket: unmasked ones to read, masked ones to write.
    pub(crate) stream: Stream,
    /// The version of Engine.IO that the server speaks.
    pub(crate) version: Version,
    /// The server's first packet; it is not in the stream.
    pub(crate) handshake: Handshake,
    /// What the connection began with.
    pub(crate) transport: Transport,
    /// What the server proved in TLS.
    pub(crate) security: Option<Security>,
}

/// Connects to a server of Engine.IO, by the transports that the program allows.
///
/// # Errors
///
/// [`ConnectError::Web`].
///
/// # Cancel safety
///
/// Dropping the future gives the attempt up.
pub(crate) async fn open(address: &WebAddress, options: &WebOptions) -> Result<Opened, ConnectError> {
    let opened = open_websocket(address, options, options.version).await;
    opened.map_err(|source| ConnectError::Web { address: address.to_string(), source })
}

async fn open_websocket(
    address: &WebAddress,
    options: &WebOptions,
    version: Option<Version>,
) -> Result<Opened, WebError> {
    let mut route = Route::new(address, options);
    let asked = version.unwrap_or(Version::V4);
    let target = |route: &Route| route.target(asked, "websocket", &[]);
    let websocket = websocket::open(&mut route, options, target, None).await?;
    let mut frames = FirstFrames::new(websocket.stream);
    let text = step(options, "the first packet of the server", frames.text()).await?;
    let json = text.strip_prefix('0').ok_or_else(|| WebError::foreign(text.as_bytes()))?;
    let handshake = Handshake::read(json.as_bytes())?;
    let version = match version {
        Some(version) => version,
        // Servers of the earlier version do not know of this field, nor do the first ones of the later version.
        None if handshake.max_payload.is_some() => Version::V4,
        None => found(&mut frames).await,
    };
    let stream = frames.into_stream();
    Ok(Opened { stream, version, handshake, transport: Transport::WebSocket, security: websocket.security })
}

/// The version of a server by what it does next: one of version 3 lets the client into the root namespace, unasked.
async fn found(frames: &mut FirstFrames) -> Version {
    let deadline = Instant::now() + SECOND_PACKET;
    while !frames.begins_with("40") {
        match timeout_at(deadline, frames.more()).await {
            Ok(Ok(1..)) => {}
            // Whoever uses the stream meets its end.
            _ => return Version::V4,
        }
    }
    Version::V3
}
