//! HTTP: the handshakes, requests and WebSockets of Engine.IO, and what the program serves beside it.

mod body;
mod client_file;
mod compression;
mod cookie;
mod cors;
mod error;
mod fallback;
mod head;
mod health;
mod origins;
mod patient;
mod polling;
mod query;
mod request_body;
mod resource;
mod serve;
mod service;
mod sessions;
mod site;
mod straight;
mod websocket;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use ::http::{Method, Request, Response, Uri};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use body::HttpBody;
pub use cookie::{Cookie, SameSite};
pub use cors::Cors;
pub(super) use fallback::{BoxError, Fallback};
pub(super) use health::HealthPlan;
pub use origins::Origins;
pub use request_body::{RequestBody, RequestBodyError};
pub use resource::{Resource, Transport};
pub(super) use serve::{Caller, Front};
pub use service::HttpService;

use crate::handler::Parameters;
use crate::objects::Hub;
use crate::server::admission::Admission;
use error::Refused;
use health::Health;
use query::Query;
use site::Site;

/// The name of a path's rest, which is no parameter of the program.
const REST: &str = "jidda_rest";

/// The resources of a server, by their paths.
#[derive(Debug, Default)]
pub(super) struct Http {
    sites: matchit::Router<Arc<Site>>,
    health: Option<Health>,
    /// What requests have begun is waited for no longer.
    closing: CancellationToken,
    limits: Limits,
}

/// What is limited, and what it counts against.
#[derive(Debug, Default)]
pub(super) struct Limits {
    pub(super) connections: Option<Arc<Admission>>,
    /// Sessions that poll, which have connections for moments only.
    pub(super) sessions: Option<Arc<Admission>>,
}

impl Http {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Counts the WebSocket that a request asks for whose stream is another server's.
    fn admit<B>(&self, request: &mut Request<B>) -> Result<(), Refused> {
        if let Some(admission) = &self.limits.connections
            && websocket::is_wanted(request.version(), request.headers())
        {
            let admitted = admission.admit_or_report(request.extensions());
            let permit = admitted.map_err(|_| Refused::TooManyConnections)?;
            request.extensions_mut().insert(permit);
        }
        Ok(())
    }

    /// Adds a resource and the hub of its app.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, a sentence each.
    pub(super) fn add(
        &mut self,
        resource: Resource,
        hub: &Arc<Hub>,
        stopping: watch::Receiver<bool>,
    ) -> Result<(), Vec<String>> {
        let path = resource.normal_path();
        let problems = |problems: Vec<String>| {
            problems
                .into_iter()
                .map(|problem| format!("the resource `{path}`: {problem}"))
                .collect::<Vec<_>>()
        };
        let site = Site::open(resource, hub, self.limits.sessions.clone(), stopping, self.closing.clone())
            .map_err(problems)?;
        // Some clients leave the slash at the end away. There is no such path at the root.
        let bare = path.strip_suffix('/').filter(|bare| !bare.is_empty()).map(str::to_owned);
        for path in [path.clone(), format!("{path}{{*{REST}}}")].into_iter().chain(bare) {
            let inserted = self.sites.insert(path, Arc::clone(&site));
            inserted.map_err(|error| problems(vec![error.to_string()]))?;
        }
        Ok(())
    }

    /// Answers whether the server is alive and ready, where the program said. After all resources were added.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, a sentence each.
    pub(super) fn add_health(
        &mut self,
        plan: HealthPlan,
        hub: &Arc<Hub>,
        stopping: watch::Receiver<bool>,
    ) -> Result<(), Vec<String>> {
        self.health = Health::open(plan, hub, stopping)?;
        let paths = self.health.iter().flat_map(Health::paths);
        let taken: Vec<_> = paths
            .filter(|path| self.find(path, None).is_some())
            .map(|path| format!("the path `{path}` of `.health(..)` belongs to a resource"))
            .collect();
        if taken.is_empty() { Ok(()) } else { Err(taken) }
    }

    /// Ends the WebSockets that are about to be opened, wherever their requests came in.
    pub(super) fn close(&self) {
        self.closing.cancel();
    }

    /// Answers a question for the server's health, if a request is one.
    async fn health(&self, method: &Method, path: &str) -> Option<Response<HttpBody>> {
        let health = self.health.as_ref()?;
        Some(health.respond(health.question(path)?, method).await)
    }

    /// The resource that a request for a WebSocket is for. `None` when the path has anything else.
    fn find_for_websocket(&self, uri: &Uri) -> Option<(Arc<Site>, Parameters)> {
        let path = uri.path();
        let is_question = self.health.as_ref().is_some_and(|health| health.question(path).is_some());
        if is_question || Site::is_file(path) { None } else { self.find(path, uri.query()) }
    }

    /// The resource of a path, with the path's parameters.
    ///
    /// Without the slash at its end the path is the resource's for requests of Engine.IO only: a program may have a
    /// page at `/chat` for what its scripts find at `/chat/`.
    fn find(&self, path: &str, query: Option<&str>) -> Option<(Arc<Site>, Parameters)> {
        let found = self.sites.at(path).ok()?;
        let is_bare = !path.ends_with('/') && found.params.get(REST).is_none();
        if is_bare && !query.is_some_and(Query::is_engine_io) {
            return None;
        }
        let parameters = found.params.iter().filter(|(name, _)| *name != REST);
        let parameters = parameters.map(|(name, value)| {
            let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
            (name.into(), value.as_ref().into())
        });
        Some((Arc::clone(found.value), parameters.collect()))
    }
}

/// Begins to answer at once, not when the future is first polled. A client that has gone by then would leave no
/// trace: the session it polled, if it did, could not end with it.
fn begin<T: Send + 'static>(answer: impl Future<Output = T> + Send + 'static) -> BoxFuture<'static, T> {
    let mut answer = answer.boxed();
    // Whoever polls it next leaves a waker of its own.
    match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => ready(answer).boxed(),
        Poll::Pending => answer,
    }
}
