//! Why a client could not connect.

use std::io;

#[cfg(feature = "web-client")]
use super::web::WebError;
use crate::error::{CallError, Error, INSIDE_RUNTIME, StartError, StdError};
use crate::payload::CodecError;
use crate::transport::AddressError;

/// Why a client could not connect.
///
/// ```
/// use jidda::Client;
/// use jidda::error::ConnectError;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// match Client::connect("carrier-pigeon://roof").await {
///     Ok(client) => println!("connected: {client:?}"),
///     Err(ConnectError::Refused(refusal)) => println!("refused with the code {:?}", refusal.code()),
///     Err(error) => println!("{error}"),
/// }
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The address cannot be read.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The system could not connect there, or could not listen there.
    #[error("cannot connect to {address}")]
    #[non_exhaustive]
    Io {
        /// The server's address.
        address: String,
        /// The operating system's reason.
        source: io::Error,
    },
    /// HTTP, a proxy or the handshake of Engine.IO led to no connection.
    #[cfg(feature = "web-client")]
    #[error("cannot connect to {address}")]
    #[non_exhaustive]
    Web {
        /// The server's address.
        address: String,
        /// What went wrong, and what to do.
        source: WebError,
    },
    /// The server refused the client's credentials, or its joining of the root namespace.
    #[error("the server refused the connection")]
    Refused(#[source] CallError<Error>),
    /// The connection, or its handshake, took longer than the time-out.
    #[error("no connection to {address} in time")]
    #[non_exhaustive]
    Timeout {
        /// The server's address.
        address: String,
    },
    /// The connection ended before its handshake was complete.
    #[error("the connection to {address} was lost during its handshake")]
    #[non_exhaustive]
    Lost {
        /// The server's address.
        address: String,
    },
    /// The closure of [`credentials_with`](crate::ClientBuilder::credentials_with) failed.
    #[error("the client's credentials cannot be obtained")]
    Credentials(#[source] StdError),
    /// The client's auth value or credentials cannot be encoded.
    #[error("the client's auth value or credentials cannot be encoded")]
    Encode(#[source] CodecError),
    /// The client's own handlers or settings are wrong; nothing was tried.
    #[error(transparent)]
    Invalid(#[from] StartError),
    /// The thread that serves a [`blocking`](crate::blocking) client could not be started.
    #[error("cannot start a thread for the client")]
    Thread(#[source] io::Error),
    /// A [`blocking`](crate::blocking) client was used in async code.
    #[error("{INSIDE_RUNTIME}")]
    InsideRuntime,
}
