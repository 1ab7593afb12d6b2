//! Events that were received before their socket was accepted, and requests that are given up.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::Context;

use crate::driver::in_flight::Cancelled;
use crate::driver::incoming::{ID_IN_USE, Incoming};
use crate::driver::task::Driver;
use crate::failure::Failure;
use crate::link::backlog::Backlog;
use crate::objects::SocketInner;
use crate::objects::socket_state::Phase;
use crate::wire::Protocol;

impl Driver {
    /// The peer no longer waits for a reply: its handler is dropped, or never begun.
    pub(crate) fn cancelled(&mut self, id: u32, cx: &mut Context<'_>) {
        let Some(running) = &mut self.running else { return };
        match running.cancel(id) {
            Cancelled::Unknown => {}
            Cancelled::Dropped => {
                // The future is dropped now, with what it holds, such as a place on a connection that many share.
                self.run_woken(cx);
                // It made room, which belongs to what waits and not to what is read next.
                self.run_backlog(cx);
            }
            Cancelled::Early(socket, place) => drop(socket.extra(|extra| extra.early.remove(place))),
        }
    }

    /// Keeps a request or an event until its socket is accepted.
    #[cold]
    pub(crate) fn wait_early(
        &mut self,
        socket: &Arc<SocketInner>,
        incoming: Incoming<'_>,
        cx: &mut Context<'_>,
    ) -> ControlFlow<()> {
        let id = incoming.id.filter(|_| self.connection.wire.has_unique_ids());
        if let Some(id) = id
            && self.running().has_id(id)
        {
            self.malformed(&ID_IN_USE);
            return ControlFlow::Continue(());
        }
        match socket.keep_early(incoming.into()) {
            Ok(place) => {
                if let Some(id) = id {
                    self.running().note_early(id, socket, place);
                }
            }
            Err(_) if socket.phase() == Phase::Active => return self.run_event(socket, incoming, cx),
            Err(_) => {
                let failure = Failure::new("busy", "too many events before the socket was accepted");
                self.refuse_event(socket.namespace(), incoming.event, incoming.id, failure);
            }
        }
        ControlFlow::Continue(())
    }

    /// Refuses the early events of a socket that is not accepted. An event without an id ends nothing, not
    /// even the connection of a plain peer, for which there is no answer: the refusal of its namespace was it.
    pub(crate) fn refuse_early(&mut self, socket: &SocketInner, early: Backlog<()>, failure: &Failure) {
        let speaks_native = self.connection.link.speaks_native();
        for event in early.into_events() {
            if let (Some(id), Some(running)) = (event.id, &mut self.running) {
                running.forget_early(id);
            }
            if event.id.is_some() || speaks_native {
                self.refuse_event(socket.namespace(), &event.event, event.id, failure.clone());
            } else {
                self.connection.hub.metrics.refused(failure);
            }
        }
    }
}
