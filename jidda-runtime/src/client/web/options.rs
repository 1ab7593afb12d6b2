//! What a client says about how servers of the web are reached.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use super::cookies::Cookies;
use crate::sync::Mutex;
use crate::transport::ClientSecrets;
use crate::wire::engine_io::Version;

/// How often a handshake follows a redirect, unless the program says something else.
const REDIRECTS: usize = 10;
/// How long each step of a handshake may take: a transport that hangs leaves time for another one.
const STEP: Duration = Duration::from_secs(8);

/// The most bytes of a response, unless messages are larger.
const RESPONSE: usize = 16 * 1024 * 1024;

/// A transport of Socket.IO, for [`ClientBuilder::transports`](crate::ClientBuilder::transports).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WebTransport {
    /// A WebSocket from the beginning.
    WebSocket,
    /// HTTP requests that wait for their response. The connection changes to a WebSocket later where both sides can.
    Polling,
}

/// Which proxy is used.
#[derive(Clone, Debug, Default)]
pub(crate) enum ProxyChoice {
    /// The one that the environment names: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`. None for this machine.
    #[default]
    Environment,
    /// None.
    Direct,
    /// This one, for every address.
    Address(String),
}

/// How servers of the web are reached.
#[derive(Clone, Debug)]
pub(crate) struct WebOptions {
    pub(crate) secrets: ClientSecrets,
    /// Of each request.
    pub(crate) headers: HeaderMap,
    /// Added to the query of each request.
    pub(crate) query: Vec<(String, String)>,
    /// Tried in this order. A WebSocket takes a polling connection over only if it is among them.
    pub(crate) transports: Vec<WebTransport>,
    /// Without it the version is found by trying.
    pub(crate) version: Option<Version>,
    pub(crate) proxy: ProxyChoice,
    pub(crate) redirects: usize,
    /// How long each step of a handshake may take.
    pub(crate) step: Duration,
    /// The largest message of the program's own limits.
    pub(crate) max_message: usize,
    /// What a connection learned. Each connection has its own.
    pub(crate) learned: Arc<Learned>,
}

impl Default for WebOptions {
    fn default() -> Self {
        Self {
            secrets: ClientSecrets::default(),
            headers: HeaderMap::new(),
            query: Vec::new(),
            transports: vec![WebTransport::WebSocket, WebTransport::Polling],
            version: None,
            proxy: ProxyChoice::default(),
            redirects: REDIRECTS,
            step: STEP,
            max_message: 1_000_000,
            learned: Arc::default(),
        }
    }
}

impl WebOptions {
    /// The same for another connection, which has cookies of its own: a load balancer may send it elsewhere.
    pub(crate) fn for_connection(&self) -> Self {
        Self { learned: Arc::default(), ..self.clone() }
    }

    /// The most bytes of one response: many packets may come in one, and bytes grow by a third in base64.
    pub(super) fn largest_response(&self) -> usize {
        self.max_message.saturating_mul(2).max(RESPONSE)
    }

    pub(super) fn has(&self, transport: WebTransport) -> bool {
        self.transports.contains(&transport)
    }
}

/// What a connection learned of its server, for the next time.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    pub(super) cookies: Mutex<Cookies>,
    pub(super) worked: Mutex<Option<Worked>>,
}

/// What worked the last time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Worked {
    pub(super) version: Version,
    pub(super) transport: WebTransport,
}
