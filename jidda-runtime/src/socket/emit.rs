//! Events on their way out.

use std::borrow::Cow;

use serde::Serialize;

use crate::error::SendError;
use crate::handler::Scope;
use crate::objects::{Socket, SocketInner};
use crate::payload::{self, CodecError, Encoding};
use crate::socket::handle::is_reserved;
use crate::socket::push::{Pushed, WhenFull};

use crate::socket::encoded::Encoded;
use crate::wire::Protocol;

/// Encodes into this thread's scratch buffer and hands the bytes to `take`.
///
/// A value is never serialized while a connection is locked: its `Serialize` is the user's code.
pub(crate) fn with_scratch<R>(
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
    take: impl FnOnce(&[u8]) -> R,
) -> Result<R, SendError> {
    Ok(payload::with_scratch(encode, take)?)
}

impl SocketInner {
    /// Writes an event, with the trace of the handler that sends it for a peer that has a word for that.
    #[inline]
    fn traced(
        &self,
        out: &mut Vec<u8>,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
    ) -> Result<(), CodecError> {
        let start = out.len();
        encode(out)?;
        if let Some(meta) = Scope::current().and_then(|scope| scope.outgoing_trace())
            && self.connection.link.speaks_native()
        {
            self.wire().attach(out, start, &meta);
        }
        Ok(())
    }

    /// Accepts the socket if it is about to be: what its `connect` handler sends is the sign for it.
    fn ready_to_send(self: &std::sync::Arc<Self>, event: &str) -> Result<(), SendError> {
        if is_reserved(event) {
            return Err(SendError::Reserved(event.to_owned()));
        }
        self.accept();
        Ok(())
    }
}

impl Socket {
    /// Sends an event; a tuple is several arguments. Done when it is queued, which waits for room in the
    /// outbox when the peer reads slowly.
    ///
    /// The event has its place when the future is first polled: what the same task sends next, and what other tasks send
    /// from then on, arrives behind it, however long it waits for room.
    ///
    /// # Errors
    ///
    /// [`SendError`]: not connected, too large, not serializable, a reserved name.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped before it is done, the event is not sent.
    pub async fn emit<A: Serialize + ?Sized>(&self, event: &str, arguments: &A) -> Result<(), SendError> {
        let wire = self.inner.wire();
        let encode = |out: &mut Vec<u8>| wire.event(out, self.inner.namespace(), event, arguments);
        self.send_with(event, encode).await?;
        self.inner.show_outgoing(event, arguments);
        Ok(())
    }

    async fn send_with(
        &self,
        event: &str,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
    ) -> Result<(), SendError> {
        self.inner.ready_to_send(event)?;
        let encode = |out: &mut Vec<u8>| self.inner.traced(out, encode);
        match with_scratch(encode, |bytes| self.inner.push(bytes, WhenFull::Wait))?? {
            Pushed::Queued => Ok(()),
            Pushed::Waits(ticket) => self.inner.admitted(ticket).await,
        }
    }

    /// Sends an event if there is room for it right now.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] when there is none, and the others of [`emit`](Self::emit).
    pub fn try_emit<A: Serialize + ?Sized>(&self, event: &str, arguments: &A) -> Result<(), SendError> {
        self.inner.ready_to_send(event)?;
        let wire = self.inner.wire();
        let _queued = with_scratch(
            |out| self.inner.traced(out, |out| wire.event(out, self.inner.namespace(), event, arguments)),
            |bytes| self.inner.push(bytes, WhenFull::Refuse),
        )??;
        self.inner.show_outgoing(event, arguments);
        Ok(())
    }

    /// Sends a bare value: the event `message` with one argument.
    ///
    /// # Errors
    ///
    /// As for [`emit`](Self::emit).
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped before it is done, the value is not sent.
    pub async fn send<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), SendError> {
        self.emit("message", &(value,)).await
    }

    /// Sends only what can leave at once; see [`Volatile`].
    pub fn volatile(&self) -> Volatile<'_> {
        Volatile { socket: self }
    }
}

/// Events that are worth nothing later: sent if the connection can write right now, else dropped. It cannot while the
/// stream has not taken all of what was written before; what was sent since is no reason to drop anything.
#[derive(Debug)]
pub struct Volatile<'a> {
    socket: &'a Socket,
}

impl Volatile<'_> {
    /// Sends the event, or drops it. Whether it was sent.
    ///
    /// # Errors
    ///
    /// The value cannot be encoded, is too large, or the name is reserved. A socket that is not connected
    /// drops it, as anything that cannot be written.
    pub fn emit<A: Serialize + ?Sized>(&self, event: &str, arguments: &A) -> Result<bool, SendError> {
        let inner = &self.socket.inner;
        inner.ready_to_send(event)?;
        if !inner.is_writable() {
            return Ok(false);
        }
        let wire = inner.wire();
        let sent = with_scratch(
            |out| inner.traced(out, |out| wire.event(out, inner.namespace(), event, arguments)),
            |bytes| inner.push(bytes, WhenFull::Refuse),
        )?;
        match sent {
            Ok(_queued) => {
                inner.show_outgoing(event, arguments);
                Ok(true)
            }
            Err(SendError::NotConnected | SendError::Full) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// An event of a typed stub, to be awaited.
#[must_use = "an event is sent when it is awaited"]
#[derive(Debug)]
pub struct Emit {
    pub(crate) socket: Result<Socket, SendError>,
    pub(crate) event: Cow<'static, str>,
    pub(crate) arguments: Result<Encoded, CodecError>,
}

impl Emit {
    pub(crate) fn new<A: Serialize + ?Sized>(
        socket: Result<Socket, SendError>,
        event: &'static str,
        arguments: &A,
    ) -> Self {
        let arguments = Encoded::one(arguments, encoding_of(&socket));
        Self { socket, event: event.into(), arguments }
    }
}

/// How a socket's peer wants its arguments. Without a socket it does not matter.
pub(crate) fn encoding_of(socket: &Result<Socket, SendError>) -> Encoding {
    socket.as_ref().map_or(Encoding::MessagePack, |socket| socket.inner.wire().encoding())
}

impl IntoFuture for Emit {
    type Output = Result<(), SendError>;
    type IntoFuture = futures_util::future::BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let arguments = self.arguments?;
            let socket = self.socket?;
            let wire = socket.inner.wire();
            let list = arguments.get(wire.encoding()).unwrap_or_default();
            let encode = |out: &mut Vec<u8>| wire.event_encoded(out, socket.namespace(), &self.event, list);
            socket.send_with(&self.event, encode).await?;
            socket.inner.show_outgoing_encoded(&self.event, &arguments);
            Ok(())
        })
    }
}
