//! The runtime of jidda. Programs use it through the `jidda` crate, which re-exports it.
//!
//! The folders are floors, and a file imports only from floors below its own, the highest first: server; proxy; client;
//! driver; hub; socket; objects; link; observe; room; authentication and handler; wire and transport; plain values.
//! `tests/architecture.rs` holds that.
//!
//! Features: without `client` there is what a crate of contracts needs; `server` adds the folder `server/`.

// Where only a part is built, some of what its files share has no user. The whole is checked.
#![cfg_attr(
    not(all(feature = "run", feature = "noise", feature = "tls", feature = "jwt")),
    allow(dead_code, unused_imports)
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "client")]
mod config;
#[cfg(feature = "client")]
mod deadline;
mod error;
mod failure;
#[cfg(feature = "client")]
mod few;
mod foreign;
#[cfg(feature = "client")]
mod guard;
#[cfg(feature = "client")]
mod id;
#[cfg(feature = "client")]
mod identity;
mod location;
mod payload;
#[cfg(feature = "client")]
mod peer;
#[cfg(feature = "client")]
#[doc(hidden)]
pub mod polling;
mod reason;
#[cfg(feature = "client")]
mod shares;
#[cfg(feature = "client")]
mod source;
#[cfg(feature = "client")]
mod sync;
#[cfg(feature = "client")]
mod test_clients;
#[cfg(feature = "client")]
mod trace;
#[cfg(any(feature = "server", feature = "web-client"))]
mod tunnel;
#[cfg(feature = "client")]
mod wall_clock;

#[cfg(feature = "client")]
mod authentication;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod connection_options;
#[cfg(feature = "client")]
mod driver;
pub mod handler;
#[cfg(feature = "client")]
mod hub;
#[cfg(feature = "client")]
mod link;
#[cfg(all(test, feature = "__models"))]
mod models;
#[cfg(feature = "client")]
mod objects;
#[cfg(feature = "client")]
mod observe;
#[cfg(feature = "server")]
mod proxy;
#[cfg(feature = "client")]
mod reconnect;
#[cfg(feature = "client")]
mod room;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "client")]
mod socket;
#[cfg(feature = "server")]
pub mod testing;
#[cfg(feature = "client")]
#[doc(hidden)]
pub mod transport;
#[cfg(feature = "client")]
#[doc(hidden)]
pub mod wire;

#[cfg(feature = "client")]
pub use authentication::{Authenticator, OrElse, Password, TrustedKeys, TrustedPeer};
#[cfg(feature = "jwt")]
pub use authentication::{Jwt, JwtKeyError};
#[cfg(feature = "client")]
pub use client::{
    Client, ClientBuilder, ClientEvents, ConnectError, ListeningClient, OfflinePolicy, RetryQueue, blocking,
};
#[cfg(feature = "web-client")]
pub use client::{WebError, WebTransport};
#[cfg(feature = "client")]
pub use config::DuplicateIdentity;
#[cfg(feature = "client")]
pub use hub::{BroadcastCall, BroadcastEmit, Replies, Selection};
#[cfg(feature = "client")]
pub use objects::{Activity, DefaultHeartbeat, HeartbeatPolicy, Liveness, ObserverId, Socket, TimeoutAction};
#[cfg(feature = "client")]
pub use observe::{ErrorReport, FailureKind, FailureOrigin};
#[cfg(feature = "server")]
pub use proxy::Proxy;
#[cfg(feature = "client")]
pub use reconnect::{Backoff, ClientEvent};
#[cfg(feature = "client")]
pub use room::{PresenceEvent, PresenceEvents};
#[cfg(feature = "client")]
pub use socket::{
    CallFuture, ConnectionValues, Emit, Job, JobOutput, Listener, OutgoingCall, Session, Streaming, Volatile,
};

pub use error::{
    CallError, Error, IdentifyError, RecvError, Result, RoomError, SendError, StartError, StartProblem,
    StdError, WaitError,
};
pub use failure::{Failure, Told};
pub use futures_core::Stream;
#[cfg(feature = "client")]
pub use handler::{Deadline, InheritScope, inherit};
#[cfg(feature = "client")]
pub use id::{ConnectionId, IdError, SessionId, SocketId};
#[cfg(feature = "client")]
pub use identity::Identity;
pub use payload::{CodecError, Encoding, Integers, Payload, Value};
#[cfg(feature = "client")]
pub use peer::{Handshake, PeerAddress, Security, Time, Transport};
pub use reason::DisconnectReason;
#[cfg(feature = "server")]
pub use server::{
    Cookie, Cors, Dial, DialError, HttpBody, HttpService, Listen, Origins, Presence, RequestBody,
    RequestBodyError, Resource, SameSite, Server, ServerBuilder,
};
#[cfg(feature = "client")]
pub use trace::{TraceContext, TraceError};
#[cfg(feature = "noise")]
pub use transport::noise::{KeyError, KeyPair, NoiseClient, NoiseServer, PublicKey, SecretKey};
#[cfg(feature = "tls")]
pub use transport::{TlsClient, TlsError, TlsServer};
#[cfg(feature = "client")]
pub use wire::engine_io::Acknowledgements;
#[cfg(feature = "client")]
pub use wire::engine_io::Version;
#[cfg(feature = "client")]
pub use wire::socket_io::Parser;

#[doc(hidden)]
pub mod __private;
