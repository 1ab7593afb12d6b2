//! A client of a test's server.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use serde::Serialize;

use crate::client::{Client, ClientBuilder, ConnectError};
use crate::identity::Identity;
use crate::peer::Request;
use crate::test_clients::{Chosen, TestClients};

/// Collects what a client of a [`TestServer`](super::TestServer) is made of; see [`TestServer::client`](super::TestServer::client).
///
/// ```
/// use jidda::peer::Handshake;
/// use jidda::prelude::*;
/// use jidda::testing::TestServer;
///
/// #[on]
/// async fn language(handshake: &Handshake) -> String {
///     handshake.headers["accept-language"].to_str().unwrap_or_default().to_owned()
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> jidda::Result<()> {
/// let server = TestServer::builder().handlers([language::handler()]).start().await?;
/// let client = server.client().header("accept-language", "eo").query("room", "7").connect().await?;
/// assert_eq!(language::call(&client).await?, "eo");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a client connects with `.connect()`"]
pub struct TestClientBuilder {
    builder: ClientBuilder,
    /// The in-memory name that the server sees.
    name: String,
    clients: Arc<TestClients>,
    identity: Option<Identity>,
    headers: HeaderMap,
    query: Vec<(String, String)>,
}

impl TestClientBuilder {
    pub(super) fn new(address: String, clients: Arc<TestClients>) -> Self {
        let name = address.trim_start_matches("mem:").to_owned();
        let builder = Client::builder(address).only_services();
        Self { builder, name, clients, identity: None, headers: HeaderMap::new(), query: Vec::new() }
    }

    /// Has this identity, with its permissions, claims and expiry; no authenticator is asked.
    pub fn identity(mut self, identity: impl Into<Identity>) -> Self {
        self.identity = Some(identity.into());
        self
    }

    /// Adds a header to the [handshake](crate::Handshake).
    ///
    /// # Panics
    ///
    /// When the name or the value cannot be those of a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("the name of a header");
        let value: HeaderValue = value.parse().expect("the value of a header");
        self.headers.append(name, value);
        self
    }

    /// Adds a query parameter to the [handshake](crate::Handshake).
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// The auth value for the root namespace.
    pub fn auth<A: Serialize>(mut self, auth: &A) -> Self {
        self.builder = self.builder.auth(auth);
        self
    }

    /// What the client presents to the server's own authenticator.
    pub fn credentials<A: Serialize + ?Sized>(mut self, credentials: &A) -> Self {
        self.builder = self.builder.credentials(credentials);
        self
    }

    /// Adds a service whose `side = client` handlers the server can call. No others are run.
    pub fn service<S: Send + Sync + 'static>(mut self, service: S) -> Self {
        self.builder = self.builder.service(service);
        self
    }

    /// Changes the rest: limits, reconnection, state.
    pub fn configure(mut self, change: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        self.builder = change(self.builder);
        self
    }

    /// Connects and joins the root namespace.
    ///
    /// # Errors
    ///
    /// Why the server refused the client.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the attempt up.
    pub async fn connect(self) -> Result<Client, ConnectError> {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.query).finish();
        let uri: Uri = format!("/?{query}").parse().expect("an encoded query");
        let request = Request::new(&uri, &self.headers);
        self.clients.add(&self.name, Chosen { request, identity: self.identity });
        self.builder.connect().await
    }
}
