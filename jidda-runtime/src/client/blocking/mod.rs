//! A client for programs without an async runtime.

mod runtime;

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::{Client as AsyncClient, ClientBuilder, ConnectError};
use crate::error::{CallError, Error, INSIDE_RUNTIME, RecvError, SendError};
use crate::handler::{CallTarget, CallerError, JoinTarget, StreamTarget};
use crate::objects::Socket as AsyncSocket;
use crate::payload::Value;
use crate::socket::{Emit as AsyncEmit, Listener, OutgoingCall as AsyncCall, Streaming as AsyncStreaming};
use runtime::{Home, InsideRuntime};

/// A client whose methods block. Its connections are served by one thread of its own, also between calls.
///
/// Not for use in async code, which it would block: there, its methods fail, and [`jidda::Client`](AsyncClient) is to be used.
/// Threads for blocking code, such as those of blocking handlers, may use it.
///
/// It can be dropped anywhere. When the last clone is dropped outside of a runtime, what was emitted is written first, for
/// five seconds at most; in a runtime that goes on behind it.
#[derive(Clone)]
pub struct Client {
    // Dropped before the runtime that serves it.
    inner: AsyncClient,
    home: Home,
    /// The calls whose answers closures wait for.
    answers: TaskTracker,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Client {
    /// Connects with one connection and joins the root namespace.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]; in async code, it is [`ConnectError::InsideRuntime`].
    pub fn connect(address: &str) -> Result<Self, ConnectError> {
        Self::connect_with(AsyncClient::builder(address))
    }

    /// Connects as a builder says.
    ///
    /// # Errors
    ///
    /// As for [`connect`](Self::connect).
    pub fn connect_with(builder: ClientBuilder) -> Result<Self, ConnectError> {
        let (home, client) = Home::connect(builder.connect())?;
        Ok(Self { inner: client, home, answers: TaskTracker::new() })
    }

    /// Calls a handler of the root namespace and waits for its reply.
    pub fn call<'a, R: DeserializeOwned>(
        &'a self,
        event: &'a str,
        arguments: &(impl Serialize + ?Sized),
    ) -> OutgoingCall<'a, R> {
        OutgoingCall { call: self.inner.call(event, arguments), home: self.home.clone() }
    }

    /// Calls a handler of the root namespace whose reply is a stream, and waits for each item in its turn.
    pub fn stream<T>(&self, event: &str, arguments: &(impl Serialize + ?Sized)) -> Streaming<T> {
        Streaming { items: self.inner.stream(event, arguments), home: self.home.clone(), is_over: false }
    }

    /// Sends an event to the root namespace.
    ///
    /// # Errors
    ///
    /// [`SendError`].
    pub fn emit<A: Serialize + ?Sized>(&self, event: &str, arguments: &A) -> Result<(), SendError> {
        self.home.wait(self.inner.emit(event, arguments))?
    }

    /// Calls a handler of the root namespace without waiting, and gives its reply to a closure, which runs on the client's
    /// thread. [`wait_for_acks`](Self::wait_for_acks) waits for all of them.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use jidda::blocking::Client;
    ///
    /// # fn main() -> Result<(), jidda::error::ConnectError> {
    /// let client = Client::connect("http://127.0.0.1:3000")?;
    /// client.call_then("add", &(1, 2), |sum: Result<i64, _>| println!("{sum:?}"));
    /// client.wait_for_acks(Duration::from_secs(10));
    /// # Ok(())
    /// # }
    /// ```
    pub fn call_then<R: DeserializeOwned + Send + 'static>(
        &self,
        event: &str,
        arguments: &(impl Serialize + ?Sized),
        then: impl FnOnce(Result<R, CallError>) + Send + 'static,
    ) {
        let call = self.inner.call::<R>(event, arguments).into_owned();
        self.home.spawn(&self.answers, async move { then(call.await) });
    }

    /// Waits for the replies of all that [`call_then`](Self::call_then) began, but no longer than `limit`. Whether they are
    /// all there.
    ///
    /// # Panics
    ///
    /// In async code, which it would block.
    pub fn wait_for_acks(&self, limit: Duration) -> bool {
        self.answers.close();
        let are_there = self.wait(async { timeout(limit, self.answers.wait()).await.is_ok() });
        self.answers.reopen();
        are_there
    }

    /// Waits until the client has ended for good, but no longer than `limit`: handlers run meanwhile, as they do always. Whether
    /// it has ended.
    ///
    /// # Panics
    ///
    /// In async code, which it would block.
    pub fn wait_for_end(&self, limit: Duration) -> bool {
        self.wait(async { timeout(limit, self.inner.closed()).await.is_ok() })
    }

    /// Sends a bare value to the root namespace.
    ///
    /// # Errors
    ///
    /// [`SendError`].
    pub fn send<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), SendError> {
        self.home.wait(self.inner.send(value))?
    }

    /// Waits for the next bare message that no handler takes.
    ///
    /// # Errors
    ///
    /// [`RecvError`].
    pub fn recv<T: DeserializeOwned>(&self) -> Result<T, RecvError> {
        self.home.wait(self.inner.recv())?
    }

    /// Handles an event of the root namespace with a closure, on the client's thread.
    ///
    /// # Panics
    ///
    /// When the event's name is reserved.
    pub fn on<A, L: Listener<A> + Clone>(&self, event: &str, listener: L) {
        self.inner.on(event, listener);
    }

    /// Runs any future of the async client, such as a stub's `connect`, and waits for it.
    ///
    /// # Panics
    ///
    /// In async code, which it would block.
    pub fn wait<F: IntoFuture>(&self, future: F) -> F::Output {
        self.home.wait(future).unwrap_or_else(|InsideRuntime| panic!("{INSIDE_RUNTIME}"))
    }

    /// The async client underneath, to make futures for [`wait`](Self::wait).
    pub fn as_async(&self) -> &AsyncClient {
        &self.inner
    }

    /// Joins a namespace; its stub is `ChatClient::new(client.join("/chat", &login)?)`.
    ///
    /// # Errors
    ///
    /// As for [`jidda::Client::join`](AsyncClient::join).
    pub fn join<A: Serialize + Sync>(&self, namespace: &str, auth: &A) -> Result<Socket, CallError<Error>> {
        let socket = self.home.wait(self.inner.join(namespace, auth)).map_err(SendError::from)??;
        Ok(Socket { socket, home: self.home.clone() })
    }

    /// Closes the connections and waits for that.
    ///
    /// # Panics
    ///
    /// In async code, which it would block.
    pub fn disconnect(&self) {
        self.wait(self.inner.disconnect());
    }
}

