//! A Socket.IO client in memory.
//!
//! It sends the requests of long polling to the server's HTTP service: no port, and no framing of WebSockets.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tower_service::Service as _;

use super::socket_io_packet::{self as packet, Packet};
use crate::identity::Identity;
use crate::payload::{Encoding, Integers, encode_arguments_into};
use crate::peer::{self, PeerAddress};
use crate::server::HttpService;
use crate::test_clients::{Chosen, TestClients};

/// How long an event or a reply is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a Socket.IO client of a test does not get what it asks for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketIoError {
    /// The server refused the namespace: what JavaScript gets as `connect_error`.
    #[error("the server refused the namespace: {message}")]
    Refused {
        /// The message of the error.
        message: String,
        /// Its data.
        data: Value,
    },
    /// The server answered a request with an error.
    #[error("the server answered {status}: {body}")]
    Http {
        /// The status of the response.
        status: StatusCode,
        /// Its body.
        body: String,
    },
    /// The server has disconnected the client.
    #[error("the server has disconnected the client")]
    Disconnected,
    /// Nothing arrived for 30 s of tokio's clock.
    #[error("nothing arrived within 30 s")]
    Timeout,
    /// The arguments cannot be encoded, or have byte strings.
    #[error("the arguments cannot be sent as JSON: {0}")]
    Encode(String),
    /// What arrived is not of the type that was asked for.
    #[error("what arrived is of another type: {0}")]
    Decode(String),
}

/// Collects what a Socket.IO client of a test is made of; see [`TestServer::socket_io`](super::TestServer::socket_io).
#[derive(Debug)]
#[must_use = "a client connects with `.connect()`"]
pub struct SocketIoBuilder {
    service: HttpService,
    /// The in-memory name that the server sees.
    name: String,
    clients: Arc<TestClients>,
    identity: Option<Identity>,
    namespace: String,
    headers: HeaderMap,
    query: Vec<(String, String)>,
    auth: Option<Result<Value, serde_json::Error>>,
}

impl SocketIoBuilder {
    pub(super) fn new(service: HttpService, name: String, clients: Arc<TestClients>) -> Self {
        let query = vec![("EIO".to_owned(), "4".to_owned()), ("transport".to_owned(), "polling".to_owned())];
        let (identity, headers, namespace, auth) = (None, HeaderMap::new(), "/".to_owned(), None);
        Self { service, name, clients, identity, namespace, headers, query, auth }
    }

    /// Joins this namespace instead of the root.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Has this identity, with its permissions, claims and expiry; no authenticator is asked.
    pub fn identity(mut self, identity: impl Into<Identity>) -> Self {
        self.identity = Some(identity.into());
        self
    }

    /// Adds a header to all requests.
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

    /// Adds a query parameter to all requests.
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// The auth value: `io(url, { auth })`.
    pub fn auth<A: Serialize + ?Sized>(mut self, auth: &A) -> Self {
        self.auth = Some(serde_json::to_value(auth));
        self
    }

    /// Connects and joins the namespace.
    ///
    /// # Errors
    ///
    /// [`SocketIoError::Refused`] with the message and data that JavaScript gets; [`SocketIoError::Http`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the attempt up.
    pub async fn connect(self) -> Result<SocketIoClient, SocketIoError> {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.query).finish();
        let mut requests = Requests {
            service: self.service,
            uri: format!("/socket.io/?{query}"),
            headers: self.headers,
            peer: PeerAddress::Memory(self.name.as_str().into()),
        };
        if let Some(identity) = self.identity {
            let uri = requests.uri.parse().expect("an encoded query");
            let request = peer::Request::new(&uri, &requests.headers);
            self.clients.add(&self.name, Chosen { request, identity: Some(identity) });
        }
        let auth = self.auth.transpose().map_err(|error| SocketIoError::Encode(error.to_string()))?;
        let opening = requests.get().await?;
        let opening = opening.strip_prefix('0').and_then(|json| serde_json::from_str::<Value>(json).ok());
        let session = opening.as_ref().and_then(|opening| opening.get("sid")?.as_str());
        let session = session.ok_or_else(|| SocketIoError::Decode("the opening has no `sid`".to_owned()))?;
        requests.uri.push_str("&sid=");
        requests.uri.push_str(session);

