//! What is kept of packets that are not complete, on any wire.

use super::engine_io::Parts;
use super::message_pack::Scanner;
use super::msgpack_rpc::Skip;

/// What [`Protocol::decode`](super::Protocol::decode) keeps between two calls, for one stream and so for one wire: nothing,
/// between two packets.
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
    Parts(Parts),
}

impl Decoder {
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

    /// How many bytes are kept of an incomplete message, in addition to those that the caller keeps.
    pub fn kept(&self) -> usize {
        match self.0.as_deref() {
            Some(Held::Parts(parts)) => parts.kept(),
            Some(Held::Scanner(_) | Held::Skip(_)) | None => 0,
        }
    }

    /// The parts there are.
    #[inline]
    pub(super) fn parts(&mut self) -> Option<&mut Parts> {
        match self.0.as_deref_mut()? {
            Held::Parts(parts) => Some(parts),
            Held::Scanner(_) | Held::Skip(_) => None,
        }
    }

    /// The parts, made if there are none.
    pub(super) fn parts_or_new(&mut self) -> &mut Parts {
        if self.parts().is_none() {
            self.0 = Some(Box::new(Held::Parts(Parts::default())));
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
