//! HTTP on the server's own port.

use std::convert::Infallible;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{pending, ready};
use http::{Extensions, Request, Response};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::body::{HttpBody, not_found};
use super::fallback::{Answer, Fallback};
use super::host;
use super::patient::Patient;
use super::request_body::RequestBody;
use super::resources::{Http, begin};
use crate::config::Config;
use crate::foreign::printable;
use crate::objects::Hub;
use crate::observe::{FailureOrigin, Place};
use crate::peer::{PeerAddress, Security};
use crate::server::admission::Permit;
use crate::sync::Mutex;
use crate::transport::Stream;

/// The largest head of a request.
const HEAD: usize = 16 * 1024;
/// The largest buffer of a connection.
const BUFFER: usize = 64 * 1024;

/// The peer of an HTTP stream.
pub(in crate::server) struct Caller {
    pub(in crate::server) peer: PeerAddress,
    pub(in crate::server) security: Option<Box<Security>>,
    /// What the stream is counted by, where connections are.
    pub(in crate::server) permit: Option<Permit>,
}

pub(in crate::server) type Extend = Box<dyn Fn(&mut Extensions) + Send + Sync>;

/// The resources and what the program has for other requests.
pub(in crate::server) struct Front {
    pub(super) http: Arc<Http>,
    fallback: Mutex<Option<Arc<Fallback>>>,
    /// Adds what the requests for the fallback have among their extensions beside their peer: the server.
    extend: OnceLock<Extend>,
    hub: Arc<Hub>,
    /// How long the head of the first request may take.
    first_head: Duration,
    /// How long a connection may be idle after that, until the head of the next request is there.
    idle: Duration,
    /// How long a peer may take nothing of a response.
    pub(super) patience: Duration,
    /// How long it may send nothing of a request's body.
    body_timeout: Duration,
    pub(super) connections: TaskTracker,
    /// Requests may end; there are to be no more of them.
    closing: CancellationToken,
    /// Nothing is waited for any more.
    pub(super) aborted: CancellationToken,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.discard_fallback();
    }
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front").finish_non_exhaustive()
    }
}

impl Front {
    /// Failures of the program's own service are reported to `hub`.
    pub(in crate::server) fn new(
        http: &Arc<Http>,
        fallback: Option<Fallback>,
        hub: &Arc<Hub>,
        config: &Config,
    ) -> Arc<Self> {
        Arc::new(Self {
            http: Arc::clone(http),
            fallback: Mutex::new(fallback.map(Arc::new)),
            extend: OnceLock::new(),
            hub: Arc::clone(hub),
            first_head: config.handshake_timeout,
            idle: config.http_idle_timeout,
            patience: config.slow_consumer,
            body_timeout: config.body_timeout,
            connections: TaskTracker::new(),
            closing: CancellationToken::new(),
            aborted: CancellationToken::new(),
        })
    }

    /// Has something added to the extensions of each request for the fallback.
    pub(in crate::server) fn extend(&self, extend: Extend) {
        let _ = self.extend.set(extend);
    }

    /// Replaces the program's own service.
    pub(in crate::server) fn replace_fallback(&self, fallback: Fallback) {
        let replaced = self.fallback.lock().replace(Arc::new(fallback));
        self.hub.discard(Place::apart(FailureOrigin::Destructor, "http_fallback"), replaced);
    }

    /// Drops the program's own service, which may hold the server.
    pub(in crate::server) fn discard_fallback(&self) {
        let fallback = self.fallback.lock().take();
        self.hub.discard(Place::apart(FailureOrigin::Destructor, "http_fallback"), fallback);
    }

    /// Serves an HTTP connection in a task of its own. `answer` is the answer to its first request, if there is one
    /// already.
    pub(super) fn accept(
        self: &Arc<Self>,
        stream: Stream,
        caller: Caller,
        answer: Option<Response<HttpBody>>,
    ) {
        let serving = Arc::clone(self).serve(stream, caller, answer);
        let aborted = self.aborted.clone();
        self.connections.spawn(async move {
            aborted.run_until_cancelled(serving).await;
        });
    }

    async fn serve(self: Arc<Self>, stream: Stream, caller: Caller, answer: Option<Response<HttpBody>>) {
        let Caller { peer, security, permit } = caller;
        let answer = Mutex::new(answer);
        let begun = Notify::new();
        let service = service_fn(|mut request: Request<Incoming>| {
            begun.notify_one();
            if let Some(answer) = answer.lock().take() {
                return ready(Ok::<_, Infallible>(answer.map(Either::Left))).boxed();
            }
            let front = Arc::clone(&self);
            host::introduce(request.extensions_mut(), &peer);
            if let Some(security) = &security {
                request.extensions_mut().insert(Security::clone(security));
            }
            begin(async move { Ok(front.respond(request).await) })
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // Counted from the end of the request before.
            .header_read_timeout(self.idle)
            .max_header_size(HEAD)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(Patient::new(stream, self.patience, permit)), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let serving = async {
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = self.closing.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        };
        let begins = timeout(self.first_head, begun.notified());
        let ended = tokio::select! {
            ended = serving => ended,
            () = begins.then(|begins| async move {
                if begins.is_ok() {
                    pending::<()>().await;
                }
            }) => return tracing::debug!("the head of a first HTTP request was not received in time"),
        };
        if let Err(error) = ended {
            tracing::debug!(error = %printable(error), "an HTTP connection failed");
        }
    }

    async fn respond(&self, request: Request<Incoming>) -> Answer {
        if let Some(answer) = self.http.health(request.method(), request.uri().path()).await {
            return answer.map(Either::Left);
        }
        if let Some((site, parameters)) = self.http.find(request.uri().path(), request.uri().query()) {
            return site.respond(request, parameters).await.map(Either::Left);
        }
        let fallback = self.fallback.lock().clone();
        let Some(fallback) = fallback else { return not_found().map(Either::Left) };
        let mut request = request.map(|body| RequestBody::new(body, self.body_timeout));
        if let Some(extend) = self.extend.get() {
            extend(request.extensions_mut());
        }
        fallback.respond(request, &self.hub).await
    }

    /// Lets the requests that are under way end, and ends what waits for others.
    pub(in crate::server) async fn close(&self) {
        self.closing.cancel();
        self.connections.close();
        self.connections.wait().await;
    }

    /// Ends everything.
    pub(in crate::server) fn abort(&self) {
        self.closing.cancel();
        self.aborted.cancel();
    }
}
