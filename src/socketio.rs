//! Socket.IO and Engine.IO: browsers, and every client of the Socket.IO ecosystem, on the port of native clients.
//!
//! A server has a Socket.IO resource at `/socket.io/` without being asked; [`Resource`] changes it, or adds others.
//!
//! ```
//! use jidda::Server;
//! use jidda::http::Cors;
//! use jidda::socketio::{Resource, Transport};
//!
//! let builder = Server::builder()
//!     .socket_io(|resource| resource.cors(Cors::origin("https://example.com")))
//!     .resource(Resource::socket_io("/admin/").transports([Transport::WebSocket]));
//! # let _ = builder;
//! ```

pub use jidda_runtime::{Acknowledgements, Integers, Parser, Resource, Transport, Version};
