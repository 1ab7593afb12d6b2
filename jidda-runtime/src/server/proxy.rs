//! Events that another server handles.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;
use tokio::sync::Mutex;

use super::builder::ServerBuilder;
use crate::client::Client;
use crate::connection::{Delegate, Socket, Upstream};
use crate::error::CallError;
use crate::failure::Failure;
use crate::identity::Identity;
use crate::payload::{Encoding, Payload, Value};
use crate::reason::DisconnectReason;

/// Passes events that a server has no handler for on to another server, over a [`Client`] of that one.
///
/// All callers share the client's connection: at the other server they are one socket. What a handler there grants to its
/// socket, keeps with it or says of it (`socket.grant`, `socket.insert`, `socket.identify`, rooms) is all callers'. Handlers that
/// are called through a gateway take what they need from the arguments, or from the `&Identity` that
/// [is passed on](Self::pass_identity).
///
/// They also share what one connection may have under way there (`max_in_flight`): give the client several
/// [connections](crate::ClientBuilder::connections), or the server behind a higher limit, where calls take long.
///
/// Handlers of the server itself come first, a catch-all among them. What is left is passed on by namespace, by the
/// beginning of the event's name, or altogether; where several proxies take an event, the most particular one has it.
/// Results and errors come back as they are, deadlines and cancellation go along. A Socket.IO caller has the result as
/// its acknowledgement's only argument.
///
/// ```no_run
/// use jidda_runtime::{Client, Proxy, Server};
///
/// # async fn example() -> jidda_runtime::Result<()> {
/// let orders = Client::connect("tcp://10.0.0.7:8000").await?;
/// let rest = Client::connect("tcp://10.0.0.8:8000").await?;
/// let gateway = Server::builder()
///     .listen("0.0.0.0:8000")
///     .proxy(Proxy::to(&orders).namespace("/orders"))
///     .proxy(Proxy::to(&orders).prefix("invoice."))
///     .proxy(Proxy::to(&rest));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Proxy {
    client: Client,
    namespace: Option<&'static str>,
    prefix: String,
    auth: Value,
    passes_identity: bool,
}

impl Proxy {
    /// Passes on whatever has no handler, in the namespaces that the server has.
    pub fn to(client: &Client) -> Self {
        Self {
            client: client.clone(),
            namespace: None,
            prefix: String::new(),
            auth: Value::Nil,
            passes_identity: false,
        }
    }

    /// Only what comes in this namespace. The server has it from now on, whether or not it has handlers in it. It is one
    /// namespace: families, such as `/orders/{id}`, are not passed on, since their names are the peers' to choose.
    #[must_use]
    pub fn namespace(mut self, namespace: &'static str) -> Self {
        self.namespace = Some(namespace);
        self
    }

    /// Only events whose names begin with this.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The auth value with which the other server's namespaces are joined, when the first event is passed on. It is
    /// this server's own: the connection is shared by all callers.
    ///
    /// # Panics
    ///
    /// When `auth` cannot be serialized at all.
    #[must_use]
    pub fn auth(mut self, auth: &impl Serialize) -> Self {
        let auth = Payload::encode(auth, Encoding::MessagePack).and_then(|auth| auth.to_value());
        self.auth = auth.expect("an auth value is serializable");
        self
    }

    /// Tells the other server who asks, with name, permissions and claims: its handlers then run for that identity, and
    /// not for this server. It has to [trust this one](ServerBuilder::trust_identities_from); otherwise all that an
    /// identity comes with is denied.
    #[must_use]
    pub fn pass_identity(mut self) -> Self {
        self.passes_identity = true;
        self
    }

    /// What keeps it from working.
    pub(super) fn problem(&self) -> Option<String> {
        let family = self.namespace.filter(|namespace| namespace.contains('{'))?;
        Some(format!("a proxy cannot take the family `{family}`: name one namespace"))
    }

    pub(super) fn into_delegate(self) -> Delegate {
        let Self { client, namespace, prefix, auth, passes_identity } = self;
        let upstream = Arc::new(Behind { client, auth, joining: Arc::default() });
        Delegate { namespace, prefix: prefix.into(), upstream, passes_identity }
    }
}

/// The server behind, over its client.
struct Behind {
    client: Client,
    auth: Value,
    joining: Arc<Joining>,
}

impl Upstream for Behind {
    fn joined(&self, namespace: &str) -> Option<Socket> {
        Some(self.client.namespace(namespace)).filter(Socket::is_wanted)
    }

    fn join(&self, namespace: &str) -> BoxFuture<'static, Result<Socket, Failure>> {
        let (client, auth) = (self.client.clone(), self.auth.clone());
        let (joining, namespace) = (Arc::clone(&self.joining), namespace.to_owned());
        async move { joined(&client, &namespace, &joining, &auth).await }.boxed()
    }
}

/// Who joins which namespace: one at a time in each.
#[derive(Default)]
struct Joining(crate::sync::Mutex<HashMap<Box<str>, Arc<Mutex<()>>>>);

impl Joining {
    fn of(&self, namespace: &str) -> Arc<Mutex<()>> {
        // As many as there are namespaces in the server's table.
        Arc::clone(self.0.lock().entry(namespace.into()).or_default())
    }
}

/// A socket whose namespace is not joined, and which is of no use to anyone unless it will be.
struct Unjoined(Option<Socket>);

impl Drop for Unjoined {
    fn drop(&mut self) {
        // The root socket is the client's own, for all its life.
        if let Some(socket) = &self.0
            && socket.path() != "/"
        {
            socket.finish(&DisconnectReason::ClientDisconnect);
        }
    }
}

/// The socket, after its namespace was joined for the first time. One that is lost comes back by itself.
async fn joined(
    client: &Client,
    namespace: &str,
    joining: &Joining,
    auth: &Value,
) -> Result<Socket, Failure> {
    // Of several events that come at once, one joins and the others wait for it.
    let turn = joining.of(namespace);
    let _turn = turn.lock().await;
    // The one from before may have been refused meanwhile, and be over.
    let socket = client.namespace(namespace);
    if socket.is_wanted() {
        return Ok(socket);
    }
    let mut unjoined = Unjoined(Some(socket.clone()));
    let Err(error) = socket.join_namespace::<_, crate::Error>(auth).await else {
        unjoined.0 = None;
        return Ok(socket);
    };
    Err(match error {
        CallError::Refused { code, message, data } => Failure {
            data: data.and_then(|data| Payload::encode(&data, Encoding::MessagePack).ok()),
            ..Failure::new(code, message)
        },
        error => Failure::new("unavailable", format!("the server behind cannot be asked: {error}")),
    })
}

impl ServerBuilder {
    /// Lets peers ask for others, whose identities they [pass on](Proxy::pass_identity): gateways, whose own identity
    /// `is_trusted`. For such an event, `&Identity` and the permissions are those of the one who asks. Everyone else that
    /// says to ask for another is denied. By default nobody is trusted.
    ///
    /// ```
    /// use jidda_runtime::Server;
    ///
    /// let builder = Server::builder().trust_identities_from(|peer| peer.allows("gateway"));
    /// # let _ = builder;
    /// ```
    pub fn trust_identities_from(
        mut self,
        is_trusted: impl Fn(&Identity) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.policies.trust = Some(Arc::new(is_trusted));
        self
    }

    /// Passes events that no handler takes on to another server. May be given several times.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        if let Some(namespace) = proxy.namespace {
            self.table = self.table.declare(namespace);
        }
        self.proxies.push(proxy);
        self
    }
}
