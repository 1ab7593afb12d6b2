//! What the peer answers to requests of ours.

use std::task::Context;

use crate::driver::task::Driver;
use crate::failure::Failure;
use crate::guard::wake_all;
use crate::link::pending_requests::{Answer, Resolved};
use crate::sync::atomic::Ordering;
use crate::wire::{Protocol, WireError};

impl Driver {
    /// A request of ours was answered; `granted` is the value, if it was that.
    #[inline]
    pub(crate) fn reply(
        &mut self,
        id: u32,
        granted: Option<&[u8]>,
        answer: impl Fn() -> Answer,
        cx: &mut Context<'_>,
    ) {
        let mut resolved = self.connection.link.change().calls.resolve(id, &answer);
        if let Resolved::Joins(socket) = resolved {
            self.joined(&socket, granted, cx);
            resolved = self.connection.link.change().calls.resolve(id, answer);
        }
        match resolved {
            Resolved::Woke(waker) => wake_all(waker),
            Resolved::Beat => self.connection.heard_beat(),
            Resolved::Joins(_) | Resolved::Unknown => {
                self.connection.hub.statistics.unknown_replies.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Whether a request of ours has this number, and no answer yet.
    #[cold]
    pub(crate) fn expects(&self, id: u32) -> bool {
        self.connection.link.change().calls.expects(id)
    }

    /// What a request of ours was answered is too large, or nests too deeply: the request has failed, and the connection,
    /// which is of others, too, goes on.
    #[cold]
    pub(crate) fn unread(&mut self, id: u32, is_item: bool, error: &WireError, cx: &mut Context<'_>) {
        let what = if is_item { "an item of the reply" } else { "the reply" };
        let failure = || Failure::new(error.code(), format!("{what} cannot be read: {error}"));
        if is_item {
            let wire = self.connection.wire();
            self.connection.link.append(|out| wire.cancel(out, id));
        }
        self.reply(id, None, || Answer::Failed(failure()), cx);
    }
}
