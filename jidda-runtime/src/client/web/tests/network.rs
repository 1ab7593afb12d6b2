//! The network as it is: proxies, TLS, redirects, cookies, logins, compression, and servers that can do less.

use std::net::Ipv6Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::server::{Hand, HandServer, header};
use super::*;
use crate::client::web::options::ProxyChoice;

const LIMIT: Duration = Duration::from_secs(60);
const OPEN: &str =
    r#"0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

fn polling() -> WebOptions {
    WebOptions { transports: vec![WebTransport::Polling], ..WebOptions::default() }
}

/// A server that opens a session by any transport.
async fn good_server() -> HandServer {
    HandServer::start(async |mut hand| {
        let head = hand.head().await;
        welcome(&mut hand, &head).await;
        hand.hung_up().await;
    })
    .await
}

async fn welcome(hand: &mut Hand, head: &str) {
    if head.contains("transport=websocket") {
        hand.accept(head).await;
        hand.text(OPEN).await;
    } else {
        hand.respond("200 OK", OPEN).await;
    }
}

/// Connects to `server`, whatever it was asked for, and passes all bytes on.
async fn pass_on(hand: &mut Hand, server: &str) {
    let mut to = TcpStream::connect(server).await.unwrap();
    let _ = copy_bidirectional(&mut hand.stream, &mut to).await;
}

/// A proxy of HTTP that has a name and a password.
async fn http_proxy(server: String) -> HandServer {
    HandServer::start(move |mut hand| {
        let server = server.clone();
        async move {
            let head = hand.head().await;
            if head.is_empty() {
                return;
            }
            if header(&head, "proxy-authorization") != Some("Basic bWU6c2VjcmV0") {
                return hand.respond("407 Proxy Authentication Required", "").await;
            }
            if head.starts_with("CONNECT ") {
                hand.write("HTTP/1.1 200 Connection established\r\n\r\n").await;
                return pass_on(&mut hand, &server).await;
            }
            // The whole address is in the request.
            assert!(head.starts_with("GET http://nowhere.test/socket.io/?EIO=4"), "{head}");
            hand.respond("200 OK", OPEN).await;
            hand.hung_up().await;
        }
    })
    .await
}

#[tokio::test]
async fn proxies_of_http_tunnel_websockets_and_pass_polls_on() {
    let server = good_server().await;
    let proxy = http_proxy(server.authority.clone()).await;
    let through = |login: &str| ProxyChoice::Address(format!("http://{login}{}", proxy.authority));
    let nowhere = address("http://nowhere.test");
    for transport in [WebTransport::WebSocket, WebTransport::Polling] {
        let options =
            WebOptions { transports: vec![transport], proxy: through("me:secret@"), ..WebOptions::default() };
        let opened = timeout(LIMIT, open(&nowhere, &options)).await.unwrap().unwrap();
        assert_eq!(&*opened.handshake.sid, "abc");
        let options = WebOptions { proxy: through(""), ..options };
        let refused = sentence(&open(&nowhere, &options).await.unwrap_err());
        assert!(refused.contains("http://name:password@host:port"), "{refused}");
    }
    assert!(proxy.heads()[0].starts_with("CONNECT nowhere.test:80 HTTP/1.1\r\n"), "{:?}", proxy.heads());
    assert!(
        server.heads()[0].contains("Host: nowhere.test") || server.heads()[0].contains("host: nowhere.test")
    );
}

#[tokio::test]
async fn proxies_that_cannot_be_used_are_named() {
    let closed = HandServer::answering("").await.authority;
    for (proxy, words, is_temporary) in [
        (format!("http://{closed}"), format!("the proxy {closed}"), true),
        (format!("socks5h://{closed}"), format!("the proxy {closed}"), true),
        ("ftp://me:secret@a:1".to_owned(), "`a:1` is not the address of a proxy".to_owned(), false),
        ("https://a:1".to_owned(), "cannot be reached".to_owned(), true),
    ] {
        let options = WebOptions { proxy: ProxyChoice::Address(proxy), ..WebOptions::default() };
        let error = open(&address("http://nowhere.test"), &options).await.unwrap_err();
        let ConnectError::Web { source, .. } = error else { panic!("{error:?}") };
        assert!(source.to_string().contains(&words) && !source.to_string().contains("secret"), "{source}");
        assert_eq!(source.is_temporary(), is_temporary, "{source}");
    }
}

