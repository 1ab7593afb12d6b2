//! Calls of many sockets at once, and how typed stubs send to a selection.

use std::fmt;
use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{CallError, SendError};
use crate::handler::{CallTarget, CallerError};
use crate::hub::broadcast::BroadcastEmit;
use crate::hub::selection::Selection;
use crate::objects::Socket;
use crate::payload::{CodecError, Value};
use crate::socket::encoded::Encoded;
use crate::socket::handle::is_reserved;
use crate::socket::outgoing_call::OutgoingCall;

/// Every reply of a broadcast call: one a socket, in no particular order.
pub type Replies<R, E = Value> = Vec<(Socket, Result<R, CallError<E>>)>;

/// A call of many sockets. It needs a time-out.
#[must_use = "say how long to wait with `.timeout(..)`, then await the replies"]
pub struct BroadcastCall<R, E = Value> {
    selection: Selection,
    event: String,
    arguments: Result<Encoded, CodecError>,
    expects: std::marker::PhantomData<fn() -> (R, E)>,
}

impl<R, E> fmt::Debug for BroadcastCall<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BroadcastCall").field("event", &self.event).finish_non_exhaustive()
    }
}

impl<R: DeserializeOwned, E: CallerError> BroadcastCall<R, E> {
    /// Sends the call and waits for every reply, each for at most `limit`. Who does not reply in time has
    /// [`CallError::Timeout`] in its place.
    ///
    /// # Errors
    ///
    /// The value cannot be encoded, or the name is reserved.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the calls that are still running.
    pub async fn timeout(self, limit: Duration) -> Result<Replies<R, E>, SendError> {
        if is_reserved(&self.event) {
            return Err(SendError::Reserved(self.event));
        }
        let arguments = self.arguments?.shared();
        let event = &self.event;
        // To call a socket is a sign that it is accepted: one that its `connect` handler has not let in is not
        // called.
        let sockets = self.selection.sockets().into_iter().filter(Socket::is_connected);
        let prepare = |socket: Socket| {
            let request = OutgoingCall::<R, E>::encoded(socket.clone(), event, &arguments);
            (socket, request.timeout(limit).into_future().prepared())
        };
        let mut calls: Vec<_> = sockets.map(prepare).collect();
        let sent: Vec<_> =
            self.selection.in_order(|_| calls.iter_mut().map(|(_, call)| call.begin()).collect());
        let replies = calls.into_iter().zip(sent).map(|((socket, call), sent)| async move {
            match sent {
                Ok(()) => {
                    call.show();
                    (socket, call.await)
                }
                Err(error) => (socket, Err(CallError::Send(error))),
            }
        });
        Ok(join_all(replies).await)
    }

    /// Sends it as an event instead: no replies are waited for.
    pub fn emit(self) -> BroadcastEmit {
        BroadcastEmit::new(self.selection, self.event, self.arguments)
    }
}

impl CallTarget for Selection {
    type Call<R, E> = BroadcastCall<R, E>;
    type Notify<E> = BroadcastEmit;
    type Emit = BroadcastEmit;

    fn call<A: Serialize, R: DeserializeOwned, E: CallerError>(
        &self,
        namespace: &'static str,
        event: &'static str,
        arguments: &A,
    ) -> Self::Call<R, E> {
        BroadcastCall {
            selection: self.for_stub(namespace),
            event: event.to_owned(),
            arguments: Encoded::all(arguments, &self.hub),
            expects: std::marker::PhantomData,
        }
    }

    fn notify<A: Serialize, E: CallerError>(
        &self,
        namespace: &'static str,
        event: &'static str,
        arguments: &A,
    ) -> Self::Notify<E> {
        CallTarget::emit(self, namespace, event, arguments)
    }

    fn emit<A: Serialize>(&self, namespace: &'static str, event: &'static str, arguments: &A) -> Self::Emit {
        BroadcastEmit::new(self.for_stub(namespace), event.to_owned(), Encoded::all(arguments, &self.hub))
    }
}

impl Selection {
    /// Calls each; say how long to wait with [`BroadcastCall::timeout`], then await every reply.
    pub fn call<R>(&self, event: &str, arguments: &(impl Serialize + ?Sized)) -> BroadcastCall<R> {
        BroadcastCall {
            selection: self.clone(),
            event: event.to_owned(),
            arguments: Encoded::all(arguments, &self.hub),
            expects: std::marker::PhantomData,
        }
    }
}
