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
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use tokio::net::TcpStream;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::body::{HttpBody, response, text};
use super::patient::Patient;
use super::sessions::Entry;
use crate::objects::Arrival;
use crate::polling::Attempt;
use crate::server::admission::Permit;
use crate::transport::Stream;
use crate::tunnel;

/// What a server proves with that it has understood.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");

fn lists(value: &HeaderValue, token: &str) -> bool {
    let value = value.to_str().unwrap_or_default();
    value.split(',').any(|other| other.trim().eq_ignore_ascii_case(token))
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let mut values = headers.get_all(name).into_iter();
    // Most have it alone.
    values.any(|value| value.as_bytes().eq_ignore_ascii_case(token.as_bytes()) || lists(value, token))
}

/// Whether a request asks for a WebSocket. There are other protocols that clients offer to change to, and HTTP/1.0
/// cannot change to any (RFC 9110, section 7.8).
pub(super) fn is_wanted(version: Version, headers: &HeaderMap) -> bool {
    version > Version::HTTP_10
        && has_token(headers, &UPGRADE, "websocket")
        && has_token(headers, &CONNECTION, "upgrade")
}

/// Whether it is to carry the native wire.
pub(super) fn is_native(headers: &HeaderMap) -> bool {
    has_token(headers, &SEC_WEBSOCKET_PROTOCOL, tunnel::PROTOCOL)
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
    // Base64 of 16 bytes has 24 characters, and room is wanted for the 18 that they could stand for.
    if STANDARD.decode_slice(key, &mut [0; 18]) != Ok(16) {
        return Err(refuse(StatusCode::BAD_REQUEST, "the key of a WebSocket is 16 bytes in base64"));
    }
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(GUID);
    let mut accept = [0; 28];
    let accept = match STANDARD.encode_slice(hash.finalize(), &mut accept) {
        Ok(length) => HeaderValue::from_bytes(&accept[..length]).ok(),
        Err(_) => None,
    };
    let accept = accept.ok_or_else(|| refuse(StatusCode::INTERNAL_SERVER_ERROR, ""))?;
    let mut response = response(StatusCode::SWITCHING_PROTOCOLS, "");
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    response.headers_mut().insert(UPGRADE, WEBSOCKET);
    response.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accept);
    // Clients that offer protocols take no answer for a refusal; none of them means anything here.
    let offered = parts.headers.get(SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok());
    if is_native(&parts.headers) {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(tunnel::PROTOCOL));
    } else if let Some(first) = offered.and_then(|offered| offered.split(',').next())
        && let Ok(first) = HeaderValue::from_str(first.trim())
    {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, first);
    }
    Ok(response)
}

/// What a request opened, for which its stream is wanted.
#[derive(Debug)]
pub(super) enum Opened {
    /// A connection of its own; the token is held until it is there.
    Connection(Arrival, TaskTrackerToken),
    /// The same for the native wire, which is in the frames of the stream.
    Native(Arrival, TaskTrackerToken),
    /// What takes a session over, unless something else does; the token is held until then.
    Successor(Arc<Entry>, Option<Attempt>, TaskTrackerToken),
}

/// The stream below HTTP, with what was read of it already, and what it is counted by.
pub(super) fn stream(upgraded: Upgraded) -> (Stream, Option<Permit>) {
    let upgraded = match upgraded.downcast::<TokioIo<Patient>>() {
        Ok(parts) => {
            let (stream, permit) = parts.io.into_inner().into_parts();
            return (stream.with_rewind(parts.read_buf.into()), permit);
        }
        Err(upgraded) => upgraded,
    };
    let stream = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => Stream::Tcp(parts.io.into_inner()).with_rewind(parts.read_buf.into()),
        // Servers that look for HTTP/2, or speak TLS, have streams of their own.
        Err(upgraded) => Stream::foreign(TokioIo::new(upgraded)),
    };
    (stream, None)
}
