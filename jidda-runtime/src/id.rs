//! Names for connections and sockets.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const POOL: usize = 32 * 15;

thread_local! {
    // One system call fills many ids: 15 bytes an id, taken from the end.
    static RANDOM: RefCell<([u8; POOL], usize)> = const { RefCell::new(([0; POOL], 0)) };
}

/// The public name of a socket: 20 characters of `[A-Za-z0-9_-]` from the system's random source.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId([u8; 20]);

/// Gives 15 random bytes to `take`.
fn random<R>(take: impl FnOnce(&[u8]) -> R) -> R {
    RANDOM.with_borrow_mut(|(pool, left)| {
        if *left == 0 {
            getrandom::fill(pool).expect("the system has a random source");
            *left = POOL;
        }
        let bytes = &mut pool[*left - 15..*left];
        *left -= 15;
        let taken = take(bytes);
        // An id that was handed out must not be found in memory that is handed out again.
        bytes.fill(0);
        taken
    })
}

/// 120 random bits.
pub(crate) fn random_bits() -> u128 {
    random(|bytes| bytes.iter().fold(0, |bits, &byte| bits << 8 | u128::from(byte)))
}

impl SocketId {
    pub(crate) fn random() -> Self {
        random(|bytes| {
            let mut text = [0; 20];
            for (three, four) in bytes.chunks_exact(3).zip(text.chunks_exact_mut(4)) {
                let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
                for (place, character) in four.iter_mut().enumerate() {
                    *character = ALPHABET[(bits >> (18 - 6 * place)) as usize & 63];
                }
            }
            Self(text)
        })
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 20] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(|byte| ALPHABET.contains(byte)).then_some(Self(bytes))
    }

    /// The 20 characters.
    ///
    /// # Panics
    ///
    /// Never: an id is made of ASCII only.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("an id is ASCII")
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl AsRef<str> for SocketId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// The name of a session, as hard to guess as a [`SocketId`]. Who knows it may have the session again: it is shown by
/// [`as_str`](Self::as_str) only.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(SocketId);

impl SessionId {
    pub(crate) fn random() -> Self {
        Self(SocketId::random())
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        SocketId::parse(text).map(Self)
    }

    /// The 20 characters.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(..)")
    }
}

/// Why a text is not a [`SocketId`] or a [`SessionId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id has 20 characters of A-Z, a-z, 0-9, - and _")]
pub struct IdError;

/// Ids are read from text, and travel as text.
macro_rules! text_id {
    ($id:ty) => {
        impl FromStr for $id {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text).ok_or(IdError)
            }
        }

        impl TryFrom<&str> for $id {
            type Error = IdError;

            fn try_from(text: &str) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(D::Error::custom)
            }
        }
    };
}

text_id!(SocketId);
text_id!(SessionId);

/// The number of a connection in this process, for logs: it is not a secret and not unique across processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(u64);

impl From<ConnectionId> for u64 {
    fn from(id: ConnectionId) -> Self {
        id.0
    }
}

impl ConnectionId {
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_travel_as_text() {
        let (socket, session) = (SocketId::random(), SessionId::random());
        let text = serde_json::to_string(&(socket, session)).unwrap();
        assert_eq!(text, format!(r#"["{socket}","{}"]"#, session.as_str()));
        assert_eq!(serde_json::from_str::<(SocketId, SessionId)>(&text).unwrap(), (socket, session));
        assert!(serde_json::from_str::<SocketId>(r#""short""#).is_err());
        let bytes = rmp_serde::to_vec(&socket).unwrap();
        assert_eq!(rmp_serde::from_slice::<SocketId>(&bytes).unwrap(), socket);
    }

    #[test]
    fn ids_are_twenty_distinct_url_safe_characters() {
        let ids: std::collections::HashSet<_> = (0..10_000).map(|_| SocketId::random()).collect();
        assert_eq!(ids.len(), 10_000);
        for id in ids {
            assert_eq!(SocketId::parse(id.as_str()), Some(id));
        }
        assert_eq!("short".parse::<SocketId>(), Err(IdError));
        assert_eq!(SocketId::parse("short"), None);
        assert_eq!(SocketId::parse("!!!!!!!!!!!!!!!!!!!!"), None);
    }
}
