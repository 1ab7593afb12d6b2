//! TLS: `tls://` addresses, `https://` and `wss://`, with certificates from PEM files.
//!
//! ```no_run
//! use jidda::tls::{TlsClient, TlsServer};
//! use jidda::{Client, Server};
//!
//! # #[tokio::main]
//! # async fn main() -> jidda::Result<()> {
//! let server = Server::builder()
//!     .listen("tls://0.0.0.0:8443")
//!     .tls(TlsServer::from_pem_files("chain.pem", "key.pem")?)
//!     .start()
//!     .await?;
//! let client = Client::builder("tls://example.com:8443")
//!     .tls(TlsClient::new().root_certificate_file("root.pem")?)
//!     .connect()
//!     .await?;
//! # Ok(())
//! # }
//! ```

pub use jidda_runtime::{TlsClient, TlsError, TlsServer};
