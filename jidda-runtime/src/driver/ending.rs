//! The final end of a client's connection: any task may request it at any time, and the task that keeps the connection does it.

use crate::link::shared_state::{Control, LinkStatus};
use crate::objects::Connection;
use crate::reason::DisconnectReason;

impl Connection {
    /// Asks for the end of a client's connection. It is asked for once and for all: a stream that is being made, or that is
    /// lost in this moment, changes nothing about it.
    pub(crate) fn ask_to_end(&self, reason: DisconnectReason) {
        let mut shared = self.link.change();
        if shared.status == LinkStatus::Closed {
            return;
        }
        shared.note_ending(&reason);
        if shared.status == LinkStatus::Up {
            shared.send_control(Control::Close(reason));
        }
        drop(shared);
        self.hub.ending.notify_waiters();
    }

    /// Waits for a request to end, which has a reason.
    pub(crate) async fn ending(&self) -> DisconnectReason {
        loop {
            let asked = self.hub.ending.notified();
            if let Some(reason) = self.link.change().ending() {
                return reason.clone();
            }
            asked.await;
        }
    }

    /// Ends a client's connection for good: no task keeps it any more. Where a stream is still served, that is asked to
    /// end, and ends all that goes with the connection.
    pub(crate) fn finish(&self, reason: &DisconnectReason) {
        let lost = {
            let mut shared = self.link.change();
            shared.note_ending(reason);
            if shared.status == LinkStatus::Up {
                return shared.send_control(Control::Close(reason.clone()));
            }
            shared.status = LinkStatus::Closed;
            // A task that is still closing its stream counts what it writes, and clears the rest itself when it ends.
            if !shared.is_served() {
                shared.outbox.clear();
            }
            shared.end_waiting()
        };
        lost.settle();
        // Not while they are locked: what they let go of is the program's, and may look for them.
        let sockets = std::mem::take(&mut *self.sockets.lock());
        for socket in &*sockets {
            socket.end(reason);
            socket.release();
        }
        self.release_kept();
    }

    /// Ends, or suspends, the sockets of a task that has ended. After an orderly end none is left; after a
    /// panic no handler can run, but no waiter may wait for ever.
    pub(crate) fn leave_sockets(&self) {
        if self.is_closed() {
            let reason = self.link.change().ending().cloned();
            let reason = reason.unwrap_or(DisconnectReason::TransportError);
            let sockets = std::mem::take(&mut *self.sockets.lock());
            for socket in &*sockets {
                socket.end(&reason);
                socket.rooms.exit(socket.key);
                socket.release();
            }
            self.release_kept();
        } else {
            for socket in self.sockets() {
                socket.go_away();
                socket.rooms.exit(socket.key);
            }
        }
    }
}
