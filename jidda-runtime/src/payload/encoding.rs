//! The forms that values have on wires.

use super::integers::Integers;

/// How values are written. Each wire uses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// `MessagePack`, as native peers write it; structs are maps from field names to values.
    MessagePack,
    /// JSON, with byte strings beside it, as Socket.IO's own parser writes it.
    Json(Integers),
    /// `MessagePack` as Socket.IO's msgpack parser writes it: what has a form for people (a UUID, an IP address)
    /// is in it as text, as it is in JSON.
    SocketIoMessagePack(Integers),
}

impl Encoding {
    /// Every one there is.
    pub(crate) const ALL: [Self; 5] = [
        Self::MessagePack,
        Self::Json(Integers::Safe),
        Self::Json(Integers::All),
        Self::SocketIoMessagePack(Integers::Safe),
        Self::SocketIoMessagePack(Integers::All),
    ];

    /// Its place in [`ALL`](Self::ALL).
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::MessagePack => 0,
            Self::Json(Integers::Safe) => 1,
            Self::Json(Integers::All) => 2,
            Self::SocketIoMessagePack(Integers::Safe) => 3,
            Self::SocketIoMessagePack(Integers::All) => 4,
        }
    }

    /// Whether a reply is a list of values, so that a tuple is several: the arguments of an acknowledgement.
    #[inline]
    pub(super) fn replies_with_list(self) -> bool {
        self != Self::MessagePack
    }
}
