//! Servers: building, listening, dialing out and passing events on.
//!
//! [`Server::builder`] collects what a server is made of. [`ServerBuilder::run`] is a whole program;
//! [`ServerBuilder::start`] serves as tasks of the current runtime.
//!
//! [`SockRef`] is that of the crate `socket2`, which has all options of a TCP socket: a
//! [`configure_socket`](crate::configure_socket) hook borrows it.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use jidda::Server;
//!
//! # #[tokio::main]
//! # async fn main() -> jidda::Result<()> {
//! let server = Server::builder().listen("tcp://0.0.0.0:8000").max_message(64 * 1024).start().await?;
//! server.shutdown(Duration::from_secs(10)).await;
//! # Ok(())
//! # }
//! ```

pub use jidda_runtime::__private::SockRef;
pub use jidda_runtime::{Dial, DialError, Listen, Proxy, Server, ServerBuilder, StartError, StartProblem};
