//! Which transports and versions are tried, in which order.

use std::time::Duration;

use tokio::time::timeout_at;

use super::error::{Kind, WebError};
use super::first_frame::FirstFrames;
use super::handshake::Handshake;
use super::opened::{Opened, Upgraded};
use super::options::{WebOptions, WebTransport, Worked};
use super::polling;
use super::route::Route;
use super::websocket::{self, step};
use crate::client::error::ConnectError;
use crate::deadline;
use crate::foreign::printable;
use crate::peer::Transport;
use crate::transport::WebAddress;
use crate::wire::engine_io::Version;

/// How long a server of version 3 may take for its second packet, by which it is known. The first one is the same in
/// both versions.
const SECOND_PACKET: Duration = Duration::from_millis(500);

/// Connects to a server of Engine.IO, by the transports that the program allows, and in the version that the server
/// speaks. What worked is tried first the next time.
///
/// # Errors
///
/// [`ConnectError::Web`].
///
/// # Cancel safety
///
/// Dropping the future gives the attempt up.
pub(crate) async fn open(address: &WebAddress, options: &WebOptions) -> Result<Opened, ConnectError> {
    let worked = *options.learned.worked.lock();
    match try_transports(address, options, worked).await {
        Ok(opened) => {
            let transport = match opened.transport {
                Transport::Polling => WebTransport::Polling,
                _ => WebTransport::WebSocket,
            };
            *options.learned.worked.lock() = Some(Worked { version: opened.version, transport });
            Ok(opened)
        }
        Err(source) => {
            let source = if worked.is_some() { source.after_success() } else { source };
            Err(ConnectError::Web { address: address.to_string(), source })
        }
    }
}

async fn try_transports(
    address: &WebAddress,
    options: &WebOptions,
    worked: Option<Worked>,
) -> Result<Opened, WebError> {
    let mut transports = options.transports.clone();
    // A stable sort: the others keep their order.
    transports.sort_by_key(|transport| worked.is_none_or(|worked| worked.transport != *transport));
    let mut has_failed = false;
    let mut last = WebError::lasting("no transport is allowed: name one with `.transports(..)`");
    for transport in transports {
        match try_versions(address, options, transport, worked, !has_failed).await {
            Ok(opened) => return Ok(opened),
            Err(error) if matches!(error.kind(), Kind::Route | Kind::Refused) => return Err(error),
            Err(error) => {
                tracing::debug!(?transport, error = %printable(&error), "a transport led to no connection");
                last = error;
            }
        }
        has_failed |= transport == WebTransport::WebSocket;
    }
    Err(last)
}

async fn try_versions(
    address: &WebAddress,
    options: &WebOptions,
    transport: WebTransport,
    worked: Option<Worked>,
    may_upgrade: bool,
) -> Result<Opened, WebError> {
    let try_one = async |version| match transport {
        WebTransport::WebSocket => open_websocket(address, options, version).await,
        WebTransport::Polling => polling::open(address, options, version, may_upgrade).await,
    };
    if let Some(version) = options.version {
        return try_one(version).await;
    }
    let first = worked.map_or(Version::V4, |worked| worked.version);
    let error = match try_one(first).await {
        Err(error) if error.kind() == Kind::Version => error,
        other => return other,
    };
    let second = if first == Version::V4 { Version::V3 } else { Version::V4 };
    // If neither is spoken, the first error has the better words.
    try_one(second).await.map_err(|second| if second.kind() == Kind::Version { error } else { second })
}

async fn open_websocket(
    address: &WebAddress,
    options: &WebOptions,
    asked: Version,
) -> Result<Opened, WebError> {
    let mut route = Route::new(address, options);
    let target = |route: &Route| route.target(asked, "websocket", &[]);
    let websocket = websocket::open(&mut route, options, target, None).await?;
    let mut frames = FirstFrames::new(websocket.stream);
    let text = step(options, "the first packet of the server", frames.text()).await?;
    let json = text.strip_prefix('0').ok_or_else(|| WebError::foreign(text.as_bytes()))?;
    let handshake = Handshake::read(json.as_bytes())?;
    let version = match options.version {
        Some(version) => version,
        None if asked == Version::V3 => Version::V3,
        // Servers of the earlier version do not know of this field, nor do the first ones of the later version.
        None if handshake.max_payload.is_some() => Version::V4,
        None => found(&mut frames).await,
    };
    Ok(Opened {
        stream: frames.into_stream(),
        version,
        handshake,
        transport: Transport::WebSocket,
        security: websocket.security,
        upgraded: Upgraded::default(),
    })
}

/// The version of a server by what it does next: one of version 3 lets the client into the root namespace, unasked.
async fn found(frames: &mut FirstFrames) -> Version {
    let deadline = deadline::after(SECOND_PACKET);
    while !frames.begins_with("40") {
        match timeout_at(deadline, frames.more()).await {
            Ok(Ok(1..)) => {}
            // Whoever uses the stream meets its end.
            _ => return Version::V4,
        }
    }
    Version::V3
}
