//! The resources of a server as one service, for servers that are not ours.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::body::{HttpBody, not_found};
use super::{Http, begin};
use crate::server::Server;

/// The Socket.IO of a server as a `tower` service: for axum, hyper and others that have the port.
///
/// ```
/// # fn app(server: &jidda_runtime::Server) -> axum::Router {
/// axum::Router::new()
///     .route("/", axum::routing::get(async || "a page"))
///     .fallback_service(server.http_service())
/// # }
/// ```
///
/// It answers requests for paths that are no resource with 404. The host has to support upgrades for WebSockets to
/// work, as `axum::serve` does. Who is at the other end is taken from a [`PeerAddress`](crate::PeerAddress), and what
/// it proved from a [`Security`](crate::Security), among the request's extensions. The server goes on as long as there is such a service.
#[derive(Clone)]
pub struct HttpService {
    http: Arc<Http>,
    _server: Server,
}

impl fmt::Debug for HttpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpService").finish_non_exhaustive()
    }
}

impl HttpService {
    pub(in crate::server) fn new(http: &Arc<Http>, server: &Server) -> Self {
        Self { http: Arc::clone(http), _server: server.clone() }
    }
}

impl<B> Service<Request<B>> for HttpService
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Send,
{
    type Response = Response<HttpBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let http = Arc::clone(&self.http);
        begin(async move {
            if let Err(refused) = http.admit(&mut request) {
                return Ok(refused.raw_response());
            }
            if let Some(answer) = http.health(request.method(), request.uri().path()).await {
                return Ok(answer);
            }
            match http.find(request.uri().path(), request.uri().query()) {
                Some((site, parameters)) => Ok(site.respond(request, parameters).await),
                None => Ok(not_found()),
            }
        })
    }
}