#[tokio::test]
async fn socks_proxies_look_names_up() {
    let server = good_server().await;
    let authority = server.authority.clone();
    let proxy = HandServer::start(move |mut hand| {
        let server = authority.clone();
        async move {
            let mut greeting = [0; 3];
            hand.stream.read_exact(&mut greeting).await.unwrap();
            assert_eq!(greeting, [5, 1, 2], "a name and a password");
            hand.stream.write_all(&[5, 2]).await.unwrap();
            let mut login = [0; 11];
            hand.stream.read_exact(&mut login).await.unwrap();
            assert_eq!(&login, b"\x01\x02me\x06secret");
            hand.stream.write_all(&[1, 0]).await.unwrap();
            let mut request = [0; 19];
            hand.stream.read_exact(&mut request).await.unwrap();
            assert_eq!(&request, b"\x05\x01\x00\x03\x0cnowhere.test\x00\x50");
            hand.stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
            pass_on(&mut hand, &server).await;
        }
    })
    .await;
    let proxy = ProxyChoice::Address(format!("socks5h://me:secret@{}", proxy.authority));
    for transport in [WebTransport::WebSocket, WebTransport::Polling] {
        let options =
            WebOptions { transports: vec![transport], proxy: proxy.clone(), ..WebOptions::default() };
        let opened = timeout(LIMIT, open(&address("http://nowhere.test"), &options)).await.unwrap();
        assert_eq!(&*opened.unwrap().handshake.sid, "abc");
    }
}

/// What [`the_environment_names_a_proxy`] runs with an environment of its own.
#[tokio::test]
#[ignore = "needs the environment of another test"]
async fn with_a_proxy_of_the_environment() {
    let opened = open(&address("http://nowhere.test"), &WebOptions::default()).await.unwrap();
    assert_eq!(&*opened.handshake.sid, "abc");
    // This machine, and what the environment excepts, is reached straight.
    for host in ["127.0.0.1:1", "localhost:1", "[::1]:1", "other.invalid:1"] {
        let error = open(&address(&format!("http://{host}")), &WebOptions::default()).await.unwrap_err();
        assert!(!sentence(&error).contains("proxy 127"), "{host}: {error:?}");
    }
    let direct = WebOptions { proxy: ProxyChoice::Direct, ..WebOptions::default() };
    assert!(open(&address("http://nowhere.test"), &direct).await.is_err());
}

#[tokio::test]
async fn the_environment_names_a_proxy() {
    let server = good_server().await;
    let proxy = http_proxy(server.authority.clone()).await;
    let test = "client::web::tests::network::with_a_proxy_of_the_environment";
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", test]).env_remove("REQUEST_METHOD");
    command
        .env("HTTP_PROXY", format!("http://me:secret@{}", proxy.authority))
        .env("NO_PROXY", "other.invalid");
    let run = tokio::task::spawn_blocking(move || command.output());
    let output = timeout(LIMIT, run).await.unwrap().unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
async fn redirects_are_followed_and_remembered_by_the_session() {
    let server = good_server().await;
    let to = format!("http://{}/moved/?EIO=4&transport=polling&x=1", server.authority);
    let first = HandServer::answering(format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"
    ))
    .await;
    for transport in [WebTransport::WebSocket, WebTransport::Polling] {
        let options = WebOptions { transports: vec![transport], ..WebOptions::default() };
        let opened =
            open(&address(&format!("http://me:secret@{}", first.authority)), &options).await.unwrap();
        assert_eq!(&*opened.handshake.sid, "abc");
    }
    let heads = server.heads();
    assert!(heads[0].starts_with("GET /moved/?EIO=4&transport=websocket&x=1 "), "{heads:?}");
    assert!(heads[1].starts_with("GET /moved/?EIO=4&transport=polling&t=0&x=1 "), "{heads:?}");
    assert!(heads.iter().all(|head| header(head, "authorization").is_none()), "{heads:?}");
    assert_eq!(header(&first.heads()[0], "authorization"), Some("Basic bWU6c2VjcmV0"));
}

