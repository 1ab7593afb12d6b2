//! Engine.IO: packets over WebSocket frames, or over the payloads of long polling.

pub mod base64_text;
pub mod jsonp;
pub mod payload_v3;
pub mod payload_v4;

use std::borrow::Cow;

/// The protocol's version, which a client names in the query: `EIO=4`; anything else is 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// Of Socket.IO 1 and 2.
    V3,
    /// Of Socket.IO 3 and 4.
    V4,
}

/// One packet of a polling payload, in the form it has in a WebSocket frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadPacket<'a> {
    /// The type's digit and the text after it: `4hello`.
    Text(Cow<'a, str>),
    /// In version 4 the bytes of a message; in version 3 the byte of the type (`4` for a message), then the bytes.
    Binary(Cow<'a, [u8]>),
}

/// Why a body is no payload. The session ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed payload: {0}")]
pub struct PayloadError(pub(crate) &'static str);
