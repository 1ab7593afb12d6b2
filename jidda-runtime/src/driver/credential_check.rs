//! Credentials that are being checked, and what waits for that.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::authentication::Found;
use crate::id::SessionId;
use crate::link::backlog::Waiting;
use crate::objects::SocketInner;

/// What goes on once the peer is known.
#[derive(Debug)]
pub(crate) enum Deferred {
    Hello {
        id: u32,
        resume: Option<SessionId>,
    },
    Connect {
        id: u32,
        namespace: Box<str>,
        auth: Box<[u8]>,
    },
    /// The first message of a plain peer.
    Event(Waiting),
    /// New credentials, with the socket on which they were received, if it was one.
    Renewal {
        id: Option<u32>,
        socket: Option<Arc<SocketInner>>,
    },
}

/// Credentials that are being checked.
pub(crate) struct CredentialCheck {
    pub(crate) future: BoxFuture<'static, Found>,
    pub(crate) claimed: Option<String>,
    pub(crate) deferred: Deferred,
}

impl fmt::Debug for CredentialCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialCheck").finish_non_exhaustive()
    }
}

impl CredentialCheck {
    /// Whether nothing of the connection is run before this has ended.
    pub(crate) fn is_first(&self) -> bool {
        !matches!(self.deferred, Deferred::Renewal { .. })
    }
}
