//! An axum router and a server on one port: as the fallback of the server, and the other way round.
#![allow(missing_docs)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/http.rs"]
mod http;
#[path = "support/peer.rs"]
mod peer;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::routing::get;
use axum::{Extension, Router};
use handlers::{ECHO, builder};
use http::Http;
use jidda_runtime::{Resource, Server};
use peer::Peer;
use tokio::net::TcpListener;

#[tokio::test]
async fn a_router_has_the_server_among_the_extensions() {
    let count = get(async |Extension(server): Extension<Server>| server.count().to_string());
    let router = Router::new().route("/count", count);
    let (builder, ..) = builder([&ECHO]);
    let server = builder.http_fallback(router).start().await.unwrap();
    let _native = Peer::joined(&server, "/").await;
    let mut http = Http::connect(&peer::address(&server)).await;
    assert_eq!(http.get("/count").await.is(), (200, "1"));
}

#[tokio::test]
async fn a_router_that_holds_the_server_is_given_to_it_and_dropped_at_its_end() {
    let (builder, ..) = builder([&ECHO]);
    let server = builder.build().unwrap();
    let life = Arc::new(());
    let state = (server.clone(), Arc::clone(&life));
    let count = get(async |State((server, _)): State<(Server, Arc<()>)>| server.count().to_string());
    server.http_fallback(Router::new().route("/count", count).with_state(state));
    server.listen().await.unwrap();
    let mut http = Http::connect(&peer::address(&server)).await;
    assert_eq!(http.get("/count").await.is(), (200, "0"));
    drop(http);
    server.shutdown(Duration::ZERO).await;
    assert_eq!(Arc::strong_count(&life), 1);
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn the_address_of_the_peer_crosses_in_both_directions() {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;

    let who = get(async |ConnectInfo(address): ConnectInfo<SocketAddr>| address.to_string());
    let (fallback, ..) = builder([&ECHO]);
    let server = fallback.http_fallback(Router::new().route("/who", who)).start().await.unwrap();
    let mut http = Http::connect(&peer::address(&server)).await;
    let answer = http.get("/who").await;
    assert!(answer.text().starts_with("127.0.0.1:"), "{}", answer.text());

    let (hosted, ..) = builder([&ECHO]);
    let server = hosted.resource(Resource::raw("/raw")).build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let router = Router::new().fallback_service(server.http_service());
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let mut http = Http::connect(&authority).await;
    assert_eq!(http.get("/raw/?EIO=4&transport=polling").await.status, 200);
    let address = server.sockets()[0].peer().to_string();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
}

#[tokio::test]
async fn axum_ends_with_the_server() {
    let (builder, ..) = builder([&ECHO]);
    let server = builder.resource(Resource::raw("/raw")).build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let router = Router::new().fallback_service(server.http_service());
    let end = server.shutdown_on_signal();
    let serving =
        tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(end).await });
    let mut http = Http::connect(&authority).await;
    assert_eq!(http.get("/raw/?EIO=4&transport=polling").await.status, 200);
    server.shutdown(Duration::from_secs(5)).await;
    serving.await.unwrap().unwrap();
}
