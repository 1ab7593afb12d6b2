//! What happens to packets for a namespace that was left a moment ago.

use crate::driver::incoming::Incoming;
use crate::driver::task::Driver;
use crate::failure::Failure;
use crate::foreign::short_name;
use crate::objects::SocketInner;
use crate::objects::socket_state::Phase;
use crate::wire::Protocol;

impl Driver {
    /// The connection is no longer in a namespace, or was not let in.
    pub(crate) fn note_left(&self, namespace: &str) {
        // The other wires answer what has no place, and go on.
        if self.connection.wire.closes_on_misplaced_packet() {
            let limit = self.connection.hub.config.max_namespaces;
            self.connection.link.change().note_left(namespace, limit);
        }
    }

    /// Whether the connection was in a namespace a moment ago.
    #[cold]
    pub(crate) fn has_left(&self, namespace: &str) -> bool {
        self.connection.link.change().has_left(namespace)
    }

    /// The peer knows that it is out of a namespace. Whether it was in it a moment ago.
    pub(crate) fn take_left(&self, namespace: &str) -> bool {
        self.connection.link.change().take_left(namespace)
    }

    /// Whether the peer has no socket any more in a namespace: a client of Socket.IO forgets its side of a socket that
    /// ends.
    pub(crate) fn is_out(&self, socket: &SocketInner) -> bool {
        self.connection.wire.closes_on_misplaced_packet() && socket.phase() == Phase::Closed
    }

    /// Does not run an event for a namespace that was left. Who waits for its answer gets one.
    #[cold]
    pub(crate) fn pass_over(&mut self, namespace: &str, incoming: Incoming<'_>) {
        let message = format!("the namespace `{}` was left", short_name(namespace));
        let failure = Failure::new("not_connected", message);
        if incoming.id.is_some() || !self.connection.wire.closes_on_misplaced_packet() {
            return self.refuse_event(namespace, incoming.event, incoming.id, failure);
        }
        // The peer has no socket left that could receive it.
        self.connection.hub.metrics.refused(&failure);
    }
}
