//! What is served by HTTP at one path.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use http::request::Parts;

use super::client_file::ClientFile;
use super::{Cookie, Cors, Origins};
use crate::config::too_short;
use crate::guard::logged;
use crate::handler::AppKey;
use crate::payload::Integers;
use crate::peer::Transport;
use crate::wire::engine_io::{Acknowledgements, Layer, Version};
use crate::wire::socket_io::Parser;

pub(super) type AllowRequest = Arc<dyn Fn(Parts) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Changes the headers of a response to a request.
pub(super) type ChangeHeaders = Arc<dyn Fn(&mut HeaderMap, &Parts) + Send + Sync>;

/// What Socket.IO or Engine.IO clients find at one path, and how they may connect.
///
/// Each server has one at `/socket.io/`, which
/// [`ServerBuilder::socket_io`](crate::ServerBuilder::socket_io) changes;
/// [`ServerBuilder::resource`](crate::ServerBuilder::resource) adds others.
///
/// ```
/// # use jidda::Server;
/// # use jidda::http::Cors;
/// # use jidda::socketio::Resource;
/// struct Game;
///
/// Server::builder()
///     .socket_io(|resource| resource.cors(Cors::origin("https://example.com")))
///     .resource(Resource::socket_io("/games/{id}").app::<Game>())
///     .resource(Resource::raw("/engine.io"));
/// ```
#[derive(Clone)]
#[must_use = "it is given to a server: `.resource(..)`"]
pub struct Resource {
    pub(super) path: String,
    pub(in crate::server) app: Option<AppKey>,
    pub(super) layer: Layer,
    pub(super) acknowledgements: Acknowledgements,
    pub(super) integers: Integers,
    pub(super) transports: Vec<Transport>,
    pub(super) versions: Vec<Version>,
    pub(super) upgrades: bool,
    pub(super) upgrade_timeout: Duration,
    pub(super) cors: Option<Cors>,
    pub(super) origins: Option<Origins>,
    pub(super) jsonp: bool,
    pub(super) answers_refusals: bool,
    pub(super) cookie: Option<Cookie>,
    /// From how many bytes on a response is compressed.
    pub(super) compression: Option<usize>,
    pub(super) allow_request: Option<AllowRequest>,
    pub(super) headers: Option<ChangeHeaders>,
    pub(super) initial_headers: Option<ChangeHeaders>,
    client_file: Option<PathBuf>,
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource")
            .field("path", &self.path)
            .field("layer", &self.layer)
            .finish_non_exhaustive()
    }
}

impl Resource {
    fn new(path: impl Into<String>, layer: Layer) -> Self {
        Self {
            path: path.into(),
            app: None,
            layer,
            acknowledgements: Acknowledgements::default(),
            integers: Integers::default(),
            transports: vec![Transport::Polling, Transport::WebSocket],
            versions: vec![Version::V3, Version::V4],
            upgrades: true,
            upgrade_timeout: Duration::from_secs(10),
            cors: None,
            origins: None,
            jsonp: true,
            answers_refusals: true,
            cookie: None,
            compression: Some(1024),
            allow_request: None,
            headers: None,
            initial_headers: None,
            client_file: None,
        }
    }

    /// Socket.IO at a path and all below it; clients may leave the slash at the end of the path away. `{name}` in it
    /// stands for one part, which handlers borrow as `&Path<T>`.
    pub fn socket_io(path: impl Into<String>) -> Self {
        Self::new(path, Layer::SocketIo(Parser::Json))
    }

    /// Engine.IO without Socket.IO: each message is the event `message`, and there are no namespaces.
    pub fn raw(path: impl Into<String>) -> Self {
        Self::new(path, Layer::Raw)
    }

