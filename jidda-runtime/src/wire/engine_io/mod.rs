//! Engine.IO (the protocol's document, "Protocol"): packets in WebSocket frames, or in the payloads of long polling.

pub mod base64_text;
mod client;
mod decoder;
pub mod jsonp;
mod message;
mod parts;
pub mod payload_v3;
pub mod payload_v4;
mod protocol;
mod raw;
mod write;

use std::borrow::Cow;

pub(super) use parts::Parts;

use super::socket_io::Parser;
use crate::payload::Integers;

/// The protocol's version, which a client names in the query: `EIO=4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// Of Socket.IO 1 and 2.
    V3,
    /// Of Socket.IO 3 and 4.
    V4,
}

/// Which side of a connection this is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// It was connected to.
    #[default]
    Server,
    /// It connected: its frames are masked, and those that it reads are not.
    Client,
}

/// What the messages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// The packets of Socket.IO.
    SocketIo(Parser),
    /// Texts and bytes of the program's own.
    Raw,
}

/// How the acknowledgement of an event that was handled is written, whatever the handler's return type is. What fails
/// is `{"error": {"code", "message", "data"?}}` in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Acknowledgements {
    /// The value itself, as handlers of Socket.IO's own server pass it to their callback: a tuple is several values, `()`
    /// none.
    #[default]
    Plain,
    /// `{"ok": value}`, so that no value can be mistaken for an error: a tuple is a list, `()` is null.
    Wrapped,
}

/// One dialect of Engine.IO, and what is spoken on top of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EngineIo {
    /// The protocol's version.
    pub version: Version,
    /// Which side this is.
    pub role: Role,
    /// What the messages are.
    pub layer: Layer,
    /// Whether bytes have to be written as text: the client asked for it.
    pub base64: bool,
    /// How many byte strings a client takes beside one text; parsers of JavaScript close the connection at more.
    pub max_attachments: u8,
    /// Whether U+001E stands between packets, so that no text of the program's may have it: in version 4 for as long as
    /// the client polls. Socket.IO escapes it.
    pub is_parted: bool,
    /// How acknowledgements are written.
    pub acknowledgements: Acknowledgements,
    /// Which whole numbers may be sent.
    pub integers: Integers,
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
