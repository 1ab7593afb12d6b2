//! A client's first words: hello, and joining namespaces.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Connection;
use super::calls::Answer;
use super::exchange::Link;
use super::socket::{Phase, Socket, SocketInner};
use crate::error::{CallError, SendError};
use crate::failure::Failure;
use crate::handler::{CallerError, call_error};
use crate::payload::{Encoding, encode_into};

/// A request of the protocol itself, sent and waiting.
struct Asked {
    connection: Arc<Connection>,
    id: u32,
}

impl Future for Asked {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        match self.connection.exchange.lock().calls.poll(self.id, cx.waker()) {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.connection.exchange.lock().calls.forget(self.id);
    }
}

/// Whether the server speaks jidda's wire or plain MessagePack-RPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acquaintance {
    Jidda,
    Plain,
}

impl Connection {
    /// Says hello. A server that does not know the word speaks plain MessagePack-RPC.
    pub(crate) async fn hello(self: &Arc<Self>) -> Result<Acquaintance, SendError> {
        #[derive(Deserialize)]
        struct Welcome {
            max_message: usize,
        }
        let id = {
            let mut exchange = self.exchange.lock();
            if exchange.link != Link::Up {
                return Err(SendError::NotConnected);
            }
            let place = exchange.outbox.place();
            let id = exchange.calls.begin(place);
            exchange.outbox.append(false, |out| self.wire.hello(out, id));
            let waker = exchange.queued();
            drop(exchange);
            waker.map(std::task::Waker::wake);
            id
        };
        match (Asked { connection: Arc::clone(self), id }).await {
            Answer::Value(payload) => {
                let mut exchange = self.exchange.lock();
                exchange.is_acquainted = true;
                exchange.max_message = self.hub.config.max_message;
                if let Ok(welcome) = payload.decode::<Welcome>() {
                    exchange.max_message = exchange.max_message.min(welcome.max_message);
                }
                Ok(Acquaintance::Jidda)
            }
            Answer::Failed(_) => Ok(Acquaintance::Plain),
            Answer::Disconnected { .. } => Err(SendError::NotConnected),
        }
    }
}

impl SocketInner {
    /// Asks to join the namespace with the auth value that is kept with the socket.
    async fn ask_to_join(self: &Arc<Self>) -> Result<(), Answer> {
        let auth = {
            let mut state = self.state.lock();
            if self.phase() != Phase::Away {
                let failure = Failure::new("already_connected", "the namespace was joined before");
                return Err(Answer::Failed(failure));
            }
            self.enter(Phase::Joining);
            state.extra().auth.clone()
        };
        let id = {
            let mut exchange = self.connection.exchange.lock();
            if exchange.link != Link::Up {
                drop(exchange);
                self.go_away();
                return Err(Answer::Disconnected { maybe_executed: false });
            }
            let place = exchange.outbox.place();
            let id = exchange.calls.begin_join(place, Arc::clone(self));
            let auth = auth.as_deref().unwrap_or(&[0xc0]);
            exchange.outbox.append(false, |out| self.wire().connect(out, id, self.namespace(), auth));
            let waker = exchange.queued();
            drop(exchange);
            waker.map(std::task::Waker::wake);
            id
        };
        match (Asked { connection: Arc::clone(&self.connection), id }).await {
            Answer::Value(_) => Ok(()),
            other => Err(other),
        }
    }
}

impl Socket {
    /// Joins the namespace on a client's connection, with `auth` as its auth value.
    pub(crate) async fn join_namespace<A: Serialize, E: CallerError>(
        &self,
        auth: &A,
    ) -> Result<(), CallError<E>> {
        let mut bytes = Vec::new();
        encode_into(&mut bytes, auth, Encoding::MessagePack).map_err(|error| SendError::Encode(error.0))?;
        self.inner.extra(|extra| extra.auth = (bytes != [0xc0]).then(|| Bytes::from(bytes)));
        self.rejoin().await
    }

    /// Joins it again, with the auth value of before.
    pub(crate) async fn rejoin<E: CallerError>(&self) -> Result<(), CallError<E>> {
        self.inner.ask_to_join().await.map_err(|answer| match answer {
            Answer::Failed(failure) => call_error(failure),
            Answer::Disconnected { maybe_executed } => CallError::Disconnected { maybe_executed },
            Answer::Value(_) => CallError::Disconnected { maybe_executed: false },
        })
    }

    /// Takes the namespace for joined: a plain server has no word for it.
    pub(crate) fn take_for_joined(&self) {
        {
            let _state = self.inner.state.lock();
            if self.inner.phase() != Phase::Away {
                return;
            }
            self.inner.enter(Phase::Joining);
        }
        self.inner.activate(None);
    }

    /// Whether the socket left for good.
    pub(crate) fn is_over(&self) -> bool {
        self.inner.phase() == Phase::Closed
    }
}
