//! Events that another server handles.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::{BoxFuture, join_all};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, Stream, StreamExt};
use serde::Serialize;
use tokio::sync::Mutex;

use super::forward::{Backend, ForwardRule};
use crate::client::Client;
use crate::error::{CallError, Error, StartProblem};
use crate::failure::Failure;
use crate::foreign::{printable, shown};
use crate::id::ConnectionId;
use crate::objects::Socket;
use crate::objects::graph::ProxyRule;
use crate::payload::{Encoding, Payload, Value};
use crate::reason::DisconnectReason;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// Passes events that a server has no handler for on to another server, over a [`Client`] of that one.
///
/// All callers share the client's connections, each of which is one socket at the other server. So everything that a
/// handler there stores in its socket (`socket.grant`, `socket.insert`, `socket.identify`, rooms) applies to all
/// callers. Handlers that are called through a gateway should use the arguments, or the `&Identity` that
/// [is forwarded](Self::pass_identity).
///
/// They also share what one connection may have under way there (`max_in_flight`): give the client several
/// [connections](crate::ClientBuilder::connections), which take turns, or the server behind a higher limit, where calls take
/// long. While one connection is down, the others are used. A caller is one connection to this server. On each
/// connection to the backend it may have as many calls in flight as are left for all other callers; beyond that only
/// this caller is refused as `busy`.
///
/// Handlers of the server itself go first, a catch-all among them. All other events are passed on by namespace, by the
/// beginning of the event's name, or altogether; where several proxies take an event, the most particular one has it.
/// Results and errors are returned unchanged; deadlines and cancellation are forwarded. A Socket.IO caller receives the
/// result as the only argument of its acknowledgement.
///
/// ```no_run
/// use jidda::server::Proxy;
/// use jidda::{Client, Server};
///
/// # async fn example() -> jidda::Result<()> {
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
    pub(crate) namespace: Option<&'static str>,
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

    /// Only events of this namespace. The server has it from now on, whether or not it has handlers in it. It is one
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

    /// Forwards the caller's identity, with name, permissions and claims: the handlers of the other server then run
    /// for that identity, and not for this server. That server has to
    /// [trust this one](crate::ServerBuilder::trust_identities_from); otherwise it denies all calls with an identity.
    #[must_use]
    pub fn pass_identity(mut self) -> Self {
        self.passes_identity = true;
        self
    }

    /// What keeps it from working.
    pub(crate) fn problem(&self) -> Option<StartProblem> {
        let family = self.namespace.filter(|namespace| namespace.contains('{'))?;
        let message = format!("a proxy cannot take the family `{family}`: name one namespace");
        Some(StartProblem::Proxy { message })
    }

    pub(crate) fn into_rule(self) -> Arc<dyn ProxyRule> {
        let Self { client, namespace, prefix, auth, passes_identity } = self;
        let upstream =
            Arc::new(ClientBackend { client, auth, joining: Arc::default(), waiting: Arc::default() });
        Arc::new(ForwardRule { namespace, prefix: prefix.into(), upstream, passes_identity })
    }
}

/// The server behind, over its client.
struct ClientBackend {
    client: Client,
    auth: Value,
    joining: Arc<Joining>,
    /// How many events wait for a namespace to be joined.
    waiting: Arc<AtomicUsize>,
}

/// One event that waits for a namespace to be joined.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Backend for ClientBackend {
    fn joined(&self, namespace: &str, caller: ConnectionId) -> Option<Socket> {
        // ClientBackend those that wait, which are served in the order of their arrival.
        if self.waiting.load(Ordering::Relaxed) > 0 {
            return None;
        }
        // A caller keeps to one connection: what it sends stays in its order.
        self.client.joined(namespace, caller.number())
    }

    fn join(&self, namespace: &str, caller: ConnectionId) -> BoxFuture<'static, Result<Socket, Failure>> {
        let (client, auth) = (self.client.clone(), self.auth.clone());
        let (joining, namespace) = (Arc::clone(&self.joining), namespace.to_owned());
        let waiting = Waiting::new(&self.waiting);
        async move {
            let socket = joined(&client, &namespace, (&joining, caller), &auth).await;
            // The event is sent in this very poll: what is passed on from now on stands behind it.
            drop(waiting);
            socket
        }
        .boxed()
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

/// A socket that is of no use to anyone unless its namespace is going to be joined.
struct JoinGuard(Socket);

impl Drop for JoinGuard {
    fn drop(&mut self) {
        // The root socket is the client's own, for all its life.
        if self.0.namespace() != "/" && !self.0.is_wanted() {
            self.0.finish(&DisconnectReason::ClientDisconnect);
        }
    }
}

type Attempt = (JoinGuard, Result<(), CallError<Error>>);

async fn attempt(socket: JoinGuard, auth: Value) -> Attempt {
    let outcome = socket.0.join_namespace(&auth).await;
    (socket, outcome)
}

/// The first socket that joined its namespace, which all connections of the client are to join. A lost one
/// reconnects by itself.
async fn joined(
    client: &Client,
    namespace: &str,
    (joining, caller): (&Joining, ConnectionId),
    auth: &Value,
) -> Result<Socket, Failure> {
    // Of several events that arrive at once, one joins and the others wait for it.
    let turn = joining.of(namespace);
    let _turn = turn.lock().await;
    if let Some(socket) = client.joined(namespace, caller.number()) {
        return Ok(socket);
    }
    // Those from before may have been refused meanwhile, and be over.
    let sockets = client.on_each(namespace).into_iter().map(JoinGuard);
    let mut attempts: FuturesUnordered<_> = sockets.map(|socket| attempt(socket, auth.clone())).collect();
    let mut away = Vec::new();
    let mut refusal = None;
    while let Some((socket, outcome)) = attempts.next().await {
        match outcome {
            Ok(()) => {
                let joined = socket.0.clone();
                // The event does not wait for connections that are slow, or away.
                tokio::spawn(join_others(attempts, away));
                return Ok(joined);
            }
            Err(error) if error.is_disconnected() => away.push(socket),
            Err(error) => refusal = Some(error),
        }
    }
    Err(match refusal {
        Some(CallError::Refused { code, message, data }) => Failure {
            data: data.and_then(|data| Payload::encode(&data, Encoding::MessagePack).ok()),
            ..Failure::new(code, message)
        },
        Some(error) => Failure::new("unavailable", format!("the server behind cannot be asked: {error}")),
        None => Failure::new("unavailable", "the server behind is not connected"),
    })
}

/// Has the other connections join, those that are away when they are back.
async fn join_others(mut attempts: impl Stream<Item = Attempt> + Unpin, mut away: Vec<JoinGuard>) {
    while let Some((socket, outcome)) = attempts.next().await {
        match outcome {
            Err(error) if error.is_disconnected() => away.push(socket),
            Err(error) => {
                tracing::warn!(namespace = &*shown(socket.0.namespace()), error = %printable(&error), "one connection of a proxy was refused");
            }
            Ok(()) => {}
        }
    }
    join_all(away.iter().map(|socket| socket.0.join_when_back())).await;
}
