//! The runtime of jidda. Programs use it through the `jidda` crate, which re-exports it.
//!
//! The folders are floors, and a file imports only from floors below its own: server and client; connection;
//! room; handler and authentication; wire and transport; plain values.

mod config;
mod deadline;
mod error;
mod failure;
mod few;
mod foreign;
mod guard;
mod id;
mod identity;
mod payload;
mod peer;
mod reason;
mod shares;
mod source;
mod sync;
mod trace;

mod authentication;
mod client;
mod connection;
pub mod handler;
mod room;
mod server;
pub mod testing;
pub mod transport;
pub mod wire;

pub use authentication::{Authenticator, Or, Password, TrustedKeys, TrustedPeer};
#[cfg(feature = "jwt")]
pub use authentication::{Jwt, JwtKeyError};
pub use client::{
    Backoff, Client, ClientBuilder, ClientEvent, ClientEvents, ConnectError, ListeningClient, WhileAway,
    blocking,
};
pub use config::DuplicateIdentity;
pub use connection::{
    AtLimit, Broadcast, BroadcastCall, CallFuture, ConnectionValues, DefaultHeartbeat, Emit, ErrorReport,
    FailureKind, FailureOrigin, HeartbeatPolicy, Job, JobOutput, Listener, ObserverId, PresenceEvent,
    PresenceEvents, Pulse, Replies, Request, Selection, Session, Sign, Socket, Streaming, Volatile,
};

pub use error::{
    CallError, Error, IdentifyError, Problems, RecvError, Result, RoomError, SendError, StdError, WaitError,
};
pub use failure::{Failure, Told};
pub use futures_util::Stream;
pub use handler::{Deadline, Inherit, inherit};
pub use id::{ConnectionId, SessionId, SocketId};
pub use identity::Identity;
pub use payload::{CodecError, Encoding, Payload, Value};
pub use peer::{Handshake, PeerAddress, Security, Time};
pub use reason::DisconnectReason;
pub use server::{
    Cookie, Cors, Dial, DialError, HttpBody, HttpService, Origins, Presence, Proxy, RequestBody,
    RequestBodyError, Resource, SameSite, Server, ServerBuilder, Transport,
};
pub use trace::TraceContext;
#[cfg(feature = "noise")]
pub use transport::noise::{KeyError, KeyPair, NoiseClient, NoiseServer, PublicKey, SecretKey};
#[cfg(feature = "tls")]
pub use transport::{TlsClient, TlsError, TlsServer};
pub use wire::engine_io::Version;
pub use wire::socket_io::Parser;

#[doc(hidden)]
pub mod __private;
