//! A resource as it is served: which requests it accepts.

use std::sync::Arc;

use futures_util::FutureExt;
use http::header::{CONTENT_LENGTH, ORIGIN, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::body::{HttpBody, Pace, not_found, response};
use super::client_file::{self, ClientFile};
use super::cors::Cors;
use super::error::Refused;
use super::plan::CheckedResource;
use super::query::Query;
use super::resource::Resource;
use super::sessions::{Entry, Sessions};
use super::websocket::{self, Opened};
use crate::failure::Failure;
use crate::guard::Guarded;
use crate::handler::Parameters;
use crate::id::SocketId;
use crate::objects::{Arrival, Hub};
use crate::observe::{FailureOrigin, Place};
use crate::peer::{self, PeerAddress, Security, Transport};
use crate::server::admission::{Admission, Permit};
use crate::wire::Wire;
use crate::wire::engine_io::{EngineIo, Layer, Role, Version};

#[derive(Debug)]
pub(super) struct Site {
    pub(super) resource: Resource,
    pub(super) hub: Arc<Hub>,
    pub(super) sessions: Sessions,
    /// What sessions that poll count against, where they are limited.
    admission: Option<Arc<Admission>>,
    client_file: Option<ClientFile>,
    /// Nothing new begins any more.
    stopping: watch::Receiver<bool>,
    /// What was begun is waited for no longer.
    pub(super) closing: CancellationToken,
}

impl Drop for Site {
    fn drop(&mut self) {
        let of = |what| Place::apart(FailureOrigin::Destructor, what);
        self.hub.discard(of("allow_request"), self.resource.allow_request.take());
        self.hub.discard(of("headers"), self.resource.headers.take());
        self.hub.discard(of("initial_headers"), self.resource.initial_headers.take());
    }
}

/// What a request wants that passed the checks.
enum Wanted {
    /// A session of its own.
    New,
    Existing(Arc<Entry>),
}

/// What is a text stays one for browsers, which would run it as a page or a script otherwise.
fn refuse_guessing(response: &mut Response<HttpBody>) {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
}

impl Site {
    pub(super) fn open(
        resource: CheckedResource,
        hub: &Arc<Hub>,
        admission: Option<Arc<Admission>>,
        stopping: watch::Receiver<bool>,
        closing: CancellationToken,
    ) -> Arc<Self> {
        let CheckedResource { resource, client_file } = resource;
        let (hub, sessions) = (Arc::clone(hub), Sessions::default());
        Arc::new(Self { resource, hub, sessions, admission, client_file, stopping, closing })
    }

    /// Counts one more session that polls.
    ///
    /// # Errors
    ///
    /// There are too many.
    pub(super) fn count_session(&self, parts: &Parts) -> Result<Option<Permit>, Refused> {
        let admitted = self.admission.as_ref().map(|admission| admission.admit_or_report(&parts.extensions));
        admitted.transpose().map_err(|_| Refused::TooManyConnections)
    }

    /// How long bodies may take: a session that is silent for longer is over anyway.
    pub(super) fn pace(&self) -> Pace {
        let config = &self.hub.config;
        Pace {
            next: config.handshake_timeout,
            whole: config.heartbeat.saturating_add(config.heartbeat_timeout),
        }
    }

    /// Answers a request whose path is the resource's, or below it.
    pub(super) async fn respond<B: Body + Send + 'static>(
        self: &Arc<Self>,
        request: Request<B>,
        parameters: Parameters,
    ) -> Response<HttpBody>
    where
        B::Data: Send,
        B::Error: Send,
    {
        let is_preflight = self.resource.cors.is_some() && request.method() == Method::OPTIONS;
        let (parts, body) = request.into_parts();
        let asked = self.resource.cors.is_some().then(|| parts.headers.clone());
        let shown = self.changes_headers().then(|| parts.clone());
        let mut response = if is_preflight {
            response(StatusCode::NO_CONTENT, "")
        } else {
            self.answer(Request::from_parts(parts, body), parameters).await
        };
        refuse_guessing(&mut response);
        if let (Some(cors), Some(asked)) = (&self.resource.cors, asked) {
            self.tell_origins(cors, is_preflight, &asked, &mut response);
        }
        if let Some(parts) = shown {
            self.change_headers(&parts, &mut response);
        }
        response
    }

    /// Adds what a browser has to know of the pages that may read a response. One whose program panics over it is for
    /// none.
    fn tell_origins(
        &self,
        cors: &Cors,
        is_preflight: bool,
        asked: &HeaderMap,
        response: &mut Response<HttpBody>,
    ) {
        let headers = response.headers_mut();
        let place = Place::apart(FailureOrigin::Hook, "cors");
        self.hub.run(place, || cors.apply(is_preflight, asked, headers));
    }

    /// Whether the program changes the headers of responses.
    fn changes_headers(&self) -> bool {
        self.resource.headers.is_some() || self.resource.initial_headers.is_some()
    }

    /// Lets the program change the headers of a response.
    fn change_headers(&self, parts: &Parts, response: &mut Response<HttpBody>) {
        let is_opened = matches!(response.status(), StatusCode::OK | StatusCode::SWITCHING_PROTOCOLS);
        let is_first = is_opened
            && !Self::is_file(parts.uri.path())
            && Query::parse(parts.uri.query().unwrap_or_default()).session.is_empty();
        let initial = self.resource.initial_headers.as_ref().filter(|_| is_first);
        for change in initial.into_iter().chain(&self.resource.headers) {
            let headers = response.headers_mut();
            self.hub.run(Place::apart(FailureOrigin::Hook, "headers"), || change(headers, parts));
            // A body is as long as it is.
            for name in [CONTENT_LENGTH, TRANSFER_ENCODING] {
                headers.remove(name);
            }
        }
    }

    /// Answers a request for a WebSocket whose stream is at hand, and gives what it is wanted for.
    pub(super) async fn respond_at_once(
        &self,
        parts: &Parts,
        parameters: Parameters,
    ) -> (Response<HttpBody>, Option<Opened>) {
        let (mut response, opened) = self.open_websocket(parts, parameters).await;
        refuse_guessing(&mut response);
        if let Some(cors) = &self.resource.cors {
            self.tell_origins(cors, false, &parts.headers, &mut response);
        }
        if self.changes_headers() {
            self.change_headers(parts, &mut response);
        }
        (response, opened)
    }

    /// Whether the program is shown requests, with all that they have beside what they say.
    pub(super) fn shows_requests(&self) -> bool {
        self.resource.allow_request.is_some() || self.changes_headers()
    }

    /// Whether a path is that of the client file, where there may be one.
    pub(super) fn is_file(path: &str) -> bool {
        path.rsplit('/').next() == Some(client_file::NAME)
    }

    async fn answer<B: Body + Send + 'static>(
        self: &Arc<Self>,
        mut request: Request<B>,
        parameters: Parameters,
    ) -> Response<HttpBody>
    where
        B::Data: Send,
        B::Error: Send,
    {
        if Self::is_file(request.uri().path()) {
            return match &self.client_file {
                Some(file) => file.respond(request.method(), request.headers()),
                None => not_found(),
            };
        }
        if websocket::is_wanted(request.version(), request.headers()) {
            let upgrading = hyper::upgrade::on(&mut request);
            let permit = request.extensions_mut().remove::<Permit>();
            let (parts, _) = request.into_parts();
            let (response, opened) = self.open_websocket(&parts, parameters).await;
            if let Some(opened) = opened {
                self.serve_upgraded(opened, upgrading, permit);
            }
            return response;
        }
        let query = Query::parse(request.uri().query().unwrap_or_default());
        let (parts, body) = request.into_parts();
        let response = match self.verify(&parts, &query, false) {
            Ok(Wanted::New) => self.begin_polling(parts, &query, parameters).boxed().await,
            Ok(Wanted::Existing(entry)) => self.poll(&entry, &parts, body, &query).boxed().await,
            Err(refused) => Err(refused),
        };
        response.unwrap_or_else(|refused| {
            if query.session.is_empty() {
                self.hub.metrics.handshake_failed();
            }
            refused.response()
        })
    }

    async fn open_websocket(
        &self,
        parts: &Parts,
        parameters: Parameters,
    ) -> (Response<HttpBody>, Option<Opened>) {
        self.try_websocket(parts, parameters).await.unwrap_or_else(|refused| {
            self.hub.metrics.handshake_failed();
            (refused.raw_response(), None)
        })
    }

    async fn try_websocket(
        &self,
        parts: &Parts,
        parameters: Parameters,
    ) -> Result<(Response<HttpBody>, Option<Opened>), Refused> {
        if websocket::is_native(&parts.headers) && matches!(self.resource.layer, Layer::SocketIo(_)) {
            return self.try_native(parts, parameters).await;
        }
        let query = &Query::parse(parts.uri.query().unwrap_or_default());
        let wanted = self.verify(parts, query, true)?;
        if query.transport != "websocket" {
            return Err(Refused::BadRequest);
        }
        let wanted = match wanted {
            Wanted::New => Ok(self.allow(parts, query).await?),
            Wanted::Existing(entry) => Err((entry, self.admit()?)),
        };
        let response = match websocket::accept(parts) {
            Ok(response) => response,
            Err(response) => return Ok((response, None)),
        };
        let opened = match wanted {
            Ok((version, serving)) => {
                let id = SocketId::random();
                let arrival = self.arrival(parts, (query, version), parameters, id, Transport::WebSocket);
                Opened::Connection(arrival, serving)
            }
            Err((entry, serving)) => {
                // From now on: a GET that arrives before the WebSocket is open belongs to the upgrade, too.
                let attempt = entry.session.upgrade();
                Opened::Successor(entry, attempt, serving)
            }
        };
        Ok((response, Some(opened)))
    }

    /// Opens a WebSocket for a native client.
    async fn try_native(
        &self,
        parts: &Parts,
        parameters: Parameters,
    ) -> Result<(Response<HttpBody>, Option<Opened>), Refused> {
        if !self.resource.has(Transport::WebSocket) {
            return Err(Refused::UnknownTransport);
        }
        // A page of another site may offer any subprotocol.
        self.check_origin(parts, Transport::WebSocket, false)?;
        self.ask_program(parts).await?;
        let serving = self.admit()?;
        let response = match websocket::accept(parts) {
            Ok(response) => response,
            Err(response) => return Ok((response, None)),
        };
        let peer = parts.extensions.get::<PeerAddress>().cloned();
        let arrival = Arrival {
            peer: peer.unwrap_or(PeerAddress::Unknown),
            medium: Transport::WebSocket,
            wire: Wire::MessagePackRpc,
            security: parts.extensions.get::<Security>().cloned().map(Box::new),
            session: None,
            request: Some(peer::Request::new(&parts.uri, &parts.headers)),
            parameters,
            upgrades: false,
            is_quiet: false,
            gate: None,
            preface: Vec::new(),
        };
        Ok((response, Some(Opened::Native(arrival, serving))))
    }

    /// Checks that the origin of a request from a browser is allowed.
    fn check_origin(&self, parts: &Parts, transport: Transport, is_script: bool) -> Result<(), Refused> {
        // A function of the program that panics has not allowed the page.
        let place = Place::apart(FailureOrigin::Hook, "origins");
        let is_admitted = self.hub.run(place, || self.resource.admits(parts, transport, is_script));
        if is_admitted == Some(true) { Ok(()) } else { Err(Refused::ForeignOrigin) }
    }

    /// Asks the program's `allow_request` whether a new session may begin.
    async fn ask_program(&self, parts: &Parts) -> Result<(), Refused> {
        let Some(allow) = &self.resource.allow_request else { return Ok(()) };
        let place = Place::apart(FailureOrigin::Hook, "allow_request");
        let report = |failure: Box<Failure>| drop(self.hub.disclose(place.destructor(), *failure));
        let asked = Guarded::new(async { allow(parts.clone()).await }, report).await;
        let public_text = |failure: Box<Failure>| self.hub.disclose(place, *failure).message.into_owned();
        asked.map_err(public_text).and_then(|allowed| allowed).map_err(Refused::Forbidden)
    }

    /// Checks a request, in the order of other servers of Socket.IO, so that clients receive the same errors.
    fn verify(&self, parts: &Parts, query: &Query, is_upgrade: bool) -> Result<Wanted, Refused> {
        let transport = match &*query.transport {
            "polling" => Transport::Polling,
            "websocket" => Transport::WebSocket,
            _ => return Err(Refused::UnknownTransport),
        };
        if !self.resource.has(transport) {
            return Err(Refused::UnknownTransport);
        }
        if parts.headers.get(ORIGIN).is_some_and(|origin| origin.to_str().is_err()) {
            return Err(Refused::BadRequest);
        }
        let is_script = query.jsonp.is_some();
        if is_script && !self.resource.jsonp {
            return Err(Refused::UnknownTransport);
        }
        self.check_origin(parts, transport, is_script)?;
        if !query.session.is_empty() {
            let entry = self.sessions.find(&query.session).ok_or(Refused::UnknownSession)?;
            let is_mismatch = !is_upgrade && transport != Transport::Polling;
            if is_mismatch || query.version() != Some(entry.dialect.version) {
                return Err(Refused::BadRequest);
            }
            if entry.connection.is_over_time() {
                return Err(Refused::UnknownSession);
            }
            return Ok(Wanted::Existing(entry));
        }
        if parts.method != Method::GET {
            return Err(Refused::BadMethod);
        }
        if transport == Transport::WebSocket && !is_upgrade {
            return Err(Refused::BadRequest);
        }
        Ok(Wanted::New)
    }

    /// Whether a new session may begin, and in which version. The token is to be held until its driver is there.
    pub(super) async fn allow(
        &self,
        parts: &Parts,
        query: &Query,
    ) -> Result<(Version, TaskTrackerToken), Refused> {
        self.ask_program(parts).await?;
        let version = query.version().filter(|version| self.resource.versions.contains(version));
        let version = version.ok_or(Refused::UnsupportedVersion)?;
        Ok((version, self.admit()?))
    }

    /// Counts something that begins, unless the server shuts down. The token comes first: a server that begins to shut
    /// down after this look waits for what holds it.
    fn admit(&self) -> Result<TaskTrackerToken, Refused> {
        let serving = self.hub.serving();
        if self.is_stopping() { Err(Refused::ShuttingDown) } else { Ok(serving) }
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    pub(super) fn arrival(
        &self,
        parts: &Parts,
        (query, version): (&Query, Version),
        parameters: Parameters,
        session: SocketId,
        medium: Transport,
    ) -> Arrival {
        let base64 = query.base64 || query.jsonp.is_some();
        let layer = self.resource.layer;
        let is_parted = layer == Layer::Raw && version == Version::V4 && medium == Transport::Polling;
        let max_attachments = u8::try_from(self.hub.config.max_attachments).unwrap_or(u8::MAX);
        let peer = parts.extensions.get::<PeerAddress>().cloned();
        Arrival {
            peer: peer.unwrap_or(PeerAddress::Unknown),
            medium,
            wire: Wire::EngineIo(EngineIo {
                role: Role::Server,
                version,
                layer,
                base64,
                max_attachments,
                is_parted,
                acknowledgements: self.resource.acknowledgements,
                integers: self.resource.integers,
            }),
            session: Some(session),
            security: parts.extensions.get::<Security>().cloned().map(Box::new),
            request: Some(peer::Request::new(&parts.uri, &parts.headers)),
            parameters,
            upgrades: medium == Transport::Polling && self.resource.offers_upgrade(),
            is_quiet: !self.resource.answers_refusals,
            gate: None,
            preface: Vec::new(),
        }
    }
}
