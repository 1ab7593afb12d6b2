//! The runtime of jidda. Programs use it through the `jidda` crate, which re-exports it.
//!
//! The folders are floors, and a file imports only from floors below its own, the highest first: server; proxy; client;
//! driver; hub; socket; objects; link; observe; room; authentication and handler; wire and transport; plain values.
//! `tests/architecture.rs` holds that.

mod config;
mod deadline;
mod error;
mod failure;
mod few;
mod foreign;
mod guard;
mod id;
mod identity;
mod location;
mod payload;
mod peer;
#[doc(hidden)]
pub mod polling;
mod reason;
mod shares;
mod source;
mod sync;
mod trace;

mod authentication;
mod client;
mod connection_options;
mod driver;
pub mod handler;
mod hub;
mod link;
#[cfg(all(test, feature = "__models"))]
mod models;
mod objects;
mod observe;
mod proxy;
mod reconnect;
mod room;
mod server;
mod socket;
pub mod testing;
pub mod transport;
pub mod wire;

pub use authentication::{Authenticator, OrElse, Password, TrustedKeys, TrustedPeer};
#[cfg(feature = "jwt")]
pub use authentication::{Jwt, JwtKeyError};
pub use client::{
    Client, ClientBuilder, ClientEvents, ConnectError, ListeningClient, OfflinePolicy, blocking,
};
pub use config::DuplicateIdentity;
pub use hub::{BroadcastCall, BroadcastEmit, Replies, Selection};
pub use objects::{Activity, DefaultHeartbeat, HeartbeatPolicy, Liveness, ObserverId, Socket, TimeoutAction};
pub use observe::{ErrorReport, FailureKind, FailureOrigin};
pub use reconnect::{Backoff, ClientEvent};
pub use room::{PresenceEvent, PresenceEvents};
pub use socket::{
    CallFuture, ConnectionValues, Emit, Job, JobOutput, Listener, OutgoingCall, Session, Streaming, Volatile,
};

pub use error::{
    CallError, Error, IdentifyError, RecvError, Result, RoomError, SendError, StartError, StartProblem,
    StdError, WaitError,
};
pub use failure::{Failure, Told};
pub use futures_util::Stream;
pub use handler::{Deadline, InheritScope, inherit};
pub use id::{ConnectionId, SessionId, SocketId};
pub use identity::Identity;
pub use payload::{CodecError, Encoding, Payload, Value};
pub use peer::{Handshake, PeerAddress, Security, Time, Transport};
pub use reason::DisconnectReason;
pub use server::{
    Cookie, Cors, Dial, DialError, HttpBody, HttpService, Listen, Origins, Presence, Proxy, RequestBody,
    RequestBodyError, Resource, SameSite, Server, ServerBuilder,
};
pub use trace::TraceContext;
#[cfg(feature = "noise")]
pub use transport::noise::{KeyError, KeyPair, NoiseClient, NoiseServer, PublicKey, SecretKey};
#[cfg(feature = "tls")]
pub use transport::{TlsClient, TlsError, TlsServer};
pub use wire::engine_io::Acknowledgements;
pub use wire::engine_io::Version;
pub use wire::socket_io::Parser;

#[doc(hidden)]
pub mod __private;
