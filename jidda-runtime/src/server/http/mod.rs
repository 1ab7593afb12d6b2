//! HTTP: the handshakes, requests and WebSockets of Engine.IO, and what the program serves beside it.

mod body;
mod client_file;
mod compression;
mod cookie;
mod cors;
mod error;
mod head;
mod health;
mod origins;
mod patient;
mod polling;
mod query;
mod resource;
mod serve;
mod service;
mod sessions;
mod site;
mod straight;
mod websocket;

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use ::http::{Method, Response};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use tokio::sync::watch;

pub use body::HttpBody;
pub use cookie::{Cookie, SameSite};
pub use cors::Cors;
pub(super) use health::HealthPlan;
pub use origins::Origins;
pub use resource::{Resource, Transport};
pub(super) use serve::{BoxError, Fallback, Front, fallback};
pub use service::HttpService;

use crate::connection::Hub;
use crate::handler::Parameters;
use health::Health;
use site::Site;

/// The name of a path's rest, which is no parameter of the program.
const REST: &str = "jidda_rest";

/// The resources of a server, by their paths.
#[derive(Debug, Default)]
pub(super) struct Http {
    sites: matchit::Router<Arc<Site>>,
    health: Option<Health>,
}

impl Http {
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
        let site = Site::open(resource, hub, stopping).map_err(problems)?;
        for path in [path.clone(), format!("{path}{{*{REST}}}")] {
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
            .filter(|path| self.sites.at(path).is_ok())
            .map(|path| format!("the path `{path}` of `.health(..)` belongs to a resource"))
            .collect();
        if taken.is_empty() { Ok(()) } else { Err(taken) }
    }

    /// Answers a question for the server's health, if a request is one.
    async fn health(&self, method: &Method, path: &str) -> Option<Response<HttpBody>> {
        let health = self.health.as_ref()?;
        Some(health.respond(health.question(path)?, method).await)
    }

    /// The resource that a request for a WebSocket is for. `None` when the path has anything else.
    fn find_for_websocket(&self, path: &str) -> Option<(Arc<Site>, Parameters)> {
        let is_question = self.health.as_ref().is_some_and(|health| health.question(path).is_some());
        if is_question || Site::is_file(path) { None } else { self.find(path) }
    }

    /// The resource of a path, with the path's parameters.
    fn find(&self, path: &str) -> Option<(Arc<Site>, Parameters)> {
        let found = self.sites.at(path).ok()?;
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
