//! A client for programs without an async runtime.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;

use super::{Client as AsyncClient, ClientBuilder, ConnectError};
use crate::connection::{
    Emit as AsyncEmit, Listener, Request, Socket as AsyncSocket, Streaming as AsyncStreaming,
};
use crate::error::{CallError, Error, RecvError, SendError};
use crate::handler::{CallerError, Carrier, Connector, StreamCarrier};
use crate::payload::Value;

/// A client whose methods block. Its connections are served by one thread of its own, also between calls.
///
/// Not for use inside an async runtime: there, use [`jidda::Client`](AsyncClient).
#[derive(Clone)]
pub struct Client {
    // Dropped before the runtime that serves it.
    client: AsyncClient,
    runtime: Arc<Runtime>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.client.fmt(f)
    }
}

fn runtime() -> Result<Arc<Runtime>, ConnectError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("jidda-client")
        .enable_all()
        .build()
        .map(Arc::new)
        .map_err(|source| ConnectError::Io { address: "a thread of its own".to_owned(), source })
}

impl Client {
    /// Connects with one connection and joins the root namespace.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    ///
    /// # Panics
    ///
    /// Inside an async runtime, as all of its methods.
    pub fn connect(address: &str) -> Result<Self, ConnectError> {
        Self::connect_with(AsyncClient::builder(address))
    }

    /// Connects as a builder says.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    pub fn connect_with(builder: ClientBuilder) -> Result<Self, ConnectError> {
        let runtime = runtime()?;
        let client = runtime.block_on(builder.connect())?;
        Ok(Self { client, runtime })
    }

    /// Calls a handler of the root namespace and waits for its reply.
    pub fn call<'a, R: DeserializeOwned>(
        &'a self,
        event: &'a str,
        arguments: &(impl Serialize + ?Sized),
    ) -> Call<'a, R> {
        Call { request: self.client.call(event, arguments), runtime: Arc::clone(&self.runtime) }
    }

    /// Calls a handler of the root namespace whose reply is a stream, and waits for each item in its turn.
    pub fn stream<T>(&self, event: &str, arguments: &(impl Serialize + ?Sized)) -> Streaming<T> {
        Streaming { items: self.client.stream(event, arguments), runtime: Arc::clone(&self.runtime) }
    }

    /// Sends an event to the root namespace.
    ///
    /// # Errors
    ///
    /// [`SendError`].
    pub fn emit<A: Serialize + ?Sized>(&self, event: &str, arguments: &A) -> Result<(), SendError> {
        self.runtime.block_on(self.client.emit(event, arguments))
    }

    /// Sends a bare value to the root namespace.
    ///
    /// # Errors
    ///
    /// [`SendError`].
    pub fn send<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), SendError> {
        self.runtime.block_on(self.client.send(value))
    }

    /// Waits for the next bare message that no handler takes.
    ///
    /// # Errors
    ///
    /// [`RecvError`].
    pub fn recv<T: DeserializeOwned>(&self) -> Result<T, RecvError> {
        self.runtime.block_on(self.client.recv())
    }

    /// Handles an event of the root namespace with a closure, on the client's thread.
    ///
    /// # Panics
    ///
    /// When the event's name is reserved.
    pub fn on<A, L: Listener<A> + Clone>(&self, event: &str, listener: L) {
        self.client.on(event, listener);
    }

    /// Runs any future of the async client, such as a stub's `connect`, and waits for it.
    pub fn wait<F: IntoFuture>(&self, future: F) -> F::Output {
        // Inside the runtime's context already when the future is made: it may start a timer.
        let _context = self.runtime.enter();
        self.runtime.block_on(future.into_future())
    }

    /// The async client underneath, to make futures for [`wait`](Self::wait).
    pub fn as_async(&self) -> &AsyncClient {
        &self.client
    }

    /// Joins a namespace; its stub is `ChatClient::new(client.join("/chat", &login)?)`.
    ///
    /// # Errors
    ///
    /// As for [`jidda::Client::join`](AsyncClient::join).
    pub fn join<A: Serialize + Sync>(&self, namespace: &str, auth: &A) -> Result<Socket, CallError<Error>> {
        let socket = self.runtime.block_on(self.client.join(namespace, auth))?;
        Ok(Socket { socket, runtime: Arc::clone(&self.runtime) })
    }

    /// Closes the connections and waits for that.
    pub fn disconnect(&self) {
        self.runtime.block_on(self.client.disconnect());
    }
}

