//! WebSockets, as a client opens them (RFC 6455, section 4.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};
use tokio::time::timeout;

use super::error::WebError;
use super::exchange::{Exchange, beginning, request};
use super::options::WebOptions;
use super::route::Route;
use crate::peer::Security;
use crate::transport::Stream;

/// What a server proves with that it has understood.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A WebSocket that is open.
#[derive(Debug)]
pub(super) struct WebSocket {
    /// Carries frames.
    pub(super) stream: Stream,
    pub(super) security: Option<Security>,
}

/// Opens a WebSocket. `target` says what is asked for on a route that redirects may change; `protocol` is the subprotocol
/// that the server has to speak.
pub(super) async fn open(
    route: &mut Route,
    options: &WebOptions,
    target: impl Fn(&Route) -> Uri,
    protocol: Option<&'static str>,
) -> Result<WebSocket, WebError> {
    loop {
        let mut exchange = connect(route, options, true).await?;
        let mut key = [0; 16];
        getrandom::fill(&mut key)
            .map_err(|_| WebError::passing("the system has no random bytes for the key of a WebSocket"))?;
        let key = STANDARD.encode(key);
        let mut asking = request(route, options, Method::GET, target(route), None);
        let headers = asking.headers_mut();
        headers.remove(http::header::ACCEPT_ENCODING);
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        if let Ok(key) = HeaderValue::from_str(&key) {
            headers.insert(SEC_WEBSOCKET_KEY, key);
        }
        if let Some(protocol) = protocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
        }
        let response = step(options, "the response of the server", exchange.send(asking, options)).await?;
        let status = response.status();
        if status != StatusCode::SWITCHING_PROTOCOLS {
            if route.follow(status, response.headers(), options)? {
                continue;
            }
            let said = timeout(options.step, beginning(response.into_body())).await.unwrap_or_default();
            if status == StatusCode::OK {
                return Err(WebError::foreign_to_websockets(&said));
            }
            return Err(WebError::answered(status, &said));
        }
        check(response.headers(), &key, protocol)?;
        let upgraded = hyper::upgrade::on(response).await.map_err(|error| WebError::broken(&error))?;
        let parts = upgraded
            .downcast::<TokioIo<Stream>>()
            .map_err(|_| WebError::lasting("the connection of HTTP cannot become a WebSocket"))?;
        let stream = parts.io.into_inner().with_rewind(parts.read_buf.into());
        return Ok(WebSocket { stream, security: exchange.security.take() });
    }
}

/// Connects, within the time for it.
pub(super) async fn connect(route: &Route, options: &WebOptions, whole: bool) -> Result<Exchange, WebError> {
    let connected = timeout(options.step, Exchange::open(route, options, whole)).await;
    connected.unwrap_or_else(|_| Err(WebError::unreachable()))
}

/// A step of a handshake, within the time for it.
pub(super) async fn step<T>(
    options: &WebOptions,
    name: &'static str,
    step: impl Future<Output = Result<T, WebError>>,
) -> Result<T, WebError> {
    timeout(options.step, step).await.unwrap_or_else(|_| Err(WebError::late(name)))
}

/// Whether the server has agreed to what was asked for.
fn check(headers: &HeaderMap, key: &str, protocol: Option<&str>) -> Result<(), WebError> {
    let is = |name, wanted: &str| {
        headers
            .get(name)
            .is_some_and(|value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(wanted.as_bytes()))
    };
    let lists_upgrade = headers.get_all(CONNECTION).iter().any(|value| {
        let value = value.to_str().unwrap_or_default();
        value.split(',').any(|token| token.trim().eq_ignore_ascii_case("upgrade"))
    });
    if !is(UPGRADE, "websocket") || !lists_upgrade {
        return Err(WebError::lasting(
            "the server changes to another protocol than the WebSocket that was asked for",
        ));
    }
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(GUID);
    let accept = STANDARD.encode(hash.finalize());
    if headers.get(SEC_WEBSOCKET_ACCEPT).is_none_or(|value| value.as_bytes() != accept.as_bytes()) {
        return Err(WebError::lasting(
            "the server's answer is not to this WebSocket, since its key is wrong: does a cache or proxy answer in its place?",
        ));
    }
    if headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
        return Err(WebError::lasting("the server uses an extension of WebSocket that it was not asked for"));
    }
    if let Some(protocol) = protocol
        && !is(SEC_WEBSOCKET_PROTOCOL, protocol)
    {
        return Err(WebError::lasting(
            "the server does not speak jidda's native protocol on this path: use the address without `+native` for Socket.IO",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 6455, section 1.3.
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn headers(changes: &[(&'static str, Option<&'static str>)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let right = [
            ("upgrade", Some("WebSocket")),
            ("connection", Some("keep-alive, Upgrade")),
            ("sec-websocket-accept", Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")),
        ];
        for (name, value) in right.iter().chain(changes) {
            headers.remove(*name);
            if let Some(value) = value {
                headers.insert(*name, HeaderValue::from_static(value));
            }
        }
        headers
    }

    #[test]
    fn only_the_right_answer_is_taken() {
        assert!(check(&headers(&[]), KEY, None).is_ok());
        assert!(check(&headers(&[("sec-websocket-protocol", Some("a"))]), KEY, Some("a")).is_ok());
        for (change, protocol, words) in [
            (("upgrade", Some("h2c")), None, "another protocol"),
            (("upgrade", None), None, "another protocol"),
            (("connection", Some("close")), None, "another protocol"),
            (("sec-websocket-accept", Some("AAAAAAAAAAAAAAAAAAAAAAAAAAA=")), None, "its key is wrong"),
            (("sec-websocket-accept", None), None, "its key is wrong"),
            (("sec-websocket-extensions", Some("permessage-deflate")), None, "an extension"),
            (("sec-websocket-protocol", None), Some("a"), "native protocol"),
        ] {
            let error = check(&headers(&[change]), KEY, protocol).unwrap_err();
            assert!(error.to_string().contains(words) && !error.is_temporary(), "{change:?}: {error}");
        }
    }
}
