//! Socket.IO (the protocol's document, "Packet encoding"): packets in the messages of Engine.IO.

pub mod message_pack;
mod pending;
mod plain;
pub(super) mod text;

pub(super) use pending::Pending;

/// How packets are written in messages. Both sides have to use the same one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Parser {
    /// Socket.IO's own: JSON, with byte strings in messages of their own.
    #[default]
    Json,
    /// `MessagePack`, as the package socket.io-msgpack-parser has it.
    MessagePack,
}
