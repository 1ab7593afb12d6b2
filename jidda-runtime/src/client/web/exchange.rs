//! One connection of HTTP, and the requests on it, one after the other.

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, COOKIE, HOST, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio_util::task::AbortOnDropHandle;

use super::compression;
use super::dial::{Forwarded, dial};
use super::error::WebError;
use super::options::WebOptions;
use super::route::Route;
use crate::peer::Security;
use crate::wall_clock;

/// The largest head of a response, and the most that is read ahead.
const BUFFER: usize = 64 * 1024;

/// A connection of HTTP.
#[derive(Debug)]
pub(super) struct Exchange {
    sender: SendRequest<Full<Bytes>>,
    /// What reads and writes it; it ends with this, or with the upgrade of the connection.
    _task: AbortOnDropHandle<()>,
    pub(super) security: Option<Security>,
    forwarded: Option<Forwarded>,
}

/// A whole response.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Exchange {
    /// Connects to the route's server. `whole` asks for a stream that a WebSocket can have.
    pub(super) async fn open(route: &Route, options: &WebOptions, whole: bool) -> Result<Self, WebError> {
        let dialed = dial(route.uri(), options, whole).await?;
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(BUFFER)
            .handshake(TokioIo::new(dialed.stream))
            .await
            .map_err(|error| WebError::broken(&error))?;
        let serving = async move {
            // Who waits for a response receives the error, too.
            let _ = connection.with_upgrades().await;
        };
        let task = AbortOnDropHandle::new(tokio::spawn(serving));
        Ok(Self { sender, _task: task, security: dialed.security, forwarded: dialed.forwarded })
    }

    /// Whether another request can be sent.
    pub(super) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request and waits for the head of the response. Its cookies are kept.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
        options: &WebOptions,
    ) -> Result<Response<Incoming>, WebError> {
        let uri = request.uri().clone();
        if let Some(forwarded) = &self.forwarded {
            if let Some(authorization) = &forwarded.authorization {
                request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
            }
        } else if let Some(target) = uri.path_and_query() {
            *request.uri_mut() = Uri::from(target.clone());
        }
        // It may still be busy with the end of the response before.
        self.sender.ready().await.map_err(|error| WebError::broken(&error))?;
        let response = self.sender.send_request(request).await.map_err(|error| WebError::broken(&error))?;
        options.learned.cookies.lock().store(&uri, response.headers(), wall_clock::now());
        Ok(response)
    }

    /// Sends a request and reads the whole response, of so many bytes at most.
    pub(super) async fn request(
        &mut self,
        request: Request<Full<Bytes>>,
        options: &WebOptions,
        most: usize,
    ) -> Result<Reply, WebError> {
        let response = self.send(request, options).await?;
        let (parts, body) = response.into_parts();
        let body = whole(body, most).await?;
        let body = compression::plain(&parts.headers, body, most)?;
        Ok(Reply { status: parts.status, headers: parts.headers, body })
    }
}

/// A request of the route's, with what each has.
pub(super) fn request(
    route: &Route,
    options: &WebOptions,
    method: Method,
    uri: Uri,
    body: Option<(Bytes, &'static str)>,
) -> Request<Full<Bytes>> {
    let (body, kind) = body.map_or((Bytes::new(), None), |(body, kind)| (body, Some(kind)));
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    let cookies = options.learned.cookies.lock().header(&uri, wall_clock::now());
    let headers = request.headers_mut();
    if let Some(host) = uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok()) {
        headers.insert(HOST, host);
    }
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("jidda/", env!("CARGO_PKG_VERSION"))));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate"));
    if let Some(kind) = kind {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    route.add_headers(headers, options);
    if let Some(cookies) = cookies {
        // There is one header, of the program's own cookies and the server's.
        let all = match headers.get(COOKIE) {
            Some(own) => HeaderValue::from_bytes(&[own.as_bytes(), b"; ", cookies.as_bytes()].concat()).ok(),
            None => Some(cookies),
        };
        if let Some(all) = all {
            headers.insert(COOKIE, all);
        }
    }
    *request.uri_mut() = uri;
    request
}

/// The body, if it has no more than so many bytes.
pub(super) async fn whole(mut body: Incoming, most: usize) -> Result<Bytes, WebError> {
    // What a server merely says about the length is not believed for more than this.
    let said = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(said.min(most).min(BUFFER));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| WebError::broken(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > most - bytes.len() {
            return Err(WebError::lasting(format!(
                "the body of the server's response has more than {most} bytes: allow larger messages with `.max_message(..)`"
            )));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.into())
}

/// The beginning of a body that says what went wrong.
pub(super) async fn beginning(mut body: Incoming) -> Vec<u8> {
    const MOST: usize = 4096;
    let mut bytes = Vec::new();
    while bytes.len() < MOST {
        let Some(Ok(frame)) = body.frame().await else { break };
        if let Ok(data) = frame.into_data() {
            bytes.extend_from_slice(&data[..data.len().min(MOST - bytes.len())]);
        }
    }
    bytes
}
