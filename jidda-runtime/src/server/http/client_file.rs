//! The program's copy of the browser client, served beside the resource it is for.

use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use sha1::{Digest, Sha1};

use super::body::{HttpBody, method_not_allowed, response};
use super::compression::Encoding;

/// The last part of its path.
pub(super) const NAME: &str = "socket.io.js";

/// A file, as it was when the server started.
#[derive(Debug)]
pub(super) struct ClientFile {
    plain: Bytes,
    gzip: Bytes,
    tag: HeaderValue,
}

impl ClientFile {
    /// Reads it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let plain = std::fs::read(path)?;
        let gzip = Encoding::Gzip.encode(&plain)?;
        let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(Sha1::digest(&plain)));
        let tag = HeaderValue::try_from(tag).map_err(io::Error::other)?;
        Ok(Self { plain: plain.into(), gzip: gzip.into(), tag })
    }

    pub(super) fn respond(&self, method: &Method, headers: &HeaderMap) -> Response<HttpBody> {
        if method != Method::GET && method != Method::HEAD {
            return method_not_allowed("GET, HEAD");
        }
        let known = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
        let mut known =
            known.flat_map(|value| value.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
        let mut response = if known.any(|tag| tag == "*" || self.tag == tag) {
            response(StatusCode::NOT_MODIFIED, "")
        } else {
            let is_gzip = Encoding::accepted(headers) == Some(Encoding::Gzip);
            let mut response =
                response(StatusCode::OK, if is_gzip { &self.gzip } else { &self.plain }.clone());
            let script = HeaderValue::from_static("application/javascript; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, script);
            response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            if is_gzip {
                response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            response
        };
        let headers = response.headers_mut();
        headers.insert(ETAG, self.tag.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=0"));
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        response
    }
}