        let auth = auth.map(|auth| auth.to_string()).unwrap_or_default();
        requests.post(packet::head('0', &self.namespace) + &auth).await?;
        let (sender, packets) = mpsc::unbounded_channel();
        let polling = tokio::spawn(poll(requests.clone(), sender)).abort_handle();
        let mut client = SocketIoClient {
            requests,
            polling,
            packets,
            namespace: self.namespace,
            id: String::new(),
            calls: 0,
            events: VecDeque::new(),
        };
        match client.receive().await? {
            Packet::Connected { id } => {
                client.id = id;
                Ok(client)
            }
            Packet::Refused { message, data } => Err(SocketIoError::Refused { message, data }),
            other => Err(SocketIoError::Decode(format!("{other:?}"))),
        }
    }
}

/// The requests of one client.
#[derive(Clone, Debug)]
struct Requests {
    service: HttpService,
    uri: String,
    headers: HeaderMap,
    peer: PeerAddress,
}

impl Requests {
    async fn get(&mut self) -> Result<String, SocketIoError> {
        self.send(Method::GET, String::new()).await
    }

    async fn post(&mut self, packet: String) -> Result<(), SocketIoError> {
        self.send(Method::POST, packet).await.map(drop)
    }

    async fn send(&mut self, method: Method, body: String) -> Result<String, SocketIoError> {
        let request = Request::builder().method(method).uri(&self.uri).extension(self.peer.clone());
        let mut request = request.body(Full::new(Bytes::from(body))).expect("a request of valid parts");
        *request.headers_mut() = self.headers.clone();
        let Ok(response) = self.service.call(request).await;
        let status = response.status();
        let body = response.into_body().collect().await.map(http_body_util::Collected::to_bytes);
        let body = body.map_err(|_| SocketIoError::Disconnected)?;
        let body = String::from_utf8_lossy(&body).into_owned();
        if status.is_success() { Ok(body) } else { Err(SocketIoError::Http { status, body }) }
    }
}

/// Reads what the server sends and answers its heartbeats, until the session ends.
async fn poll(mut requests: Requests, packets: mpsc::UnboundedSender<Packet>) {
    while let Ok(payload) = requests.get().await {
        for text in payload.split('\x1e') {
            let is_open = match text.split_at_checked(1) {
                Some(("1", _)) => false,
                Some(("2", _)) => requests.post("3".to_owned()).await.is_ok(),
                Some(("4", message)) => packets.send(packet::read(message)).is_ok(),
                _ => true,
            };
            if !is_open {
                return;
            }
        }
    }
}

/// A Socket.IO client in one namespace, as JavaScript's. It answers heartbeats by itself; dropping it leaves its session to the
/// server's heartbeat time-out.
///
/// Byte strings are not supported: [`SocketIoError::Decode`] says so where the server sends some.
///
/// ```
/// use jidda::testing::TestServer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = TestServer::builder().start().await?;
/// let mut page = server.socket_io().connect().await?;
/// server.emit("news", &"it rains").await?;
/// assert_eq!(page.next::<String>("news").await?, "it rains");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SocketIoClient {
    requests: Requests,
    polling: AbortHandle,
    packets: mpsc::UnboundedReceiver<Packet>,
    namespace: String,
    id: String,
    calls: u64,
    /// The events that were received and not asked for yet.
    events: VecDeque<(String, Vec<Value>)>,
}

impl Drop for SocketIoClient {
    fn drop(&mut self) {
        self.polling.abort();
    }
}

