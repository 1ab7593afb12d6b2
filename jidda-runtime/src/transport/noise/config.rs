//! Whom to trust.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::keys::{KeyPair, PublicKey};
use crate::failure::Failure;
use crate::guard::Guarded;

type Check = dyn Fn(PublicKey) -> BoxFuture<'static, bool> + Send + Sync;

/// Which clients are accepted.
#[derive(Clone)]
enum Clients {
    Any,
    Known(Arc<HashSet<PublicKey>>),
    Asked(Arc<Check>),
}

/// The settings of a server for `noise://`: its keys, and the accepted clients. Cheap to clone.
///
/// ```
/// use jidda::noise::{KeyPair, NoiseServer};
///
/// let (server, client) = (KeyPair::generate(), KeyPair::generate());
/// let restricted = NoiseServer::new(server).clients([client.public()]);
/// # let _ = restricted;
/// ```
#[derive(Clone)]
#[must_use = "a server takes it with `.noise(..)`"]
pub struct NoiseServer {
    keys: KeyPair,
    clients: Clients,
}

impl NoiseServer {
    /// Accepts every client that knows this server's public key. Each client has its own key, too, which handlers find in
    /// `handshake.security`.
    pub fn new(keys: KeyPair) -> Self {
        Self { keys, clients: Clients::Any }
    }

    /// Accepts only clients with these keys.
    pub fn clients(mut self, keys: impl IntoIterator<Item = PublicKey>) -> Self {
        self.clients = Clients::Known(Arc::new(keys.into_iter().collect()));
        self
    }

    /// Accepts only clients whose key passes `check`, which is called in each handshake and counts against its time limit. A key
    /// is refused if `check` panics.
    ///
    /// At that moment the client has not yet proved that it owns the key: only decide here, and record its connection in a
    /// `connect` handler.
    ///
    /// ```
    /// use jidda::noise::{KeyPair, NoiseServer, PublicKey};
    ///
    /// async fn is_customer(key: PublicKey) -> bool {
    ///     // Here a database would be asked.
    ///     key.as_bytes()[0] != 0
    /// }
    ///
    /// let server = NoiseServer::new(KeyPair::generate()).clients_with(is_customer);
    /// # let _ = server;
    /// ```
    pub fn clients_with<F, A>(mut self, check: F) -> Self
    where
        F: Fn(PublicKey) -> A + Send + Sync + 'static,
        A: Future<Output = bool> + Send + 'static,
    {
        self.clients = Clients::Asked(Arc::new(move |key| Box::pin(check(key))));
        self
    }

    /// What clients have to know.
    pub fn public(&self) -> PublicKey {
        self.keys.public()
    }

    pub(super) fn keys(&self) -> &KeyPair {
        &self.keys
    }

    pub(super) async fn admits(&self, key: PublicKey) -> bool {
        match &self.clients {
            Clients::Any => true,
            Clients::Known(known) => known.contains(&key),
            Clients::Asked(check) => {
                let what = "the check of a client's key";
                let dropped = |failure: Box<Failure>| {
                    tracing::error!(error = ?failure.message, "the destructor of {what} panicked");
                };
                Guarded::new(async { check(key).await }, dropped).await.unwrap_or_else(|failure| {
                    tracing::error!(error = ?failure.message, "{what} panicked");
                    false
                })
            }
        }
    }
}

impl fmt::Debug for NoiseServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoiseServer").field("public", &self.public()).finish_non_exhaustive()
    }
}

/// What a client needs for `noise://`: its own keys, and the server's public key. Cheap to clone.
#[derive(Clone)]
#[must_use = "a client takes it with `.noise(..)`"]
pub struct NoiseClient {
    keys: KeyPair,
    server: PublicKey,
}

impl NoiseClient {
    /// Connects to the server with this key, and to no other, as the one that `keys` belongs to.
    pub fn new(keys: KeyPair, server: PublicKey) -> Self {
        Self { keys, server }
    }

    /// What servers know this client by.
    pub fn public(&self) -> PublicKey {
        self.keys.public()
    }

    pub(super) fn keys(&self) -> &KeyPair {
        &self.keys
    }

    pub(in crate::transport) fn server(&self) -> PublicKey {
        self.server
    }
}

impl fmt::Debug for NoiseClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoiseClient")
            .field("public", &self.public())
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
