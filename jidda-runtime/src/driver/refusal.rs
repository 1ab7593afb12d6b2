//! Refused events: those of the peer, which receives the reason, and our own, whose reason is reported to the program.

use crate::driver::task::Driver;
use crate::error::Error;
use crate::failure::Failure;
use crate::foreign::{TEXT, cut, printable, short_name, shown};
use crate::handler::Side;
use crate::reason::DisconnectReason;
use crate::sync::atomic::Ordering;
use crate::wire::Protocol;

/// What jidda itself refuses events with.
const OURS: [&str; 7] =
    ["not_found", "bad_arguments", "denied", "not_connected", "busy", "closing", "streaming"];

impl Driver {
    /// Answers an event that failed. Without an id to answer, a peer that knows `$/refused` receives which
    /// event was refused; a plain one receives the reason and is then disconnected.
    #[cold]
    pub(crate) fn refuse_event(&mut self, namespace: &str, event: &str, id: Option<u32>, failure: Failure) {
        let wire = self.connection.wire();
        self.connection.hub.metrics.refused(&failure);
        if OURS.contains(&&*failure.code) {
            // The only trace of it where its sender does not listen: a page of a browser seldom does.
            tracing::debug!(
                connection = %self.connection.id,
                namespace = &*shown(namespace),
                event = &*shown(event),
                code = &*shown(&failure.code),
                "refused an event: {}",
                printable(&failure.message)
            );
        }
        if self.connection.is_quiet() && (id.is_none() || OURS.contains(&&*failure.code)) {
            return;
        }
        let mut shared = self.connection.link.change();
        if let Some(id) = id {
            shared.tell(&failure, |out, failure| wire.failure(out, namespace, id, failure));
            return;
        }
        self.connection.hub.statistics.refused_events.fetch_add(1, Ordering::Relaxed);
        if shared.speaks_native {
            shared.tell(&failure, |out, failure| wire.refused(out, namespace, event, failure));
            return;
        }
        drop(shared);
        if self.draining.is_some() {
            // The peer knows already that the connection is about to close; running handlers may end first.
            return;
        }
        if OURS.contains(&&*failure.code) {
            let (event, message) = (short_name(event), cut(&failure.message, TEXT));
            let reason = format!("`{event}` was refused: {message} ({})", failure.code);
            self.begin_closing(DisconnectReason::Other(reason.into()), None);
        }
    }

    /// An event of ours was refused by the peer.
    pub(crate) fn refusal(&mut self, namespace: &str, event: &str, error: &[u8]) {
        let failure = self.connection.wire().read_failure(error);
        let (code, message) = (failure.code.clone(), failure.message.clone());
        if self
            .find(namespace)
            .is_some_and(|socket| socket.show_refused(event, &Error::of_peer(code, message)))
        {
            return;
        }
        let (namespace, event, code) = (&*shown(namespace), &*shown(event), &*shown(&failure.code));
        let message = printable(&failure.message);
        // A server's peers are many, and may say what they like: they do not fill its log.
        match self.connection.hub.side {
            Side::Client => tracing::warn!(namespace, event, code, "the server refused an event: {message}"),
            Side::Server => tracing::debug!(namespace, event, code, "a peer refused an event: {message}"),
        }
    }
}
