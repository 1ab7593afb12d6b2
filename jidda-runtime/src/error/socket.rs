//! Why a socket could not do what its program asked for. Handlers pass these errors on to their callers by `?`.

use std::sync::Arc;

use crate::foreign::printable;

/// Why a socket could not join a room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RoomError {
    /// The room's name is longer than the server's `max_name`.
    #[error("the name of the room has {size} bytes, the limit is {limit}")]
    NameTooLong {
        /// The name's length in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The connection is in as many rooms as the server's `max_rooms` allows.
    #[error("the connection is in as many rooms as the limit allows: {limit}")]
    TooManyRooms {
        /// The limit.
        limit: usize,
    },
    /// The socket is closed.
    #[error("the socket is closed")]
    NotConnected,
}

impl RoomError {
    /// The code that a caller receives: `too_large`, `too_many_rooms` or `not_connected`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NameTooLong { .. } => "too_large",
            Self::TooManyRooms { .. } => "too_many_rooms",
            Self::NotConnected => "not_connected",
        }
    }
}

/// Why a socket could not be given an identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentifyError {
    /// The identity's name is longer than the server's `max_name`.
    #[error("the name of the identity has {size} bytes, the limit is {limit}")]
    NameTooLong {
        /// The name's length in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Another connection has this identity, and the server refuses the newer one.
    #[error("this identity is connected already")]
    AlreadyConnected,
    /// The socket is closed.
    #[error("the socket is closed")]
    NotConnected,
}

impl IdentifyError {
    /// The code that a caller receives: `too_large`, `already_connected` or `not_connected`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NameTooLong { .. } => "too_large",
            Self::AlreadyConnected => "already_connected",
            Self::NotConnected => "not_connected",
        }
    }
}

/// Why waiting for the sockets of a selection ended without one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// No socket of the selection connected in time.
    #[error("{} is not online", missing(.identity.as_deref()))]
    NotOnline {
        /// The identity that was waited for, if it was one.
        identity: Option<Arc<str>>,
    },
}

impl WaitError {
    /// The code that a caller receives: `not_online`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotOnline { .. } => "not_online",
        }
    }
}

fn missing(identity: Option<&str>) -> String {
    identity.map_or_else(|| "the selection".to_owned(), |name| format!("`{}`", printable(name)))
}

/// The code of an error of jidda that is meant for callers: a handler passes it on by `?` as it is.
pub(super) fn code(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    let room = || error.downcast_ref().map(RoomError::code);
    let identify = || error.downcast_ref().map(IdentifyError::code);
    let wait = || error.downcast_ref().map(WaitError::code);
    room().or_else(identify).or_else(wait)
}
