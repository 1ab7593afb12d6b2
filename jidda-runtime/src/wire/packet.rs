//! What peers say, whatever the protocol.

use std::borrow::Cow;

use super::Meta;
use crate::failure::Failure;
use crate::id::SessionId;
use crate::payload::Value;
use crate::reason::DisconnectReason;

/// One thing a peer said. The slices point into the bytes it was read from.
#[derive(Debug, Clone, PartialEq)]
pub enum Packet<'a> {
    /// An event, with an id when a reply is wanted.
    Event {
        /// The namespace it belongs to.
        namespace: Cow<'a, str>,
        /// Its name.
        event: Cow<'a, str>,
        /// The sender's number for the reply.
        id: Option<u32>,
        /// The encoded argument list.
        arguments: Cow<'a, [u8]>,
        /// What goes with it; `None` when that is nothing.
        meta: Option<Box<Meta>>,
    },
    /// The answer to a request of ours: the encoded value, or the encoded error.
    Reply {
        /// Our number of the request.
        id: u32,
        /// The value, or the error.
        outcome: Result<Cow<'a, [u8]>, &'a [u8]>,
    },
    /// A reply to a request of ours, or an item of one, that is too large or too deep to be read. It was passed over.
    Unread {
        /// Our number of the request.
        id: u32,
        /// Whether it was an item: then the stream still goes on at the other side.
        is_item: bool,
        /// What is wrong with it.
        error: WireError,
    },
    /// The first words of a peer that speaks more than plain MessagePack-RPC.
    Hello {
        /// The sender's number for the reply.
        id: u32,
        /// The version of the wire it asks for.
        wire: u64,
        /// Who it says it is; nil when it does not say.
        identity: Value,
        /// What is to prove that; nil when there is nothing.
        credentials: Value,
        /// The session it had before, and would have again.
        resume: Option<SessionId>,
        /// The largest message it takes, if it said so.
        max_message: Option<u64>,
    },
    /// Presents new credentials.
    Authenticate {
        /// The sender's number for the reply.
        id: u32,
        /// Who it says it is; nil when it does not say.
        identity: Value,
        /// What is to prove that.
        credentials: Value,
    },
    /// Our credentials are about to expire.
    Expiring {
        /// In how many milliseconds.
        left: u64,
    },
    /// Asks to join a namespace.
    Connect {
        /// The sender's number for the reply.
        id: u32,
        /// The namespace.
        namespace: Cow<'a, str>,
        /// The encoded auth value; empty when there is none.
        auth: Cow<'a, [u8]>,
    },
    /// A server has let us into a namespace; on wires where that is no answer with a number.
    Joined {
        /// The namespace.
        namespace: Cow<'a, str>,
        /// The socket's id, if the server gave one.
        socket: Option<Box<str>>,
        /// What the socket may be recovered by, if the server offers that.
        private: Option<Box<str>>,
    },
    /// A server does not let us into a namespace; on wires where that is no answer with a number.
    Refusal {
        /// The namespace.
        namespace: Cow<'a, str>,
        /// Why.
        failure: Box<Failure>,
    },
    /// A request of ours failed; where a wire has no errors of its own, and a value says it.
    Failed {
        /// Our number of the request.
        id: u32,
        /// Why.
        failure: Box<Failure>,
    },
    /// Leaves a namespace, or orders the peer to leave it.
    Disconnect {
        /// The namespace.
        namespace: Cow<'a, str>,
        /// Why.
        reason: Option<&'a str>,
    },
    /// Asks for a sign of life that has a number.
    Ping {
        /// The sender's number for the reply.
        id: u32,
    },
    /// The sender no longer waits for the reply to its request.
    Cancel {
        /// The sender's number of the request.
        id: u32,
    },
    /// One item of a streaming reply to a request of ours.
    Item {
        /// Our number of the request.
        id: u32,
        /// The encoded value.
        value: &'a [u8],
    },
    /// The streaming reply to a request of ours has begun.
    Open {
        /// Our number of the request.
        id: u32,
    },
    /// The sender takes more items of the streaming reply to its request.
    More {
        /// The sender's number of the request.
        id: u32,
        /// How many; 0 if it is no number that makes sense.
        count: u32,
    },
    /// The sender is about to close the connection.
    Close {
        /// Why.
        reason: Option<&'a str>,
    },
    /// Nothing but a sign of life, or a part of something that is not complete.
    Alive,
    /// Wants these bytes back.
    Echo {
        /// What is to be written.
        bytes: Vec<u8>,
    },
    /// The sender is done: the connection ends in order.
    Bye,
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
    /// What should be text is not UTF-8.
    #[error("malformed message: the text is not UTF-8")]
    NotText,
    /// A well-formed message that has no place here.
    #[error("illegal packet: {0}")]
    Illegal(&'static str),
    /// A heartbeat of the other side's.
    #[error("invalid heartbeat direction")]
    Heartbeat,
}

impl WireError {
    /// The error code that the peer receives.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::TooDeep { .. } => "too_deep",
            Self::Malformed(_) | Self::NotText => "malformed",
            Self::Illegal(_) | Self::Heartbeat => "illegal",
        }
    }

    /// The number of the request that cannot be read, if it was readable itself.
    pub fn id(&self) -> Option<u32> {
        match self {
            Self::TooLarge { id, .. } | Self::TooDeep { id, .. } => *id,
            Self::Malformed(_) | Self::NotText | Self::Illegal(_) | Self::Heartbeat => None,
        }
    }

    /// Why the connection ends.
    pub fn reason(&self) -> DisconnectReason {
        match self {
            Self::TooLarge { .. } | Self::TooDeep { .. } | Self::Malformed(_) | Self::NotText => {
                DisconnectReason::ParseError
            }
            Self::Illegal(_) => DisconnectReason::ForcedClose,
            Self::Heartbeat => DisconnectReason::TransportError,
        }
    }
}
