//! Heartbeats: when a silent peer is asked for a sign of life, and when its connection is closed.
//!
//! [`ServerBuilder::heartbeat`](crate::server::ServerBuilder::heartbeat) and its time-out are enough for most programs. A
//! [`HeartbeatPolicy`] decides by itself.
//!
//! ```
//! use std::time::Duration;
//!
//! use jidda::Server;
//!
//! let builder = Server::builder().heartbeat(Duration::from_secs(10)).heartbeat_timeout(Duration::from_secs(5));
//! # let _ = builder;
//! ```

pub use jidda_runtime::{Activity, DefaultHeartbeat, HeartbeatPolicy, Liveness, TimeoutAction};