    /// Another path.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Serves the handlers of this app, `#[on(app = Game)]`, instead of those the server has for native clients.
    /// Rooms and sockets of different apps have nothing in common.
    pub fn app<A: 'static>(mut self) -> Self {
        self.app = Some(AppKey::of::<A>());
        self
    }

    /// How Socket.IO's packets are written; clients have to use the same. A raw resource has none. Default: JSON.
    pub fn parser(mut self, parser: Parser) -> Self {
        if matches!(self.layer, Layer::SocketIo(_)) {
            self.layer = Layer::SocketIo(parser);
        }
        self
    }

    /// How acknowledgements are written. Default: [`Acknowledgements::Plain`].
    ///
    /// ```
    /// # use jidda::Server;
    /// # use jidda::socketio::Acknowledgements;
    /// Server::builder().socket_io(|resource| resource.acknowledgements(Acknowledgements::Wrapped));
    /// ```
    pub fn acknowledgements(mut self, acknowledgements: Acknowledgements) -> Self {
        self.acknowledgements = acknowledgements;
        self
    }

    /// Which whole numbers are sent. Default: [`Integers::Safe`], since JavaScript reads one beyond 2^53 as another
    /// one.
    ///
    /// ```
    /// # use jidda::Server;
    /// # use jidda::socketio::Integers;
    /// // Its clients are written in Python.
    /// Server::builder().socket_io(|resource| resource.integers(Integers::All));
    /// ```
    pub fn integers(mut self, integers: Integers) -> Self {
        self.integers = integers;
        self
    }

    /// What clients may connect by: [`Transport::Polling`], [`Transport::WebSocket`]. Default: both.
    pub fn transports(mut self, transports: impl IntoIterator<Item = Transport>) -> Self {
        self.transports = transports.into_iter().collect();
        self
    }

    /// The versions of Engine.IO that are spoken. Default: both; version 3 is that of Socket.IO 1 and 2.
    pub fn versions(mut self, versions: impl IntoIterator<Item = Version>) -> Self {
        self.versions = versions.into_iter().collect();
        self
    }

    /// Whether clients that poll are offered the upgrade to a WebSocket. Default: yes.
    pub fn upgrades(mut self, upgrades: bool) -> Self {
        self.upgrades = upgrades;
        self
    }

    /// How long that change may take, at least a millisecond. Default: 10 s.
    pub fn upgrade_timeout(mut self, limit: Duration) -> Self {
        self.upgrade_timeout = limit;
        self
    }

    /// Which pages of other origins browsers let poll. Default: none. Where it names origins, pages of others get no
    /// WebSocket and no JSONP, unless [`origins`](Self::origins) says something else.
    pub fn cors(mut self, cors: Cors) -> Self {
        self.cors = Some(cors);
        self
    }

    /// Sets which pages of other origins may use the resource by WebSocket, polling or JSONP, independently of `cors`.
    /// All others are refused with status 403 and Engine.IO's code 4. Pages of the server's own origin, and clients
    /// that are no browsers, are always allowed.
    ///
    /// Without this setting the origins of [`cors`](Self::cors) are allowed. A request of any other page is refused if
    /// it has a cookie, `Authorization` or a client certificate, since browsers add these to requests of any page.
    ///
    /// The own origin is recognized by `Sec-Fetch-Site` or by `Host`. A proxy that changes `Host` has to set
    /// `X-Forwarded-Host` (and `X-Forwarded-Proto`, if it uses TLS); otherwise give the site's origin here.
    ///
    /// ```
    /// # use jidda::http::Origins;
    /// # use jidda::socketio::Resource;
    /// let one = Resource::socket_io("/socket.io").origins(["https://app.example", "https://www.app.example"]);
    /// let closed = Resource::socket_io("/admin").origins(Origins::own());
    /// ```
    pub fn origins(mut self, origins: impl Into<Origins>) -> Self {
        self.origins = Some(origins.into());
        self
    }

    /// Sets whether clients of version 3 may poll by JSONP, that is by scripts, for browsers without CORS. Default:
    /// yes.
    pub fn jsonp(mut self, jsonp: bool) -> Self {
        self.jsonp = jsonp;
        self
    }

    /// Sets a cookie with the session's id. Default: none.
    pub fn cookie(mut self, cookie: Cookie) -> Self {
        self.cookie = Some(cookie);
        self
    }

    /// Sets from how many bytes on polling responses are compressed, for clients that accept it; `None` disables it.
    /// Default: 1024.
    pub fn compression(mut self, threshold: impl Into<Option<usize>>) -> Self {
        self.compression = threshold.into();
        self
    }

    /// Calls the closure before a session begins; for an `Err` the client receives its text, with status 403. The
    /// closure is not called for further requests of the session. A panic also refuses the client, and is reported.
    pub fn allow_request<F>(mut self, allow: impl Fn(Parts) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.allow_request = Some(Arc::new(move |parts| allow(parts).boxed()));
        self
    }

    /// Sets whether the server answers events that have no handler, or are refused before their handler runs. Default:
    /// yes: the acknowledgement is `{"error": {"code", ..}}`, and an event without acknowledgement is answered with
    /// `$/refused`.
    ///
    /// With `false` the server does not answer them, like the reference server, for clients that rely on their own
    /// time-out. That applies to the codes `not_found`, `bad_arguments`, `denied`, `not_connected`, `busy`, `closing`
    /// and `streaming`, also if a handler returns one of them, and to `$/refused`. All other errors of handlers are
    /// answered, and so are clients that may not join a namespace.
    ///
    /// ```
    /// # use jidda::socketio::Resource;
    /// let resource = Resource::socket_io("/socket.io").answer_refusals(false);
    /// ```
    pub fn answer_refusals(mut self, answers: bool) -> Self {
        self.answers_refusals = answers;
        self
    }

    /// Changes the headers of each response of the resource, refusals included, just before it is sent. The request is
    /// the second argument. The closure cannot set `Content-Length` and `Transfer-Encoding`.
    ///
    /// ```
    /// # use jidda::socketio::Resource;
    /// let resource = Resource::socket_io("/socket.io").headers(|headers, _request| {
    ///     headers.insert("x-frame-options", "DENY".parse().unwrap());
    /// });
    /// ```
    pub fn headers(mut self, change: impl Fn(&mut HeaderMap, &Parts) + Send + Sync + 'static) -> Self {
        self.headers = Some(Arc::new(change));
        self
    }

    /// Changes the headers of the first response of each session, before [`headers`](Self::headers) does: the response
    /// that opens a polling session or the client's first WebSocket. Use it for cookies that route a session, for
    /// example.
    pub fn initial_headers(
        mut self,
        change: impl Fn(&mut HeaderMap, &Parts) + Send + Sync + 'static,
    ) -> Self {
        self.initial_headers = Some(Arc::new(change));
        self
    }

    /// Serves a file as `socket.io.js` below the path: a copy of the browser client. It is read when the server
    /// starts.
    pub fn client_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.client_file = Some(file.into());
        self
    }

    pub(super) fn has(&self, transport: Transport) -> bool {
        self.transports.contains(&transport)
    }

    /// Whether a client that polls is offered the WebSocket.
    pub(super) fn offers_upgrade(&self) -> bool {
        self.upgrades && self.has(Transport::WebSocket)
    }

    /// Whether its path has parameters.
    pub(in crate::server) fn has_parameters(&self) -> bool {
        self.path.contains('{')
    }

    /// The path with the slash at its end that clients add.
    pub(super) fn normal_path(&self) -> String {
        match self.path.trim_matches('/') {
            "" => "/".to_owned(),
            path => format!("/{path}/"),
        }
    }

    /// Reads the client file, if there is one.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the resource, a sentence each.
    pub(super) fn open(&self) -> Result<Option<ClientFile>, Vec<String>> {
        let mut problems = Vec::new();
        problems.extend(self.cors.as_ref().and_then(Cors::problem));
        problems.extend(self.origins.as_ref().and_then(Origins::problem));
        if let (Some(origins), Some(cors)) = (&self.origins, &self.cors)
            && let Some(origin) = cors.named().listed().iter().find(|origin| {
                logged("the function of `.origins(..)`", || origins.allow(origin)) == Some(false)
            })
        {
            problems
                .push(format!("`.cors(..)` names `{origin}`, which `.origins(..)` refuses: add it there"));
        }
        problems.extend(self.cookie.as_ref().and_then(Cookie::problem));
        problems
            .extend(too_short("upgrade_timeout", self.upgrade_timeout).map(|problem| problem.to_string()));
        let is_known =
            |transport: &&Transport| [Transport::Polling, Transport::WebSocket].contains(transport);
        if let Some(other) = self.transports.iter().find(|transport| !is_known(transport)) {
            problems
                .push(format!("Engine.IO has no transport `{other}`: name `Polling`, `WebSocket` or both"));
        }
        for (is_empty, what) in
            [(self.transports.is_empty(), "transports"), (self.versions.is_empty(), "versions")]
        {
            if is_empty {
                problems.push(format!("it has no {what}, so that no client could connect"));
            }
        }
        let file = self.client_file.as_ref().map(|path| {
            ClientFile::open(path)
                .map_err(|error| format!("cannot read the client file {}: {error}", path.display()))
        });
        let file = file.transpose().unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        if problems.is_empty() { Ok(file) } else { Err(problems) }
    }
}