/// A socket whose stubs block.
#[derive(Clone, Debug)]
pub struct Socket {
    socket: AsyncSocket,
    runtime: Arc<Runtime>,
}

/// A call that is sent when it is waited for.
#[must_use = "a call is sent when it is waited for"]
#[derive(Debug)]
pub struct Call<'a, R, E = Value> {
    request: Request<'a, R, E>,
    runtime: Arc<Runtime>,
}

impl<R: DeserializeOwned, E: CallerError> Call<'_, R, E> {
    /// Gives the call up after `limit`.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.request = self.request.timeout(limit);
        self
    }

    /// Sends the call and waits for its reply.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub fn wait(self) -> Result<R, CallError<E>> {
        self.runtime.block_on(self.request.into_future())
    }
}

/// The items of a streaming reply. The call is sent when the first one is waited for, and cancelled when this is
/// dropped before its end.
#[must_use = "a call is sent when its first item is waited for"]
#[derive(Debug)]
pub struct Streaming<T, E = Value> {
    items: AsyncStreaming<T, E>,
    runtime: Arc<Runtime>,
}

impl<T, E> Streaming<T, E> {
    /// How many items may be under way: see [`jidda::Streaming::window`](AsyncStreaming::window).
    pub fn window(mut self, items: u32) -> Self {
        self.items = self.items.window(items);
        self
    }

    /// Gives the stream up after `limit`, wherever it is then.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.items = self.items.timeout(limit);
        self
    }
}

impl<T: DeserializeOwned, E: CallerError> Iterator for Streaming<T, E> {
    type Item = Result<T, CallError<E>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.runtime.block_on(self.items.next())
    }
}

/// An event of a stub that is sent when it is waited for.
#[must_use = "an event is sent when it is waited for"]
#[derive(Debug)]
pub struct Emit {
    emit: AsyncEmit,
    runtime: Arc<Runtime>,
}

impl Emit {
    /// Sends the event.
    ///
    /// # Errors
    ///
    /// [`SendError`].
    pub fn wait(self) -> Result<(), SendError> {
        self.runtime.block_on(self.emit.into_future())
    }
}

macro_rules! blocking_carrier {
    ($carrier:ty, $field:ident) => {
        impl Carrier for $carrier {
            type Call<R: DeserializeOwned, E: CallerError> = Call<'static, R, E>;
            type Tell<E: CallerError> = Call<'static, (), E>;
            type Emit = Emit;

            fn call<A: Serialize, R: DeserializeOwned, E: CallerError>(
                &self,
                namespace: &'static str,
                event: &'static str,
                arguments: &A,
            ) -> Self::Call<R, E> {
                let request = Carrier::call(&self.$field, namespace, event, arguments);
                Call { request, runtime: Arc::clone(&self.runtime) }
            }

            fn tell<A: Serialize, E: CallerError>(
                &self,
                namespace: &'static str,
                event: &'static str,
                arguments: &A,
            ) -> Self::Tell<E> {
                let request = Carrier::tell(&self.$field, namespace, event, arguments);
                Call { request, runtime: Arc::clone(&self.runtime) }
            }

            fn emit<A: Serialize>(
                &self,
                namespace: &'static str,
                event: &'static str,
                arguments: &A,
            ) -> Emit {
                let emit = Carrier::emit(&self.$field, namespace, event, arguments);
                Emit { emit, runtime: Arc::clone(&self.runtime) }
            }
        }

        impl StreamCarrier for $carrier {
            type Stream<T: DeserializeOwned, E: CallerError> = Streaming<T, E>;

            fn stream<A: Serialize, T: DeserializeOwned, E: CallerError>(
                &self,
                namespace: &'static str,
                event: &'static str,
                arguments: &A,
            ) -> Streaming<T, E> {
                let items = StreamCarrier::stream(&self.$field, namespace, event, arguments);
                Streaming { items, runtime: Arc::clone(&self.runtime) }
            }
        }
    };
}

blocking_carrier!(Client, client);
blocking_carrier!(Socket, socket);

impl Connector for Client {
    type Carrier = Socket;

    /// For stubs: `client.wait(ChatClient::connect(&client, login))`.
    async fn join<A: Serialize + Sync, E: CallerError + Send>(
        &self,
        namespace: &str,
        auth: &A,
    ) -> Result<Socket, CallError<E>> {
        let socket = self.client.join_as(namespace, auth).await?;
        Ok(Socket { socket, runtime: Arc::clone(&self.runtime) })
    }
}