#[tokio::test]
async fn cookies_are_kept_when_the_connection_is_made_again() {
    let server = HandServer::start(async |mut hand| {
        hand.head().await;
        hand.write(format!(
            "HTTP/1.1 200 OK\r\nSet-Cookie: lb=3; Path=/\r\nContent-Length: {}\r\n\r\n{OPEN}",
            OPEN.len()
        ))
        .await;
        hand.hung_up().await;
    })
    .await;
    let options = polling();
    let address = address(&format!("http://{}", server.authority));
    for cookie in [None, Some("lb=3"), Some("lb=3")] {
        drop(open(&address, &options).await.unwrap());
        let heads = server.heads();
        let handshakes: Vec<_> = heads.iter().filter(|head| !head.contains("sid=")).collect();
        assert_eq!(header(handshakes.last().unwrap(), "cookie"), cookie, "{heads:?}");
    }
    drop(open(&address, &options.for_connection()).await.unwrap());
    let heads = server.heads();
    let last = heads.iter().rfind(|head| !head.contains("sid=")).unwrap();
    assert_eq!(header(last, "cookie"), None, "another connection has its own");
}

#[tokio::test]
async fn headers_and_logins_are_in_each_request() {
    let server = good_server().await;
    let headers = [("authorization", "Bearer token"), ("x-tenant", "blue")];
    let headers = headers.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    let options = WebOptions { headers: headers.collect(), ..polling() };
    let _opened = open(&address(&format!("http://{}", server.authority)), &options).await.unwrap();
    let polled = async {
        while server.heads().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    // The server by hand hears one request on a connection: the next poll is another.
    let _ = timeout(Duration::from_millis(200), polled).await;
    for head in server.heads() {
        assert_eq!(header(&head, "authorization"), Some("Bearer token"));
        assert_eq!(header(&head, "x-tenant"), Some("blue"));
        assert!(header(&head, "user-agent").unwrap().starts_with("jidda/"));
    }
}

#[tokio::test]
async fn cookies_of_the_program_and_of_the_server_share_a_header() {
    let set = "HTTP/1.1 302 Found\r\nSet-Cookie: lb=3; Path=/\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
    let server = HandServer::answering(set).await;
    let headers = [("cookie".parse().unwrap(), "own=1".parse().unwrap())].into_iter().collect();
    let options = WebOptions { headers, redirects: 1, ..polling() };
    open(&address(&format!("http://{}", server.authority)), &options).await.unwrap_err();
    let heads = server.heads();
    assert_eq!(header(&heads[0], "cookie"), Some("own=1"));
    assert_eq!(header(&heads[1], "cookie"), Some("own=1; lb=3"));
}

#[tokio::test]
async fn settings_that_cannot_be_are_refused_before_anything_is_asked() {
    let builder = || crate::Client::builder("http://127.0.0.1:1");
    for (builder, words) in [
        (builder().header("bad name", "x"), "it is no name of a header"),
        (builder().header("x", "line\nbreak"), "characters that no header may have"),
        (builder().header("Upgrade", "x"), "the client itself sends this header"),
        (builder().header("sec-websocket-key", "x"), "the client itself sends this header"),
        (builder().bearer_auth("a\nb"), "no line breaks"),
        (builder().query("EIO", "3"), "the client itself says this"),
        (builder().transports([]), "there is at least one"),
    ] {
        let error = builder.connect().await.unwrap_err();
        assert!(matches!(error, ConnectError::Invalid(_)) && error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn compressed_responses_are_read() {
    use std::io::Write;

    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(OPEN.as_bytes()).unwrap();
    let body = gzip.finish().unwrap();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len());
    let server = HandServer::answering([head.as_bytes(), &body].concat()).await;
    let opened = open(&address(&format!("http://{}", server.authority)), &polling()).await.unwrap();
    assert_eq!(&*opened.handshake.sid, "abc");
    assert_eq!(header(&server.heads()[0], "accept-encoding"), Some("gzip, deflate"));
}

#[tokio::test]
async fn addresses_of_the_sixth_version_are_reached() {
    let Ok(listener) = tokio::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await else {
        // A machine without that family of addresses has nothing to test.
        return;
    };
    let authority = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = vec![0; 4096];
        let count = stream.read(&mut head).await.unwrap();
        let body = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{OPEN}", OPEN.len());
        stream.write_all(body.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&head[..count]).into_owned()
    });
    let opened = open(&address(&format!("http://{authority}")), &polling()).await.unwrap();
    assert_eq!(&*opened.handshake.sid, "abc");
    assert_eq!(header(&serving.await.unwrap(), "host"), Some(&*authority.to_string()));
}

#[tokio::test]
async fn a_refused_version_is_followed_by_the_earlier_one_which_is_remembered() {
    for (refusal, transport) in [
        ("{\"code\":5,\"message\":\"Unsupported protocol version\"}", WebTransport::Polling),
        ("Unsupported protocol version", WebTransport::WebSocket),
        (
            "\"The client is using an unsupported version of the Socket.IO or Engine.IO protocols\"",
            WebTransport::Polling,
        ),
    ] {
        let server = HandServer::start(move |mut hand| async move {
            let head = hand.head().await;
            if head.contains("EIO=4") {
                return hand.respond("400 Bad Request", refusal).await;
            }
            if head.contains("transport=websocket") {
                hand.accept(&head).await;
                hand.text(OPEN).await;
            } else {
                let body = format!("{}:{OPEN}2:40", OPEN.len());
                hand.respond("200 OK", body).await;
            }
            hand.hung_up().await;
        })
        .await;
        let options = WebOptions { transports: vec![transport], ..WebOptions::default() };
        let address = address(&format!("http://{}", server.authority));
        for asked in [2, 3] {
            assert_eq!(open(&address, &options).await.unwrap().version, Version::V3, "{refusal}");
            let handshakes = server.heads().iter().filter(|head| !head.contains("sid=")).count();
            assert_eq!(handshakes, asked, "it is not asked for version 4 again");
        }
        let wrong = WebOptions { version: Some(Version::V4), ..options.for_connection() };
        let error = sentence(&open(&address, &wrong).await.unwrap_err());
        assert!(error.contains("another version of Engine.IO"), "{error}");
    }
}

#[tokio::test]
async fn without_websockets_there_is_polling_which_is_remembered() {
    let server = HandServer::start(async |mut hand| {
        let head = hand.head().await;
        if head.contains("transport=websocket") {
            // A proxy that knows no WebSockets.
            return hand.respond("502 Bad Gateway", "<html>").await;
        }
        welcome(&mut hand, &head).await;
        hand.hung_up().await;
    })
    .await;
    let (address, options) = (address(&format!("http://{}", server.authority)), WebOptions::default());
    for tries in [1, 1] {
        let opened = open(&address, &options).await.unwrap();
        assert_eq!(opened.transport, Transport::Polling);
        let tried = server.heads().iter().filter(|head| head.contains("transport=websocket")).count();
        assert_eq!(tried, tries, "it is tried once");
    }
}

#[tokio::test]
async fn what_worked_may_work_again() {
    let server = good_server().await;
    let options = polling();
    drop(open(&address(&format!("http://{}", server.authority)), &options).await.unwrap());
    // What stands in its place while it is deployed anew.
    let page = HandServer::answering("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>").await;
    let page = address(&format!("http://{}", page.authority));
    for (options, is_temporary) in [(options, true), (polling(), false)] {
        let ConnectError::Web { source, .. } = open(&page, &options).await.unwrap_err() else { panic!() };
        assert_eq!(source.is_temporary(), is_temporary, "{source}");
    }
}
