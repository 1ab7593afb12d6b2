//! Bytes to packets and packets to bytes, without any I/O.
//!
//! One file a protocol. What is above this floor sees [`Packet`]s and [`Wire`], and knows no protocol by name.

pub mod engine_io;
pub mod json;
mod msgpack_rpc;
mod scan;
pub mod websocket;

use std::time::Duration;

use serde::Serialize;

pub use msgpack_rpc::Decoder;
pub use scan::Limits;

use crate::failure::Failure;
use crate::payload::{CodecError, Encoding};

/// One thing a peer said. The slices point into the bytes it was read from.
#[derive(Debug, Clone, PartialEq)]
pub enum Packet<'a> {
    /// An event, with an id when a reply is wanted.
    Event {
        /// The namespace it belongs to.
        namespace: &'a str,
        /// Its name.
        event: &'a str,
        /// The sender's number for the reply.
        id: Option<u32>,
        /// The encoded argument list.
        arguments: &'a [u8],
        /// How long the sender is going to wait.
        deadline: Option<Duration>,
    },
    /// The answer to a request of ours: the encoded value, or the encoded error.
    Reply {
        /// Our number of the request.
        id: u32,
        /// The value, or the error.
        outcome: Result<&'a [u8], &'a [u8]>,
    },
    /// The first words of a peer that speaks more than plain MessagePack-RPC.
    Hello {
        /// The sender's number for the reply.
        id: u32,
        /// The version of the wire it asks for.
        wire: u64,
    },
    /// Asks to join a namespace.
    Connect {
        /// The sender's number for the reply.
        id: u32,
        /// The namespace.
        namespace: &'a str,
        /// The encoded auth value.
        auth: &'a [u8],
    },
    /// Leaves a namespace, or is told to.
    Disconnect {
        /// The namespace.
        namespace: &'a str,
        /// Why.
        reason: Option<&'a str>,
    },
    /// Asks for a sign of life.
    Ping {
        /// The sender's number for the reply.
        id: u32,
    },
    /// The sender no longer waits for the reply to its request.
    Cancel {
        /// The sender's number of the request.
        id: u32,
    },
    /// The sender is about to close the connection.
    Close {
        /// Why.
        reason: Option<&'a str>,
    },
    /// An event of ours that wanted no reply was refused.
    Refused {
        /// The namespace it was sent to.
        namespace: &'a str,
        /// The event's name.
        event: &'a str,
        /// The encoded error.
        error: &'a [u8],
    },
}

/// Why bytes are not packets. The connection cannot go on after it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The message is longer than allowed, or claims to be.
    #[error("the message is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
        /// The request's number, if it was readable.
        id: Option<u32>,
    },
    /// Arrays and maps nest deeper than allowed.
    #[error("the message nests deeper than {limit}")]
    TooDeep {
        /// The limit in levels.
        limit: usize,
        /// The request's number, if it was readable.
        id: Option<u32>,
    },
    /// The bytes break the protocol.
    #[error("malformed message: {0}")]
    Malformed(&'static str),
}

impl WireError {
    /// The code a peer is told.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::TooDeep { .. } => "too_deep",
            Self::Malformed(_) => "malformed",
        }
    }

    /// The number of the request that cannot be read, if it was readable itself.
    pub fn id(&self) -> Option<u32> {
        match self {
            Self::TooLarge { id, .. } | Self::TooDeep { id, .. } => *id,
            Self::Malformed(_) => None,
        }
    }
}

/// The protocol of a connection: how packets are written on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// MessagePack-RPC with jidda's reserved methods.
    MessagePackRpc,
}

/// What a server tells a peer that said hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome<'a> {
    /// The connection's session.
    pub session: &'a str,
    /// How long the connection may be silent.
    pub heartbeat: Duration,
    /// How long a sign of life may take.
    pub timeout: Duration,
    /// The largest message in bytes.
    pub max_message: usize,
}

