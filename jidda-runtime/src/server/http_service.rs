//! The resources of a server as one service, for servers that are not ours.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::handle::Server;
use super::http::{Http, HttpBody};

/// The Socket.IO of a server as a `tower` service: for axum, hyper and others that have the port.
///
/// ```
/// # fn app(server: &jidda::Server) -> axum::Router {
/// axum::Router::new()
///     .route("/", axum::routing::get(async || "a page"))
///     .fallback_service(server.http_service())
/// # }
/// ```
///
/// It answers requests for paths that are no resource with 404. The host has to support upgrades for WebSockets to
/// work, as `axum::serve` does; [`Server::shutdown_on_signal`] ends both gracefully. The address of the peer is taken from
/// a [`PeerAddress`](crate::PeerAddress) among the request's extensions, and with the feature `axum` from the
/// `ConnectInfo<SocketAddr>` that `into_make_service_with_connect_info` adds; what the peer proved is taken from a
/// [`Security`](crate::Security). The server stays alive as long as there is such a service.
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

impl Server {
    /// The resources as a `tower` service, to be mounted where another server has the port.
    pub fn http_service(&self) -> HttpService {
        HttpService { http: Arc::clone(&self.inner.http), _server: self.clone() }
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

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Http::respond(&self.http, request)
    }
}
