//! The bodies of requests, which may be endless and slow, and of responses.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use tokio::time::timeout_at;

use crate::deadline;

/// The body of a response.
#[derive(Debug, Default)]
pub struct HttpBody(Full<Bytes>);

impl Body for HttpBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

pub(super) fn response(status: StatusCode, body: impl Into<Bytes>) -> Response<HttpBody> {
    let mut response = Response::new(HttpBody(Full::new(body.into())));
    *response.status_mut() = status;
    response
}

pub(super) fn text(status: StatusCode, text: &str) -> Response<HttpBody> {
    let mut response = response(status, text.to_owned());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
    response
}

pub(super) fn not_found() -> Response<HttpBody> {
    text(StatusCode::NOT_FOUND, "there is nothing here\n")
}

pub(super) fn method_not_allowed(allow: &'static str) -> Response<HttpBody> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "this method has no meaning here\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    TooLarge,
    TooSlow,
    Broken,
}

/// How long a body may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// For its next bytes.
    pub(super) next: Duration,
    /// For all of it.
    pub(super) whole: Duration,
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read<B: Body>(
    headers: &HeaderMap,
    body: B,
    limit: usize,
    pace: Pace,
) -> Result<Vec<u8>, Unread> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(Unread::TooLarge);
    }
    let end = deadline::after(pace.whole);
    let mut body = pin!(body);
    let mut bytes = Vec::new();
    loop {
        let next = deadline::after(pace.next).min(end);
        let frame = match timeout_at(next, body.frame()).await {
            Err(_late) => return Err(Unread::TooSlow),
            Ok(None) => return Ok(bytes),
            Ok(Some(Err(_))) => return Err(Unread::Broken),
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(mut data) = frame.into_data() else { continue };
        if data.remaining() > limit - bytes.len() {
            return Err(Unread::TooLarge);
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            bytes.extend_from_slice(chunk);
            data.advance(chunk.len());
        }
    }
}
