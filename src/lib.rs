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
//! fn main() -> Result<(), jidda::error::StartError> {
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

pub mod auth;
pub mod call;
pub mod client;
pub mod error;
pub mod handler;
pub mod heartbeat;
pub mod http;
pub mod middleware;
#[cfg(feature = "noise")]
pub mod noise;
pub mod payload;
pub mod peer;
pub mod presence;
pub mod report;
pub mod server;
pub mod socket;
pub mod socketio;
pub mod stream;
#[cfg(feature = "tls")]
pub mod tls;

pub use jidda_macros::{FromConnection, configure_socket, middleware, namespace, on};
pub use jidda_runtime::handler::{FromConnection, Path, State};
pub use jidda_runtime::{Client, Error, Result, Server, Socket, StartError, blocking, testing};

#[doc(hidden)]
pub use jidda_runtime::__private;

#[cfg(doctest)]
mod pages;

/// The names that most programs need: `use jidda::prelude::*;`.
///
/// They are few, and none is one of std, axum, anyhow or clap, so that their globs fit beside this one.
pub mod prelude {
    pub use jidda_macros::{FromConnection, configure_socket, middleware, namespace, on};
    pub use jidda_runtime::handler::{FromConnection, Reply};
    pub use jidda_runtime::{
        CallError, Client, DisconnectReason, Result, Selection, Server, Socket, SocketId,
    };
}

/// Serves every handler that is linked into the program until Ctrl-C or SIGTERM: the body of `main`.
///
/// The handlers of other crates are only in the program if something names them: list those crates.
///
/// ```no_run
/// # mod chat {}
/// fn main() -> Result<(), jidda::error::StartError> {
///     jidda::run!("127.0.0.1:8000")
/// }
/// ```
///
/// ```ignore
/// jidda::run!("127.0.0.1:8000", link = [chat, admin])
/// ```
///
/// `JIDDA_LISTEN=host:port` replaces the address, `JIDDA_HANDLERS=1` prints the handlers and ends. For more than
/// an address there is [`Server::builder`] with [`ServerBuilder::run`](server::ServerBuilder::run).
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
