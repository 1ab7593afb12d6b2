//! Realtime servers and clients from annotated functions.
//!
//! Annotate functions, call [`run!`], and the program serves them to native clients: `MessagePack` over TCP,
//! Unix sockets or memory. The same signatures are the typed stubs that clients call.
//!
//! ```no_run
//! use jidda::prelude::*;
//!
//! /// Doubles a number.
//! #[on]
//! async fn double(n: i64) -> i64 {
//!     n * 2
//! }
//!
//! fn main() -> Result<(), jidda::StartError> {
//!     jidda::run!("127.0.0.1:8000")
//! }
//! ```
//!
//! And on the other side, with the type that `#[on]` wrote beside the function:
//!
//! ```standalone_crate
//! # use jidda::prelude::*;
//! # #[on]
//! # async fn double(n: i64) -> i64 {
//! #     n * 2
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> jidda::Result<()> {
//! # let server = Server::builder().listen("mem:docs").start().await?;
//! # let address = "mem:docs";
//! let client = Client::connect(address).await?;
//! assert_eq!(double::call(&client, 21).await?, 42);
//! # Ok(())
//! # }
//! ```
//!
//! # The argument rule
//!
//! What a handler borrows comes from the connection, what it owns comes from the message: see
//! [`FromConnection`](trait@FromConnection).

pub use jidda_macros::{FromConnection, configure_socket, middleware, namespace, on};
pub use jidda_runtime::handler::{
    Args, Call, Carrier, Connector, Context, EventName, FromConnection, HandlerEntry, Next, Path, Reply,
    State, StreamCarrier, Table,
};
pub use jidda_runtime::transport::Address;
pub use jidda_runtime::{
    Acknowledgements, AtLimit, Authenticator, Backoff, Broadcast, BroadcastCall, CallError, CallFuture,
    Client, ClientBuilder, ClientEvent, ClientEvents, ConnectError, ConnectionId, ConnectionValues, Cookie,
    Cors, Deadline, DefaultHeartbeat, Dial, DialError, DisconnectReason, DuplicateIdentity, Emit, Encoding,
    Error, ErrorReport, FailureKind, FailureOrigin, Handshake, HeartbeatPolicy, HttpBody, HttpService,
    IdentifyError, Identity, Inherit, Job, JobOutput, Listener, ListeningClient, ObserverId, Or, Origins,
    Parser, Password, Payload, PeerAddress, Presence, PresenceEvent, PresenceEvents, Proxy, Pulse, RecvError,
    Replies, Request, RequestBody, RequestBodyError, Resource, Result, RoomError, SameSite, Security,
    Selection, SendError, Server, ServerBuilder, Session, SessionId, Sign, Socket, SocketId, StartError,
    StartProblem, StdError, Stream, Streaming, Time, TraceContext, Transport, TrustedKeys, TrustedPeer,
    Value, Version, Volatile, WaitError, WhileAway, blocking, handler, inherit, testing,
};
#[cfg(feature = "jwt")]
pub use jidda_runtime::{Jwt, JwtKeyError};

#[cfg(feature = "noise")]
pub use jidda_runtime::{KeyError, KeyPair, NoiseClient, NoiseServer, PublicKey, SecretKey};
#[cfg(feature = "tls")]
pub use jidda_runtime::{TlsClient, TlsError, TlsServer};

#[doc(hidden)]
pub use jidda_runtime::__private;

#[cfg(doctest)]
mod pages;

/// What most programs need: `use jidda::prelude::*;`.
pub mod prelude {
    pub use std::time::Duration;

    pub use jidda_macros::{FromConnection, configure_socket, middleware, namespace, on};
    pub use jidda_runtime::__private::SockRef;
    pub use jidda_runtime::handler::{
        Args, Call, Context, EventName, FromConnection, Next, Path, Reply, State,
    };
    pub use jidda_runtime::{
        CallError, Client, Cors, Deadline, DisconnectReason, DuplicateIdentity, Error, Handshake, Identity,
        Parser, PresenceEvent, Resource, Selection, Server, Socket, SocketId, Stream, Streaming, Transport,
        Value,
    };
    #[cfg(feature = "noise")]
    pub use jidda_runtime::{KeyPair, NoiseClient, NoiseServer, PublicKey};
    #[cfg(feature = "tls")]
    pub use jidda_runtime::{TlsClient, TlsServer};
}

/// Serves every handler that is linked into the program until Ctrl-C or SIGTERM: the body of `main`.
///
/// The handlers of other crates are only in the program if something names them: list those crates.
///
/// ```no_run
/// # mod chat {}
/// fn main() -> Result<(), jidda::StartError> {
///     jidda::run!("127.0.0.1:8000")
/// }
/// ```
///
/// ```ignore
/// jidda::run!("127.0.0.1:8000", link = [chat, admin])
/// ```
///
/// `JIDDA_LISTEN=host:port` replaces the address, `JIDDA_HANDLERS=1` prints the handlers and ends. For more than
/// an address there is [`Server::builder`] with [`ServerBuilder::run`].
#[macro_export]
macro_rules! run {
    ($address:expr $(, link = [$($name:ident),* $(,)?])? $(,)?) => {{
        $($(
            #[allow(unused_imports, clippy::single_component_path_imports)]
            use ::$name as _;
        )*)?
        $crate::__private::run($address, &[$($(::core::stringify!($name)),*)?])
    }};
}
