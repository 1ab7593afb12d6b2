//! Servers that are none, or bad ones: each ends in a sentence, within a bounded time and memory.

use std::net::SocketAddr;

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::server::{Hand, HandServer};
use super::*;

/// Far more than any of them takes.
const LIMIT: Duration = Duration::from_secs(60);
const PAGE: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 21\r\n\r\n<!DOCTYPE html><html>";

fn options(transport: WebTransport) -> WebOptions {
    WebOptions { transports: vec![transport], step: Duration::from_millis(700), ..WebOptions::default() }
}

async fn failure(server: &HandServer, options: &WebOptions) -> WebError {
    let address = address(&format!("http://{}", server.authority));
    let opened = timeout(LIMIT, open(&address, options)).await.expect("each attempt has an end");
    match opened {
        Err(ConnectError::Web { source, .. }) => source,
        other => panic!("{other:?}"),
    }
}

/// Whether it is one sentence for a user, and says what is expected.
fn check(error: &WebError, words: &str, is_temporary: bool) {
    let text = error.to_string();
    assert!(text.contains(words), "`{words}` is not in: {text}");
    assert_eq!(error.is_temporary(), is_temporary, "{text}");
    assert!(text.len() < 500 && !text.ends_with('.') && !text.contains('\n'), "{text}");
    assert!(text.starts_with(|first: char| first.is_lowercase() || first == '`'), "{text}");
}

fn status(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn responses_that_are_none_of_engine_io() {
    let json = "{\"code\":4,\"message\":\"no guests\"}";
    let both = [WebTransport::WebSocket, WebTransport::Polling];
    for (answer, words, is_temporary) in [
        (PAGE.to_owned(), "begins with `<!DOCTYPE html><html>`", false),
        (status("200 OK", ""), "its response is empty", false),
        (status("204 No Content", ""), "204 No Content", false),
        (status("404 Not Found", "<html>"), "no Socket.IO at this path (404)", true),
        (status("401 Unauthorized", ""), "`.bearer_auth(..)`", false),
        (status("403 Forbidden", json), "refuses this client (403): \"no guests\"", false),
        (status("400 Bad Request", json), "refuses this client (400): \"no guests\"", false),
        (status("407 Proxy Authentication Required", ""), "http://name:password@host:port", false),
        (status("418 I'm a teapot", "short\nand stout"), "418 I'm a teapot", false),
        (status("429 Too Many Requests", ""), "takes no connection now (429)", true),
        (
            status("500 Internal Server Error", "oops"),
            "fails now (500 Internal Server Error): \"oops\"",
            true,
        ),
        (status("502 Bad Gateway", "<html>"), "fails now (502 Bad Gateway)", true),
        (
            "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /again\r\n\r\n".to_owned(),
            "redirects more than 10 times",
            false,
        ),
        (
            "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: gopher://a\r\n\r\n".to_owned(),
            "no address of HTTP",
            false,
        ),
        ("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n".to_owned(), "302 Found", false),
        ("SSH-2.0-OpenSSH_9.6\r\n".to_owned(), "does not speak HTTP/1.1", false),
        (String::new(), "closed the connection before its response was complete", true),
        (
            "HTTP/1.1 200 OK\r\nContent-Le".to_owned(),
            "closed the connection before its response was complete",
            true,
        ),
        (
            format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(300_000)),
            "more than 64 KiB or 100 headers",
            false,
        ),
        (
            format!("HTTP/1.1 200 OK\r\n{}\r\n", "Set-Cookie: a=b\r\n".repeat(200)),
            "does it set too many cookies?",
            false,
        ),
    ] {
        for transport in both {
            let server = HandServer::answering(answer.clone()).await;
            check(&failure(&server, &options(transport)).await, words, is_temporary);
        }
    }
}

#[tokio::test]
async fn polls_that_are_wrong() {
    let open = |fields: &str| status("200 OK", &format!("0{{\"sid\":\"a\",\"upgrades\":[],{fields}}}"));
    for (answer, words, is_temporary) in [
        (open("\"pingInterval\":0,\"pingTimeout\":1"), "a ping interval of 0 ms", false),
        (
            open("\"pingInterval\":9007199254740992,\"pingTimeout\":1"),
            "a ping interval of 9007199254740992 ms",
            false,
        ),
        (open("\"pingInterval\":1,\"pingTimeout\":1,\"maxPayload\":0"), "messages of 0 bytes", false),
        (open("\"pingInterval\":\"1\",\"pingTimeout\":1"), "no times", false),
        (status("200 OK", "0{"), "no session", false),
        (status("200 OK", "4hello"), "begins with `4hello`", false),
        (status("200 OK", "5:0{}"), "begins with `5:0{}`", false),
        (status("200 OK", "\u{1b}[2Jcleared"), "begins with `\\u{1b}[2Jcleared`", false),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0{\"sid\"".to_owned(),
            "closed the connection before its response was complete",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx".to_owned(),
            "compressed its response as `br`",
            false,
        ),
    ] {
        let server = HandServer::answering(answer).await;
        check(&failure(&server, &options(WebTransport::Polling)).await, words, is_temporary);
    }
}