impl From<InsideRuntime> for SendError {
    fn from(_: InsideRuntime) -> Self {
        Self::InsideRuntime
    }
}

impl From<InsideRuntime> for RecvError {
    fn from(_: InsideRuntime) -> Self {
        Self::InsideRuntime
    }
}

/// A socket whose stubs block.
#[derive(Clone, Debug)]
pub struct Socket {
    socket: AsyncSocket,
    home: Home,
}

/// A call that is sent when it is waited for.
#[must_use = "a call is sent when it is waited for"]
#[derive(Debug)]
pub struct OutgoingCall<'a, R, E = Value> {
    call: AsyncCall<'a, R, E>,
    home: Home,
}

impl<R: DeserializeOwned, E: CallerError> OutgoingCall<'_, R, E> {
    /// Gives the call up after `limit`.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.call = self.call.timeout(limit);
        self
    }

    /// Sends the call and waits for its reply.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub fn wait(self) -> Result<R, CallError<E>> {
        self.home.wait(self.call).map_err(SendError::from)?
    }
}

/// The items of a streaming reply. The call is sent when the first one is waited for, and cancelled when this is
/// dropped before its end.
#[must_use = "a call is sent when its first item is waited for"]
#[derive(Debug)]
pub struct Streaming<T, E = Value> {
    items: AsyncStreaming<T, E>,
    home: Home,
    /// It was used in async code.
    is_over: bool,
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
        if self.is_over {
            return None;
        }
        self.home.wait(self.items.next()).unwrap_or_else(|inside| {
            // It would say so for ever.
            self.is_over = true;
            Some(Err(SendError::from(inside).into()))
        })
    }
}

/// An event of a stub that is sent when it is waited for.
#[must_use = "an event is sent when it is waited for"]
#[derive(Debug)]
pub struct Emit {
    emit: AsyncEmit,
    home: Home,
}

impl Emit {
    /// Sends the event.
    ///
    /// # Errors
    ///
    /// [`SendError`].
    pub fn wait(self) -> Result<(), SendError> {
        self.home.wait(self.emit)?
    }
}

macro_rules! blocking_target {
    ($target:ty, $field:ident) => {
        impl CallTarget for $target {
            type Call<R, E> = OutgoingCall<'static, R, E>;
            type Notify<E> = OutgoingCall<'static, (), E>;
            type Emit = Emit;

            fn call<A: Serialize, R: DeserializeOwned, E: CallerError>(
                &self,
                namespace: &'static str,
                event: &'static str,
                arguments: &A,
            ) -> Self::Call<R, E> {
                let call = CallTarget::call(&self.$field, namespace, event, arguments);
                OutgoingCall { call, home: self.home.clone() }
            }

            fn notify<A: Serialize, E: CallerError>(
                &self,
                namespace: &'static str,
                event: &'static str,
                arguments: &A,
            ) -> Self::Notify<E> {
                let call = CallTarget::notify(&self.$field, namespace, event, arguments);
                OutgoingCall { call, home: self.home.clone() }
            }

            fn emit<A: Serialize>(
                &self,
                namespace: &'static str,
                event: &'static str,
                arguments: &A,
            ) -> Emit {
                let emit = CallTarget::emit(&self.$field, namespace, event, arguments);
                Emit { emit, home: self.home.clone() }
            }
        }

        impl StreamTarget for $target {
            type Stream<T, E> = Streaming<T, E>;

            fn stream<A: Serialize, T: DeserializeOwned, E: CallerError>(
                &self,
                namespace: &'static str,
                event: &'static str,
                arguments: &A,
            ) -> Streaming<T, E> {
                let items = StreamTarget::stream(&self.$field, namespace, event, arguments);
                Streaming { items, home: self.home.clone(), is_over: false }
            }
        }
    };
}

blocking_target!(Client, inner);
blocking_target!(Socket, socket);

impl JoinTarget for Client {
    type CallTarget = Socket;

    /// For stubs: `client.wait(ChatClient::connect(&client, login))`.
    async fn join<A: Serialize + Sync, E: CallerError + Send>(
        &self,
        namespace: &str,
        auth: &A,
    ) -> Result<Socket, CallError<E>> {
        let socket = self.inner.join_as(namespace, auth).await?;
        Ok(Socket { socket, home: self.home.clone() })
    }
}
