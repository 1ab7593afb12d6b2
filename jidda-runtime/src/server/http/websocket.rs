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
use crate::transport::{Stream, polling};
use crate::wire::websocket::close;

/// What a server proves with that it has understood.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|other| other.trim().eq_ignore_ascii_case(token))
}

/// Whether a request asks for a WebSocket. There are other protocols that clients offer to change to, and HTTP/1.0
/// cannot change to any (RFC 9110, section 7.8): its answer would be held for what never follows.
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

/// The stream below HTTP, with what was read of it already, and what is to be written on it first.
fn stream(upgraded: Upgraded) -> (Stream, Vec<u8>) {
    let upgraded = match upgraded.downcast::<TokioIo<Patient>>() {
        Ok(parts) => {
            let (stream, words) = parts.io.into_inner().into_inner().into_parts();
            return (stream.with_ahead(parts.read_buf.into()), words);
        }
        Err(upgraded) => upgraded,
    };
    let stream = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => Stream::Tcp(parts.io.into_inner()).with_ahead(parts.read_buf.into()),
        // Servers that look for HTTP/2, or speak TLS, have streams of their own.
        Err(upgraded) => Stream::foreign(TokioIo::new(upgraded)),
    };
    (stream, Vec::new())
}

impl Site {
    /// Serves a connection of its own on the WebSocket, once it is there.
    pub(super) fn serve_websocket(self: &Arc<Self>, mut arrival: Arrival, upgrading: OnUpgrade) {
        let hub = Arc::clone(&self.hub);
        tokio::spawn(async move {
            match upgrading.await {
                Ok(upgraded) => {
                    // A task of its own, which holds nothing of all this.
                    let (stream, words) = stream(upgraded);
                    arrival.preface = words;
                    let connection = Connection::arrive(&hub, arrival);
                    tokio::spawn(Driver::new(connection, stream));
                }
                Err(error) => tracing::debug!(%error, "a WebSocket was not opened"),
            }
        });
    }

    /// Lets the WebSocket take a session over.
    pub(super) fn upgrade(&self, entry: Arc<Entry>, upgrading: OnUpgrade) {
        let limit = self.resource.upgrade_timeout;
        // From now on: a GET that comes before the WebSocket is open belongs to the upgrade, too.
        let attempt = entry.session.upgrade();
        tokio::spawn(async move {
            let stream = match upgrading.await {
                Ok(upgraded) => stream(upgraded).0,
                Err(error) => return tracing::debug!(%error, "a WebSocket was not opened"),
            };
            let ended = match attempt {
                Some(attempt) => polling::probe(attempt, stream, limit, || entry.connection.upgraded()).await,
                None => polling::close(stream, close::NORMAL).await,
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a WebSocket was lost");
            }
        });
    }
}
