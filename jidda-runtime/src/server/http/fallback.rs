//! The program's own service, which answers all requests that are not for jidda.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either};
use tower_service::Service;

use super::body::{HttpBody, text};
use super::request_body::RequestBody;
use crate::failure::Failure;
use crate::foreign::in_one_line;
use crate::guard::Guarded;
use crate::objects::Hub;
use crate::observe::{FailureOrigin, Place};

pub(in crate::server) type BoxError = Box<dyn StdError + Send + Sync>;
pub(super) type Answer = Response<Either<HttpBody, FallbackBody>>;
type Called = BoxFuture<'static, Result<Response<UnsyncBoxBody<Bytes, Failed>>, Failed>>;
type Call = dyn Fn(Request<RequestBody>) -> Called + Send + Sync;

/// Why the program's own service failed.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(in crate::server) struct Failed(BoxError);

fn failed(error: impl Into<BoxError>) -> Failed {
    Failed(error.into())
}

/// Any service, as one type.
pub(in crate::server) struct Fallback(Box<Call>);

impl Fallback {
    pub(in crate::server) fn new<S, B>(service: S) -> Self
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self(Box::new(move |request| {
            let mut service = service.clone();
            async move {
                std::future::poll_fn(|cx| service.poll_ready(cx)).await.map_err(failed)?;
                let response = service.call(request).await.map_err(failed)?;
                Ok(response.map(|body| body.map_err(failed).boxed_unsync()))
            }
            .boxed()
        }))
    }

    /// Answers a request. One at which the service panics is answered with 500, and no other is harmed.
    pub(super) async fn respond(&self, request: Request<RequestBody>, hub: &Arc<Hub>) -> Answer {
        let report = |failure: Box<Failure>| drop(hub.disclose(place().destructor(), *failure));
        let refused = || text(StatusCode::INTERNAL_SERVER_ERROR, "the server failed\n").map(Either::Left);
        match Guarded::new(async { self.0(request).await }, report).await {
            Ok(Ok(response)) => {
                response.map(|body| Either::Right(FallbackBody { body: Some(body), hub: Arc::clone(hub) }))
            }
            Ok(Err(error)) => {
                tracing::error!(error = %in_one_line(error), "the HTTP fallback failed");
                refused()
            }
            Err(failure) => {
                hub.disclose(place(), *failure);
                refused()
            }
        }
    }
}

fn place() -> Place<'static> {
    Place::apart(FailureOrigin::Hook, "http_fallback")
}

/// The body of a response of the program's.
pub(in crate::server) struct FallbackBody {
    /// Gone when it panicked.
    body: Option<UnsyncBoxBody<Bytes, Failed>>,
    hub: Arc<Hub>,
}

impl Body for FallbackBody {
    type Data = Bytes;
    type Error = Failed;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failed>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        this.hub.run(place(), || Pin::new(body).poll_frame(cx)).unwrap_or_else(|| {
            this.hub.discard(place(), this.body.take());
            Poll::Ready(Some(Err(failed("the body of the response panicked"))))
        })
    }

    fn is_end_stream(&self) -> bool {
        let is_end = |body: &UnsyncBoxBody<_, _>| self.hub.run(place(), || body.is_end_stream());
        self.body.as_ref().and_then(is_end).unwrap_or_default()
    }

    fn size_hint(&self) -> SizeHint {
        let hint = |body: &UnsyncBoxBody<_, _>| self.hub.run(place(), || body.size_hint());
        self.body.as_ref().and_then(hint).unwrap_or_default()
    }
}

impl Drop for FallbackBody {
    fn drop(&mut self) {
        self.hub.discard(place(), self.body.take());
    }
}
