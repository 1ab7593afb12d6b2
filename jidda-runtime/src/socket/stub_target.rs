//! How typed stubs send to a socket.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::SendError;
use crate::handler::{CallTarget, CallerError};
use crate::objects::Socket;
use crate::socket::emit::Emit;
use crate::socket::outgoing_call::OutgoingCall;

impl Socket {
    /// The socket a stub of `namespace` calls through: this one, or its connection's in that namespace.
    pub(crate) fn for_stub(&self, namespace: &'static str) -> Result<Socket, SendError> {
        if namespace.contains('{') || namespace == self.namespace() {
            return Ok(self.clone());
        }
        self.of(namespace).ok_or(SendError::NotConnected)
    }
}

impl CallTarget for Socket {
    type Call<R, E> = OutgoingCall<'static, R, E>;
    type Notify<E> = OutgoingCall<'static, (), E>;
    type Emit = Emit;

    fn call<A: Serialize, R: DeserializeOwned, E: CallerError>(
        &self,
        namespace: &'static str,
        event: &'static str,
        arguments: &A,
    ) -> Self::Call<R, E> {
        OutgoingCall::new(self.for_stub(namespace), event, arguments)
    }

    fn notify<A: Serialize, E: CallerError>(
        &self,
        namespace: &'static str,
        event: &'static str,
        arguments: &A,
    ) -> Self::Notify<E> {
        OutgoingCall::new(self.for_stub(namespace), event, arguments)
    }

    fn emit<A: Serialize>(&self, namespace: &'static str, event: &'static str, arguments: &A) -> Self::Emit {
        Emit::new(self.for_stub(namespace), event, arguments)
    }
}
