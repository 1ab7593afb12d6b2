//! TLS: what is proved with it, and the streams it protects.

mod accept;
mod client;
mod connect;
mod explain;
mod pem;
mod server;
mod stream;

use std::sync::{Arc, LazyLock};

use rustls::crypto::CryptoProvider;

pub(super) use accept::accept;
pub use client::TlsClient;
pub(super) use connect::connect;
#[cfg(feature = "web-client")]
pub(super) use connect::connect_for_http;
pub use server::TlsServer;
pub use stream::TlsStream;

/// The native protocol's name in ALPN.
const JIDDA: &[u8] = b"jidda";
/// The ALPN name of HTTP, which browsers use also for WebSockets.
const HTTP: &[u8] = b"http/1.1";

/// Given to rustls each time: which one a process has by default is not for a library to say.
static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));

/// Why certificates, keys or names cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(String);

impl TlsError {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    fn of(what: &str, error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InconsistentKeys(_) => {
                Self::new(format!("{what} does not fit its private key: give the key that it was made for"))
            }
            rustls::Error::InvalidCertificate(problem) => {
                Self::new(format!("{what} {}", explain::certificate(problem)))
            }
            other => Self::new(format!("{what} cannot be used: {other}")),
        }
    }
}
