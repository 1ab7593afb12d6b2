//! Packets from the bytes of any wire.

use super::scan::Scanner;
use super::skip::Skip;
use super::{Limits, Packet, Wire, WireError, engine_io, msgpack_rpc};

/// Reads packets from bytes that may come in any pieces. It holds only what the bytes do not: nothing, between two
/// packets.
#[derive(Debug, Default)]
pub struct Decoder(pub(super) Option<Box<Held>>);

/// What is kept of something that is not complete.
#[derive(Debug)]
pub(super) enum Held {
    /// Where an incomplete message was left.
    Scanner(Scanner),
    /// How much of a message is still to be passed over.
    Skip(Skip),
    /// Parts of messages and of packets.
    Parts(engine_io::Parts),
}

impl Decoder {
    /// The first packet of `bytes` and its length, or `None` while it is incomplete: call again with the same
    /// bytes and more behind them. What is beyond `limits` is refused. The bytes of a packet that was given out
    /// may have been changed. A decoder is for one stream, and so for one `wire`.
    ///
    /// # Errors
    ///
    /// When the bytes cannot become a packet. Nothing sensible can be read from the stream after that, unless it
    /// [can be passed over](Self::passes_over).
    #[inline]
    pub fn decode<'a>(
        &mut self,
        wire: Wire,
        bytes: &'a mut [u8],
        limits: Limits,
    ) -> Result<Option<(Packet<'a>, usize)>, WireError> {
        match wire {
            Wire::MessagePackRpc => msgpack_rpc::decode(self, bytes, limits),
            Wire::EngineIo(wire) => engine_io::decode(self, wire, bytes, limits),
        }
    }

    /// Whether what could not be read is an answer to the request of this number. Then it may be passed over: by going on
    /// to decode, at the same bytes.
    pub fn passes_over(&self) -> Option<u32> {
        match self.0.as_deref()? {
            Held::Skip(skip) => Some(skip.id()),
            Held::Scanner(_) | Held::Parts(_) => None,
        }
    }

    /// What was left of the current message.
    #[inline]
    pub(super) fn take(&mut self) -> Option<Held> {
        self.0.take().map(|held| *held)
    }

    pub(super) fn keep(&mut self, held: Held) {
        self.0 = Some(Box::new(held));
    }

    /// How much is kept of a message whose rest has not come, beside what the caller keeps.
    pub fn kept(&self) -> usize {
        match self.0.as_deref() {
            Some(Held::Parts(parts)) => parts.kept(),
            Some(Held::Scanner(_) | Held::Skip(_)) | None => 0,
        }
    }

    /// The parts there are.
    #[inline]
    pub(super) fn parts(&mut self) -> Option<&mut engine_io::Parts> {
        match self.0.as_deref_mut()? {
            Held::Parts(parts) => Some(parts),
            Held::Scanner(_) | Held::Skip(_) => None,
        }
    }

    /// The parts, made if there are none.
    pub(super) fn parts_or_new(&mut self) -> &mut engine_io::Parts {
        if self.parts().is_none() {
            self.0 = Some(Box::new(Held::Parts(engine_io::Parts::default())));
        }
        self.parts().expect("put there above")
    }

    /// Gives back what holds nothing.
    pub(super) fn tidy(&mut self) {
        if self.parts().is_some_and(|parts| parts.is_empty()) {
            self.0 = None;
        }
    }
}