impl SocketIoClient {
    /// The id of the socket, the same on both sides.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Sends an event without an acknowledgement; a tuple is several arguments.
    ///
    /// # Errors
    ///
    /// [`SocketIoError::Encode`], and [`SocketIoError::Http`] when the session has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may lose the event.
    pub async fn emit<A: Serialize + ?Sized>(
        &mut self,
        event: &str,
        arguments: &A,
    ) -> Result<(), SocketIoError> {
        self.write(None, event, arguments).await
    }

    /// Sends an event and waits for its acknowledgement: one argument as itself, several as a tuple. A refusal is the
    /// acknowledgement `{"error": ..}`.
    ///
    /// # Errors
    ///
    /// As for [`emit`](Self::emit) and [`next`](Self::next).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may lose the event, or the acknowledgement.
    pub async fn call<R: DeserializeOwned>(
        &mut self,
        event: &str,
        arguments: &(impl Serialize + ?Sized),
    ) -> Result<R, SocketIoError> {
        let call = self.calls;
        self.calls += 1;
        self.write(Some(call), event, arguments).await?;
        loop {
            match self.receive().await? {
                Packet::Reply { id, arguments } if id == call => return decode(arguments),
                Packet::Event { name, arguments } => self.events.push_back((name, arguments)),
                Packet::Unknown(text) => return Err(SocketIoError::Decode(text)),
                _ => {}
            }
        }
    }

    /// The arguments of the next event of this name: one as itself, several as a tuple. Events of other names are kept.
    ///
    /// # Errors
    ///
    /// [`SocketIoError::Timeout`] when none arrives within 30 s of tokio's clock, [`SocketIoError::Disconnected`],
    /// [`SocketIoError::Decode`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event.
    pub async fn next<T: DeserializeOwned>(&mut self, event: &str) -> Result<T, SocketIoError> {
        loop {
            if let Some(index) = self.events.iter().position(|(name, _)| name == event) {
                let (_, arguments) = self.events.remove(index).unwrap_or_default();
                return decode(arguments);
            }
            match self.receive().await? {
                Packet::Event { name, arguments } => self.events.push_back((name, arguments)),
                Packet::Unknown(text) => return Err(SocketIoError::Decode(text)),
                _ => {}
            }
        }
    }

    /// Leaves the namespace, and ends the session.
    ///
    /// # Errors
    ///
    /// [`SocketIoError::Http`] when the session has ended already.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the session to the server's heartbeat time-out.
    pub async fn disconnect(mut self) -> Result<(), SocketIoError> {
        let leave = packet::head('1', &self.namespace);
        self.requests.post(format!("{leave}\x1e1")).await
    }

    async fn write<A: Serialize + ?Sized>(
        &mut self,
        id: Option<u64>,
        event: &str,
        arguments: &A,
    ) -> Result<(), SocketIoError> {
        let failed = |text: &str| SocketIoError::Encode(text.to_owned());
        let mut list = Vec::new();
        encode_arguments_into(&mut list, arguments, Encoding::Json(Integers::Safe))
            .map_err(|error| failed(&error.0))?;
        let list = std::str::from_utf8(&list).ok().filter(|list| list.starts_with('['));
        let list = list.ok_or_else(|| failed("byte strings are not supported here"))?;
        self.requests.post(packet::event(&self.namespace, id, event, list)).await
    }

    /// The next packet of the namespace.
    async fn receive(&mut self) -> Result<Packet, SocketIoError> {
        let packet = tokio::time::timeout(PATIENCE, self.packets.recv()).await;
        match packet.map_err(|_| SocketIoError::Timeout)? {
            None | Some(Packet::Disconnected) => Err(SocketIoError::Disconnected),
            Some(packet) => Ok(packet),
        }
    }
}

fn decode<T: DeserializeOwned>(mut arguments: Vec<Value>) -> Result<T, SocketIoError> {
    let one = match arguments.len() {
        0 => Value::Null,
        1 => arguments.remove(0),
        _ => Value::Array(arguments),
    };
    serde_json::from_value(one).map_err(|error| SocketIoError::Decode(error.to_string()))
}
