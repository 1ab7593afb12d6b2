//! Whether a server is alive and ready, as it tells over HTTP.
// A handler takes its context by value, as generated ones do.
#![allow(missing_docs, clippy::needless_pass_by_value)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/http.rs"]
mod http;
#[path = "support/peer.rs"]
mod peer;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use handlers::WAIT;
use http::Http;
use jidda_runtime::{Error, Result, Server, ServerBuilder};
use peer::{Peer, eventually, request};

fn builder() -> ServerBuilder {
    let fallback = Router::new().fallback(any(async || "the fallback"));
    handlers::builder([&WAIT]).0.health("/healthz", "/readyz").http_fallback(fallback)
}

async fn connect(server: &Server) -> Http {
    Http::connect(&peer::address(server)).await
}

#[tokio::test]
async fn it_is_alive_and_ready() {
    let server = builder().start().await.unwrap();
    let mut http = connect(&server).await;
    for (path, body) in [("/healthz", r#"{"status":"ok"}"#), ("/readyz", r#"{"status":"ready"}"#)] {
        let answer = http.get(path).await;
        assert_eq!(answer.is(), (200, body));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let answer = http.get(&format!("{path}?from=probe")).await;
        assert_eq!(answer.status, 200);
    }
    let answer = http.request("POST", "/readyz", &[], "").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
    assert_eq!(http.get("/readyz/").await.is(), (200, "the fallback"));
    http.send("HEAD /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    let head = String::from_utf8(http.rest().await).unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
}

#[tokio::test]
async fn a_check_that_fails_makes_it_unready_and_leaks_nothing() {
    let runs = Arc::new(AtomicUsize::new(0));
    let seen = Arc::new(AtomicUsize::new(0));
    let (counted, reported) = (Arc::clone(&runs), Arc::clone(&seen));
    let server = builder()
        .ready_check("cache", || async { Ok::<_, Error>(()) })
        .ready_check("disk", move || {
            counted.fetch_add(1, SeqCst);
            async { Err(std::io::Error::other("the secret path is gone")) }
        })
        .ready_check("queue", || async { Err(Error::new("behind", "12 minutes behind")) })
        .ready_check("panics", || async { if true { panic!("a secret") } else { Ok::<_, Error>(()) } })
        .ready_check("slow", std::future::pending::<Result<()>>)
        .ready_timeout(Duration::from_millis(20))
        .on_error(move |report| {
            assert!(report.event().is_some());
            reported.fetch_add(1, SeqCst);
        })
        .start()
        .await
        .unwrap();
    let mut http = connect(&server).await;
    assert_eq!(http.get("/healthz").await.status, 200);
    let answer = http.get("/readyz").await;
    assert_eq!(answer.status, 503);
    let text = answer.text();
    assert!(
        text.starts_with(r#"{"status":"failing","checks":{"cache":{"ok":true},"disk":{"ok":false,"#),
        "{text}"
    );
    assert!(text.contains(r#""code":"behind","message":"12 minutes behind""#), "{text}");
    assert!(text.contains(r#""slow":{"ok":false,"code":"timeout""#), "{text}");
    assert!(!text.contains("secret"), "{text}");
    assert_eq!(seen.load(SeqCst), 4);
    // Whoever asks again at once is told the same, and runs nothing.
    let (mut a, mut b) = (connect(&server).await, connect(&server).await);
    let before = runs.load(SeqCst);
    tokio::join!(a.get("/readyz"), b.get("/readyz"));
    assert!(runs.load(SeqCst) <= before + 1);
}

#[tokio::test]
async fn one_that_drains_is_alive_and_not_ready() {
    let (builder, journal, gate) = handlers::builder([&WAIT]);
    let server = builder.health("/healthz", "/readyz").start().await.unwrap();
    let mut http = connect(&server).await;
    assert_eq!(http.get("/readyz").await.status, 200);
    let mut peer = Peer::joined(&server, "/").await;
    peer.send(&request(1, "wait", vec![])).await;
    eventually("the handler runs", || journal.len() == 1).await;
    let stopping = tokio::spawn({
        let server = server.clone();
        async move { server.shutdown(Duration::from_secs(60)).await }
    });
    server.stopping().await;
    assert_eq!(http.get("/readyz").await.is(), (503, r#"{"status":"draining"}"#));
    assert_eq!(http.get("/healthz").await.status, 200);
    gate.open();
    assert!(stopping.await.unwrap());
}

#[tokio::test]
async fn the_error_says_that_another_server_has_the_port() {
    let (builder, _, _) = handlers::builder([&WAIT]);
    let server = builder.health("/healthz", "/readyz").start().await.unwrap();
    let app = Router::new().fallback_service(server.http_service());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, app).await });
    assert_eq!(Http::connect(&authority).await.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn wrong_settings_are_reported_at_start() {
    let error = async |builder: ServerBuilder| builder.start().await.unwrap_err().to_string();
    let (builder, _, _) = handlers::builder([&WAIT]);
    let text = error(builder.ready_check("db", || async { Ok::<_, Error>(()) })).await;
    assert!(text.contains("add `.health(..)`"), "{text}");
    let (builder, _, _) = handlers::builder([&WAIT]);
    assert!(error(builder.health("/a", "/a")).await.contains("needs two paths"));
    let (builder, _, _) = handlers::builder([&WAIT]);
    assert!(error(builder.health("a", "/b")).await.contains("has to begin with `/`"));
    let (builder, _, _) = handlers::builder([&WAIT]);
    assert!(error(builder.health("/socket.io/live", "/b")).await.contains("belongs to a resource"));
}
