//! The heads of a request for a WebSocket and of its answer, where the whole request is there at once.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, Version};

use super::websocket;

/// How many headers are read here.
const HEADERS: usize = 48;

/// Reads the request at the beginning of `bytes`, if its whole head is there and it does nothing but ask for a
/// WebSocket; also how long the head is. Whatever else there is in HTTP, and whatever is wrong, is for hyper to say.
pub(super) fn asking(bytes: &Bytes) -> Option<(Parts, usize)> {
    let mut fields = [const { MaybeUninit::uninit() }; HEADERS];
    let mut head = httparse::Request::new(&mut []);
    let Ok(httparse::Status::Complete(length)) = head.parse_with_uninit_headers(bytes, &mut fields) else {
        return None;
    };
    if head.method != Some("GET") || head.version != Some(1) {
        return None;
    }
    let mut headers = HeaderMap::with_capacity(head.headers.len());
    for field in &*head.headers {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        if [CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT].contains(&name) {
            return None;
        }
        headers.append(name, HeaderValue::from_maybe_shared(bytes.slice_ref(field.value)).ok()?);
    }
    if !websocket::is_wanted(Version::HTTP_11, &headers) {
        return None;
    }
    let target = bytes.slice_ref(head.path?.as_bytes());
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.uri = Uri::from_maybe_shared(target).ok()?;
    parts.headers = headers;
    Some((parts, length))
}

/// An answer that has no body, as it is sent.
pub(super) fn written<B>(answer: &Response<B>) -> Vec<u8> {
    // With the packet that opens a session behind it.
    let mut out = Vec::with_capacity(384);
    let status = answer.status();
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    for (name, value) in answer.headers() {
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
    }
    out.extend_from_slice(b"\r\n\r\n");
    out
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn read(text: &str) -> Option<(Parts, usize)> {
        asking(&Bytes::copy_from_slice(text.as_bytes()))
    }

    /// A head with these headers beside those of a WebSocket.
    fn head(first: &str, more: &str) -> String {
        format!("{first}\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{more}\r\n")
    }

    #[test]
    fn a_whole_request_for_a_websocket_is_read() {
        let text =
            head("GET /socket.io/?EIO=4 HTTP/1.1", "X-Bytes: \u{e9}\r\nx-twice: 1\r\nX-TWICE:  2 \r\n");
        let (parts, length) = read(&(text.clone() + "more")).unwrap();
        assert_eq!((length, parts.version, parts.method.as_str()), (text.len(), Version::HTTP_11, "GET"));
        assert_eq!((parts.uri.path(), parts.uri.query()), ("/socket.io/", Some("EIO=4")));
        assert_eq!(parts.headers["x-bytes"].as_bytes(), "\u{e9}".as_bytes());
        let twice: Vec<_> = parts.headers.get_all("x-twice").iter().collect();
        assert_eq!(twice, ["1", "2"]);
        let (parts, _) = read(&head("GET http://a/b/?c HTTP/1.1", "")).unwrap();
        assert_eq!((parts.uri.path(), parts.uri.query()), ("/b/", Some("c")));
    }

    #[test]
    fn all_else_is_for_others() {
        let whole = head("GET / HTTP/1.1", "");
        assert!(read(&whole).is_some());
        for end in 0..whole.len() {
            assert!(read(&whole[..end]).is_none(), "{end}");
        }
        let many = "x: 1\r\n".repeat(HEADERS);
        for (first, more) in [
            ("POST / HTTP/1.1", ""),
            ("GET / HTTP/1.0", ""),
            ("GET / HTTP/2.0", ""),
            ("GET \u{e9}\u{1} HTTP/1.1", ""),
            ("GET / HTTP/1.1", "content-length: 0\r\n"),
            ("GET / HTTP/1.1", "Transfer-Encoding: chunked\r\n"),
            ("GET / HTTP/1.1", "expect: 100-continue\r\n"),
            ("GET / HTTP/1.1", "a b: c\r\n"),
            ("GET / HTTP/1.1", "a: b\r\n folded\r\n"),
            ("GET / HTTP/1.1", "a: \u{1}\r\n"),
            ("GET / HTTP/1.1", &many),
        ] {
            assert!(read(&head(first, more)).is_none(), "{first} {more}");
        }
        assert!(
            read("GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n").is_none(),
            "no upgrade of the connection"
        );
        assert!(read("GET / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n").is_none());
    }

    #[test]
    fn an_answer_is_written_with_all_its_headers() {
        let mut answer = Response::new(());
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        answer.headers_mut().append("a", HeaderValue::from_static("1"));
        answer.headers_mut().append("a", HeaderValue::from_static("2"));
        let text = String::from_utf8(written(&answer)).unwrap();
        assert_eq!(text, "HTTP/1.1 101 Switching Protocols\r\na: 1\r\na: 2\r\n\r\n");
    }
}
