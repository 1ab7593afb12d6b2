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

#[cfg(feature = "client")]
pub mod auth;
#[cfg(feature = "client")]
pub mod call;
#[cfg(feature = "client")]
pub mod client;
pub mod error;
pub mod handler;
#[cfg(feature = "client")]
pub mod heartbeat;
#[cfg(feature = "server")]
pub mod http;
#[cfg(feature = "client")]
pub mod middleware;
#[cfg(feature = "noise")]
pub mod noise;
pub mod payload;
#[cfg(feature = "client")]
pub mod peer;
#[cfg(feature = "client")]
pub mod presence;
#[cfg(feature = "client")]
pub mod report;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "client")]
pub mod socket;
#[cfg(feature = "server")]
pub mod socketio;
pub mod stream;
#[cfg(feature = "tls")]
pub mod tls;

pub use jidda_macros::{FromConnection, configure_socket, middleware, namespace, on};
#[cfg(feature = "client")]
pub use jidda_runtime::handler::{FromConnection, Path, State};
#[cfg(feature = "client")]
pub use jidda_runtime::{Client, Socket, blocking};
pub use jidda_runtime::{Error, Result};
#[cfg(feature = "server")]
pub use jidda_runtime::{Server, StartError, testing};

#[doc(hidden)]
pub use jidda_runtime::__private;

#[cfg(doctest)]
mod pages;

/// The names that most programs need: `use jidda::prelude::*;`.
///
/// They are few, and none is one of std, axum, anyhow or clap, so that their globs fit beside this one.
pub mod prelude {
    pub use jidda_macros::{FromConnection, configure_socket, middleware, namespace, on};
    #[cfg(feature = "server")]
    pub use jidda_runtime::Server;
    #[cfg(feature = "client")]
    pub use jidda_runtime::handler::{FromConnection, Reply};
    pub use jidda_runtime::{CallError, Result};
    #[cfg(feature = "client")]
    pub use jidda_runtime::{Client, DisconnectReason, Selection, Socket, SocketId};
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
/// an address there is [`Server::builder`] with [`ServerBuilder::run`](server::ServerBuilder::run).
#[cfg(feature = "run")]
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