#[tokio::test]
async fn bodies_without_end_are_read_to_a_limit() {
    let server = HandServer::start(async |mut hand| {
        hand.head().await;
        hand.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        let chunk = [b"10000\r\n", &vec![b'4'; 0x10000][..], b"\r\n"].concat();
        // Until the client hangs up.
        while hand.stream.write_all(&chunk).await.is_ok() {}
    })
    .await;
    let options = WebOptions { step: LIMIT, ..options(WebTransport::Polling) };
    check(&failure(&server, &options).await, "more than 16777216 bytes", false);
}

#[tokio::test]
async fn silence_has_an_end() {
    for transport in [WebTransport::WebSocket, WebTransport::Polling] {
        let server = HandServer::start(async |mut hand| {
            hand.head().await;
            hand.hung_up().await;
        })
        .await;
        check(&failure(&server, &options(transport)).await, "took too long", true);
    }
    // A body that never begins, and a WebSocket on which nothing is said.
    let server = HandServer::start(async |mut hand| {
        hand.head().await;
        hand.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n").await;
        hand.hung_up().await;
    })
    .await;
    check(&failure(&server, &options(WebTransport::Polling)).await, "took too long", true);
    let server = HandServer::start(async |mut hand| {
        let head = hand.head().await;
        hand.accept(&head).await;
        hand.hung_up().await;
    })
    .await;
    let error = failure(&server, &options(WebTransport::WebSocket)).await;
    check(&error, "the first packet of the server took too long", true);
}

#[tokio::test]
async fn websockets_that_are_wrong() {
    type Serve = fn(Hand) -> futures_util::future::BoxFuture<'static, ()>;
    macro_rules! serving {
        ($hand:ident, $($act:stmt)*) => {
            (|mut $hand| Box::pin(async move {
                let head = $hand.head().await;
                $hand.accept(&head).await;
                $($act)*
                $hand.hung_up().await;
            })) as Serve
        };
    }
    let wrong_key = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n";
    let server = HandServer::answering(wrong_key).await;
    check(&failure(&server, &options(WebTransport::WebSocket)).await, "its key is wrong", false);
    for (serve, words, is_temporary) in [
        (serving!(hand, hand.text("<html>").await), "begins with `<html>`", false),
        (serving!(hand, hand.text("0{}").await), "no session", false),
        (serving!(hand, hand.frame(2, b"0{}").await), "begins with `0{}`", false),
        (serving!(hand, hand.write(b"\x81\x850000").await), "masked, in pieces or too large", false),
        (serving!(hand, hand.write(b"\x01\x010").await), "masked, in pieces or too large", false),
        (
            serving!(hand, hand.write(b"\x81\x7f\0\0\0\0\x40\0\0\0").await),
            "masked, in pieces or too large",
            false,
        ),
        (serving!(hand, hand.write(b"\xf1\x010").await), "breaks the rules of WebSockets", false),
        (serving!(hand, hand.write(b"\x81\x03\xff\xff\xff").await), "begins with", false),
        (serving!(hand, hand.frame(8, b"\x03\xe8full").await), "before its first packet: full", true),
        (
            (|mut hand| {
                Box::pin(async move {
                    let head = hand.head().await;
                    hand.accept(&head).await;
                })
            }) as Serve,
            "closed the WebSocket before its first packet",
            true,
        ),
    ] {
        let server = HandServer::start(serve).await;
        check(&failure(&server, &options(WebTransport::WebSocket)).await, words, is_temporary);
    }
}

#[tokio::test]
async fn nobody_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let there: SocketAddr = listener.local_addr().unwrap();
    drop(listener);
    let address = address(&format!("http://{there}"));
    let error = open(&address, &WebOptions::default()).await.unwrap_err();
    let ConnectError::Web { address: shown, source } = error else { panic!("{error:?}") };
    assert_eq!(shown, format!("http://{there}/socket.io/"));
    assert!(source.is_temporary() && source.to_string().contains("refused"), "{source}");
}
