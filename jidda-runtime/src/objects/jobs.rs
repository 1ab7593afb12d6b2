//! The jobs of a socket.

use tokio_util::sync::CancellationToken;

use crate::sync::atomic::AtomicUsize;
#[cfg(test)]
use crate::sync::atomic::Ordering;

/// The running jobs of a socket. A client's socket has new ones after a reconnect.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    pub(crate) end: CancellationToken,
    /// How many there are: changed only while the socket's state is locked.
    pub(crate) count: AtomicUsize,
}

impl Jobs {
    /// How many there are.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Ends all of them. Not while anything is locked: it wakes them.
    pub(crate) fn cancel(&self) {
        self.end.cancel();
    }
}
