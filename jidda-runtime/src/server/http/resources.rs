//! The resources of a server, found by their paths.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use http::{Method, Request, Response, Uri};
use http_body::Body;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::body::{HttpBody, not_found};
use super::error::Refused;
use super::health::Health;
use super::host;
use super::plan::{CheckedResource, HttpPlan, REST, is_bare};
use super::query::Query;
use super::site::Site;
use super::websocket;
use crate::handler::Parameters;
use crate::objects::Hub;
use crate::server::admission::Admission;

/// The resources of a server, by their paths.
#[derive(Debug)]
pub(in crate::server) struct Http {
    sites: Vec<Arc<Site>>,
    /// The places of the sites, by the patterns of their paths.
    paths: matchit::Router<usize>,
    health: Option<Health>,
    /// What requests have begun is waited for no longer.
    closing: CancellationToken,
    limits: Limits,
}

/// What is limited, and what it counts against.
#[derive(Debug, Default)]
pub(in crate::server) struct Limits {
    pub(in crate::server) connections: Option<Arc<Admission>>,
    /// Sessions that poll, which have connections for moments only.
    pub(in crate::server) sessions: Option<Arc<Admission>>,
}

impl Http {
    /// Serves what was planned. `hubs` are those of the apps, in the order that the plan knows them in.
    pub(in crate::server) fn open(
        plan: HttpPlan,
        hubs: &[&Arc<Hub>],
        limits: Limits,
        stopping: &watch::Receiver<bool>,
    ) -> Self {
        let closing = CancellationToken::new();
        let open = |(resource, app): (CheckedResource, usize)| {
            Site::open(resource, hubs[app], limits.sessions.clone(), stopping.clone(), closing.clone())
        };
        Self {
            sites: plan.resources.into_iter().map(open).collect(),
            paths: plan.paths,
            health: Health::open(plan.health, hubs[0], stopping.clone()),
            closing,
            limits,
        }
    }

    /// Counts the WebSocket that a request asks for whose stream is another server's.
    pub(super) fn admit<B>(&self, request: &mut Request<B>) -> Result<(), Refused> {
        if let Some(admission) = &self.limits.connections
            && websocket::is_wanted(request.version(), request.headers())
        {
            let admitted = admission.admit_or_report(request.extensions());
            let permit = admitted.map_err(|_| Refused::TooManyConnections)?;
            request.extensions_mut().insert(permit);
        }
        Ok(())
    }

    /// Answers a request that another crate's server received.
    pub(in crate::server) fn respond<B>(
        self: &Arc<Self>,
        mut request: Request<B>,
    ) -> BoxFuture<'static, Result<Response<HttpBody>, Infallible>>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Send,
    {
        let http = Arc::clone(self);
        host::recognize(request.extensions_mut());
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

    /// Ends the WebSockets that are about to be opened, whichever server received their requests.
    pub(in crate::server) fn close(&self) {
        self.closing.cancel();
    }

    /// Answers a question for the server's health, if a request is one.
    pub(super) async fn health(&self, method: &Method, path: &str) -> Option<Response<HttpBody>> {
        let health = self.health.as_ref()?;
        Some(health.respond(health.question(path)?, method).await)
    }

    /// The resource that a request for a WebSocket is for. `None` when the path has anything else.
    pub(super) fn find_for_websocket(&self, uri: &Uri) -> Option<(Arc<Site>, Parameters)> {
        let path = uri.path();
        let is_question = self.health.as_ref().is_some_and(|health| health.question(path).is_some());
        if is_question || Site::is_file(path) { None } else { self.find(path, uri.query()) }
    }

    /// The resource of a path, with the path's parameters.
    ///
    /// Without the slash at its end the path is the resource's for requests of Engine.IO only: a program may have a
    /// page at `/chat` for what its scripts find at `/chat/`.
    pub(super) fn find(&self, path: &str, query: Option<&str>) -> Option<(Arc<Site>, Parameters)> {
        let found = self.paths.at(path).ok()?;
        if is_bare(path, &found.params) && !query.is_some_and(Query::is_engine_io) {
            return None;
        }
        let parameters = found.params.iter().filter(|(name, _)| *name != REST);
        let parameters = parameters.map(|(name, value)| {
            let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
            (name.into(), value.as_ref().into())
        });
        Some((Arc::clone(&self.sites[*found.value]), parameters.collect()))
    }
}

/// Begins to answer at once, not when the future is first polled. A client that has disconnected by then would leave no
/// trace: the session it polled, if it did, could not end with it.
pub(super) fn begin<T: Send + 'static>(
    answer: impl Future<Output = T> + Send + 'static,
) -> BoxFuture<'static, T> {
    let mut answer = answer.boxed();
    // Whoever polls it next leaves a waker of its own.
    match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => ready(answer).boxed(),
        Poll::Pending => answer,
    }
}