impl Wire {
    /// The protocol's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::MessagePackRpc => "msgpack-rpc",
        }
    }

    /// How values are written on it.
    pub fn encoding(self) -> Encoding {
        match self {
            Self::MessagePackRpc => Encoding::MessagePack,
        }
    }

    /// Writes an event; `arguments` is anything [`Serialize`], a tuple being several arguments.
    ///
    /// # Errors
    ///
    /// When the arguments refuse to be serialized; `out` is then as it was.
    pub fn event<A: Serialize + ?Sized>(
        self,
        out: &mut Vec<u8>,
        namespace: &str,
        event: &str,
        arguments: &A,
    ) -> Result<(), CodecError> {
        match self {
            Self::MessagePackRpc => msgpack_rpc::event(out, namespace, event, arguments),
        }
    }

    /// Writes an event whose argument list is encoded already.
    pub fn event_encoded(self, out: &mut Vec<u8>, namespace: &str, event: &str, arguments: &[u8]) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::event_encoded(out, namespace, event, arguments),
        }
    }

    /// Writes an event that wants a reply; `arguments` is an encoded list.
    pub fn request(
        self,
        out: &mut Vec<u8>,
        id: u32,
        (namespace, event): (&str, &str),
        arguments: &[u8],
        deadline: Option<Duration>,
    ) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::request(out, id, (namespace, event), arguments, deadline),
        }
    }

    /// Writes the answer to a request; `value` is encoded.
    #[inline]
    pub fn reply(self, out: &mut Vec<u8>, id: u32, value: &[u8]) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::reply(out, id, value),
        }
    }

    /// How many bytes a request has beside its arguments, at most.
    pub fn request_head(self, namespace: &str, event: &str) -> usize {
        match self {
            // Array, type, number, the method's length and colon, and the deadline in its map.
            Self::MessagePackRpc => 2 + 5 + 6 + namespace.len() + event.len() + 19,
        }
    }

    /// How many bytes a reply has beside its value, at most.
    #[inline]
    pub fn reply_head(self) -> usize {
        match self {
            // Array, type, number and nil.
            Self::MessagePackRpc => 2 + 5 + 1,
        }
    }

    /// Writes the failure of a request.
    pub fn failure(self, out: &mut Vec<u8>, id: u32, failure: &Failure) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::failure(out, id, failure),
        }
    }

    /// Reads a failure that came as the error of a reply or of a refused event.
    pub fn read_failure(self, error: &[u8]) -> Failure {
        match self {
            Self::MessagePackRpc => msgpack_rpc::read_failure(error),
        }
    }

    /// Writes the first words of a client.
    pub fn hello(self, out: &mut Vec<u8>, id: u32) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::hello(out, id),
        }
    }

    /// Writes the answer to them.
    pub fn welcome(self, out: &mut Vec<u8>, id: u32, welcome: Welcome<'_>) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::welcome(out, id, welcome),
        }
    }

    /// Writes the wish to join a namespace; `auth` is encoded.
    pub fn connect(self, out: &mut Vec<u8>, id: u32, namespace: &str, auth: &[u8]) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::connect(out, id, namespace, auth),
        }
    }

    /// Writes that it was granted, with the socket's id.
    pub fn connected(self, out: &mut Vec<u8>, id: u32, socket: &str) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::connected(out, id, socket),
        }
    }

    /// Writes the end of a namespace.
    pub fn disconnect(self, out: &mut Vec<u8>, namespace: &str, reason: &str) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::notify(out, "$/disconnect", &(namespace, reason)),
        }
    }

    /// Writes a question for a sign of life.
    pub fn ping(self, out: &mut Vec<u8>, id: u32) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::ping(out, id),
        }
    }

    /// Writes the sign of life.
    pub fn pong(self, out: &mut Vec<u8>, id: u32) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::reply(out, id, &[0xc0]),
        }
    }

    /// Writes that a request's reply is no longer waited for.
    pub fn cancel(self, out: &mut Vec<u8>, id: u32) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::notify(out, "$/cancel", &(id,)),
        }
    }

    /// Writes that the connection is about to be closed.
    pub fn close(self, out: &mut Vec<u8>, reason: &str) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::notify(out, "$/close", &(reason,)),
        }
    }

    /// Writes that an event without an id was refused.
    pub fn refused(self, out: &mut Vec<u8>, namespace: &str, event: &str, failure: &Failure) {
        match self {
            Self::MessagePackRpc => msgpack_rpc::refused(out, namespace, event, failure),
        }
    }
}
