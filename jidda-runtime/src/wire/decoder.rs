//! Packets from the bytes of any wire.

use super::engine_io::EngineIo;
use super::{Limits, Packet, Wire, WireError, engine_io, msgpack_rpc};

/// Reads packets from bytes that may come in any pieces. It holds only what the bytes do not.
#[derive(Debug)]
pub struct Decoder(Kind);

#[derive(Debug)]
enum Kind {
    MessagePackRpc(msgpack_rpc::Decoder),
    EngineIo(engine_io::Decoder),
}

impl Decoder {
    /// A decoder for the beginning of a stream.
    pub fn new(wire: Wire) -> Self {
        Self(match wire {
            Wire::MessagePackRpc => Kind::MessagePackRpc(msgpack_rpc::Decoder::default()),
            Wire::EngineIo(engine @ EngineIo { .. }) => Kind::EngineIo(engine_io::Decoder::new(engine)),
        })
    }

    /// The first packet of `bytes` and its length, or `None` while it is incomplete: call again with the same
    /// bytes and more behind them. What is beyond `limits` is refused. The bytes of a packet that was given out
    /// may have been changed.
    ///
    /// # Errors
    ///
    /// When the bytes cannot become a packet. Nothing sensible can be read from the stream after that.
    #[inline]
    pub fn decode<'a>(
        &mut self,
        bytes: &'a mut [u8],
        limits: Limits,
    ) -> Result<Option<(Packet<'a>, usize)>, WireError> {
        match &mut self.0 {
            Kind::MessagePackRpc(decoder) => decoder.decode(bytes, limits),
            Kind::EngineIo(decoder) => decoder.decode(bytes, limits),
        }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(Wire::MessagePackRpc)
    }
}
