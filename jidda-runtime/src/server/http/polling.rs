//! The requests of sessions that poll.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, SET_COOKIE, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body::Body;

use super::body::{self, HttpBody, Unread, response};
use super::compression::Encoding;
use super::error::Refused;
use super::query::Query;
use super::sessions::Entry;
use super::site::Site;
use crate::driver::Driver;
use crate::handler::Parameters;
use crate::id::SocketId;
use crate::objects::Connection;
use crate::peer::Transport;
use crate::polling::{self, Answer, Get, PayloadFormat, PostOutcome, Session};
use crate::server::admission::Permit;
use crate::wire::engine_io::{Version, jsonp};

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

impl Site {
    /// Begins a session. The request that asks for it is its first GET.
    pub(super) async fn begin_polling(
        self: &Arc<Self>,
        parts: Parts,
        query: &Query,
        parameters: Parameters,
    ) -> Result<Response<HttpBody>, Refused> {
        let (version, serving) = self.allow(&parts, query).await?;
        let permit = self.count_session(&parts)?;
        let takes_bytes = !query.base64 && query.jsonp.is_none();
        let always_bytes = version == Version::V3 && takes_bytes && query.wants_bytes();
        let (session, stream) = Session::new(query.most_packets());
        let get = session.get()?;
        let id = SocketId::random();
        let mut arrival = self.arrival(&parts, (query, version), parameters, id, Transport::Polling);
        arrival.gate = Some(session.gate());
        let entry = Arc::new(Entry {
            id,
            session,
            connection: Connection::arrive(&self.hub, arrival),
            dialect: PayloadFormat { version, takes_bytes, always_bytes },
            is_jsonp: query.jsonp.is_some(),
        });
        self.sessions.insert(&entry);
        let driver = self.drive(&entry.connection, stream);
        drop(serving);
        tokio::spawn(serve(Arc::clone(self), Arc::clone(&entry), driver, permit));
        let mut response = self.answer_get(&entry, get, &parts.headers, query).await?;
        if let Some(value) = self.resource.cookie.as_ref().and_then(|cookie| cookie.value(id.as_str())) {
            response.headers_mut().insert(SET_COOKIE, value);
        }
        Ok(response)
    }

    /// A request of a session.
    pub(super) async fn poll<B: Body>(
        &self,
        entry: &Entry,
        parts: &Parts,
        body: B,
        query: &Query,
    ) -> Result<Response<HttpBody>, Refused> {
        match parts.method {
            Method::GET => {
                let get = entry.session.get()?;
                self.answer_get(entry, get, &parts.headers, query).await
            }
            Method::POST => self.take_post(entry, &parts.headers, body).await,
            _ => Ok(response(StatusCode::INTERNAL_SERVER_ERROR, "")),
        }
    }

    async fn answer_get(
        &self,
        entry: &Entry,
        mut get: Get,
        headers: &HeaderMap,
        query: &Query,
    ) -> Result<Response<HttpBody>, Refused> {
        let dialect = entry.dialect;
        let mut body = match get.answer().await {
            Answer::Frames(frames) => dialect.body(&frames),
            Answer::Noop => dialect.signal("6"),
            // Some clients take packet 1 as final, but they have to reconnect when the server is back.
            Answer::Close if self.is_stopping() => {
                get.answered();
                return Err(Refused::ShuttingDown);
            }
            Answer::Close => dialect.signal("1"),
            Answer::Upgraded => {
                get.answered();
                return Err(Refused::BadRequest);
            }
        };
        if entry.is_jsonp {
            let payload = String::from_utf8_lossy(&body.bytes);
            let mut script = Vec::with_capacity(payload.len() + 16);
            jsonp::response(&mut script, query.jsonp.as_deref().unwrap_or_default(), &payload);
            body.bytes = script;
        }
        let response = self.payload(body, entry.is_jsonp, headers).await;
        // Not before: whoever goes away while this is compressed has not got it.
        get.answered();
        Ok(response)
    }

    async fn payload(&self, body: polling::Body, is_script: bool, headers: &HeaderMap) -> Response<HttpBody> {
        let content_type = if body.is_binary {
            "application/octet-stream"
        } else if is_script {
            // Which browsers run as a script only where it says that it is one.
            "text/javascript; charset=UTF-8"
        } else {
            "text/plain; charset=UTF-8"
        };
        let is_large = self.resource.compression.is_some_and(|threshold| body.bytes.len() >= threshold);
        let encoding = Encoding::accepted(headers).filter(|_| is_large);
        let mut response = match encoding {
            None => response(StatusCode::OK, body.bytes),
            Some(encoding) => match encoding.compress(body.bytes).await {
                Some(bytes) => response(StatusCode::OK, bytes),
                None => return response(StatusCode::INTERNAL_SERVER_ERROR, ""),
            },
        };
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CACHE_CONTROL, NO_STORE);
        if let Some(encoding) = encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
            headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        response
    }

    async fn take_post<B: Body>(
        &self,
        entry: &Entry,
        headers: &HeaderMap,
        body: B,
    ) -> Result<Response<HttpBody>, Refused> {
        let post = entry.session.post()?;
        let content_type =
            headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let is_binary = essence.eq_ignore_ascii_case("application/octet-stream");
        if is_binary && entry.dialect.version == Version::V4 {
            post.deliver(Vec::new(), PostOutcome::Malformed).await?;
            return Err(Refused::BadRequest);
        }
        let body = match body::read(headers, body, self.hub.config.max_message, self.pace()).await {
            Ok(body) => body,
            Err(Unread::TooLarge) => {
                post.leave();
                return Ok(response(StatusCode::PAYLOAD_TOO_LARGE, ""));
            }
            // The session ends with the POST.
            Err(Unread::TooSlow) => return Ok(response(StatusCode::REQUEST_TIMEOUT, "")),
            Err(Unread::Broken) => return Err(Refused::BadRequest),
        };
        let (frames, after) = match entry.is_jsonp.then(|| jsonp::request(&body)) {
            None => entry.dialect.frames(&body, is_binary).await,
            Some(Ok(payload)) => entry.dialect.frames(payload.as_bytes(), false).await,
            Some(Err(_)) => (Vec::new(), PostOutcome::Malformed),
        };
        post.deliver(frames, after).await?;
        if after == PostOutcome::Malformed {
            return Err(Refused::BadRequest);
        }
        let mut response = response(StatusCode::OK, "ok");
        // With another type some browsers offer to save it as a file.
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
        Ok(response)
    }
}

/// Serves a session's connection, and keeps the session as long as its client may ask for it.
async fn serve(site: Arc<Site>, entry: Arc<Entry>, driver: Driver, permit: Option<Permit>) {
    driver.await;
    entry.session.last_words().await;
    site.sessions.remove(&entry.id);
    drop(permit);
}
