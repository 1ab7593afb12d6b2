//! How a client speaks Socket.IO.

use crate::payload::Integers;
use crate::transport::Address;
use crate::wire::Wire;
use crate::wire::engine_io::{Acknowledgements, EngineIo, Layer, Role, Version};
use crate::wire::socket_io::Parser;

/// The most byte strings of one event that servers take.
const ATTACHMENTS: u8 = 10;

/// How Socket.IO is spoken, where it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dialect {
    pub(super) parser: Parser,
    pub(super) acknowledgements: Acknowledgements,
    pub(super) integers: Integers,
}

impl Dialect {
    /// How packets are written at an address.
    pub(super) fn wire(self, address: &Address) -> Wire {
        if !address.is_socket_io() {
            return Wire::MessagePackRpc;
        }
        let Self { parser, acknowledgements, integers } = self;
        Wire::EngineIo(EngineIo {
            // Until the server is known.
            version: Version::V4,
            role: Role::Client,
            layer: Layer::SocketIo(parser),
            base64: false,
            max_attachments: ATTACHMENTS,
            is_parted: false,
            acknowledgements,
            integers,
        })
    }
}
