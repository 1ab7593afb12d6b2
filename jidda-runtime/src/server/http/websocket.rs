//! WebSockets: their opening handshake (RFC 6455, section 4), and what becomes of them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use tokio::net::TcpStream;

use super::body::{HttpBody, response, text};
use super::patient::Patient;
use super::sessions::Entry;
use super::site::Site;
use crate::connection::{Arrival, Connection, Driver};
use crate::transport::Stream;
use crate::transport::polling::{self, Attempt};
use crate::wire::websocket::close;

/// What a server proves with that it has understood.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|other| other.trim().eq_ignore_ascii_case(token))
}

/// Whether a request asks for a WebSocket. There are other protocols that clients offer to change to, and HTTP/1.0
/// cannot change to any (RFC 9110, section 7.8).
pub(super) fn is_wanted(version: Version, headers: &HeaderMap) -> bool {
    version > Version::HTTP_10
        && has_token(headers, &UPGRADE, "websocket")
        && has_token(headers, &CONNECTION, "upgrade")
}

/// The response that opens it.
///
/// # Errors
///
/// The response that refuses it.
#[allow(clippy::result_large_err)]
pub(super) fn accept(parts: &Parts) -> Result<Response<HttpBody>, Response<HttpBody>> {
    let refuse = |status, message: &str| {
        let mut response = text(status, message);
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    };
    if parts.method != http::Method::GET {
        return Err(refuse(StatusCode::METHOD_NOT_ALLOWED, "a WebSocket begins with GET"));
    }
    if parts.headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let mut response = refuse(StatusCode::UPGRADE_REQUIRED, "the version of WebSocket is 13");
        response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        response.headers_mut().insert(UPGRADE, WEBSOCKET);
        return Err(response);
    }
    let key = parts.headers.get(SEC_WEBSOCKET_KEY).map_or(&[][..], HeaderValue::as_bytes);
    if STANDARD.decode(key).map_or(0, |key| key.len()) != 16 {
        return Err(refuse(StatusCode::BAD_REQUEST, "the key of a WebSocket is 16 bytes in base64"));
    }
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(GUID);
    let accept = HeaderValue::try_from(STANDARD.encode(hash.finalize()));
    let accept = accept.map_err(|_| refuse(StatusCode::INTERNAL_SERVER_ERROR, ""))?;
    let mut response = response(StatusCode::SWITCHING_PROTOCOLS, "");
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    response.headers_mut().insert(UPGRADE, WEBSOCKET);
    response.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accept);
    // Clients that offer protocols take no answer for a refusal; none of them means anything here.
    let offered = parts.headers.get(SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok());
    if let Some(first) = offered.and_then(|offered| offered.split(',').next())
        && let Ok(first) = HeaderValue::from_str(first.trim())
    {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, first);
    }
    Ok(response)
}

/// What a request opened, for which its stream is wanted.
#[derive(Debug)]
pub(super) enum Opened {
    /// A connection of its own.
    Connection(Arrival),
    /// What takes a session over, unless something else does.
    Successor(Arc<Entry>, Option<Attempt>),
}

/// The stream below HTTP, with what was read of it already.
fn stream(upgraded: Upgraded) -> Stream {
    let upgraded = match upgraded.downcast::<TokioIo<Patient>>() {
        Ok(parts) => return parts.io.into_inner().into_inner().with_ahead(parts.read_buf.into()),
        Err(upgraded) => upgraded,
    };
    match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => Stream::Tcp(parts.io.into_inner()).with_ahead(parts.read_buf.into()),
        // Servers that look for HTTP/2, or speak TLS, have streams of their own.
        Err(upgraded) => Stream::foreign(TokioIo::new(upgraded)),
    }
}

impl Site {
    /// Serves what a request opened, once the WebSocket is there.
    pub(super) fn serve_upgraded(self: &Arc<Self>, opened: Opened, upgrading: OnUpgrade) {
        let site = Arc::clone(self);
        tokio::spawn(async move {
            match upgrading.await {
                Ok(upgraded) => {
                    if let Some(driver) = site.serve(opened, stream(upgraded)).await {
                        // A task of its own, which holds nothing of all this.
                        tokio::spawn(driver);
                    }
                }
                Err(error) => tracing::debug!(%error, "a WebSocket was not opened"),
            }
        });
    }

    /// Serves what a request opened on its WebSocket: a connection of its own is the caller's to run, a session that
    /// is taken over has somebody who does.
    pub(super) async fn serve(&self, opened: Opened, stream: Stream) -> Option<Driver> {
        let (entry, attempt) = match opened {
            Opened::Connection(arrival) => {
                return Some(Driver::new(Connection::arrive(&self.hub, arrival), stream));
            }
            Opened::Successor(entry, attempt) => (entry, attempt),
        };
        let limit = self.resource.upgrade_timeout;
        let ended = match attempt {
            Some(attempt) => polling::probe(attempt, stream, limit, || entry.connection.upgraded()).await,
            None => polling::close(stream, close::NORMAL).await,
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a WebSocket was lost");
        }
        None
    }
}
