//! `tls://`: who is trusted, what is shared on one port, and what an attacker meets.
#![cfg(feature = "tls")]
#![allow(missing_docs)]

mod authority;
mod flood;
mod hostile;
mod http;
mod known;
mod reload;
mod trust;

use std::sync::Mutex;
use std::time::Duration;

use jidda::State;
use jidda::peer::{Address, Handshake, Security};
use jidda::prelude::*;
use jidda::tls::{TlsClient, TlsServer};
use tokio::net::TcpStream;

/// Far longer than anything takes.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Why sockets left, in order.
#[derive(Default)]
pub(crate) struct Journal(Mutex<Vec<String>>);

impl Journal {
    pub(crate) async fn wait_for(&self, line: &str) {
        let found = || self.0.lock().unwrap().iter().any(|other| other == line);
        eventually(async || found()).await;
    }
}

/// Waits until it is so.
pub(crate) async fn eventually(is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LIMIT, waiting).await.expect("it comes to be");
}

#[on("connect")]
async fn enter(socket: &Socket) -> jidda::Result<()> {
    Ok(socket.join("all").await?)
}

#[on("disconnect")]
async fn leave(journal: &State<Journal>, reason: DisconnectReason) {
    journal.0.lock().unwrap().push(reason.to_string());
}

#[on]
async fn double(n: i64) -> i64 {
    n * 2
}

#[on]
async fn again(text: String, times: usize) -> String {
    text.repeat(times)
}

/// How the caller came, and the first certificate that it proved to own.
#[on]
async fn proof(handshake: &Handshake) -> (String, Option<Vec<u8>>) {
    let certificate = match &handshake.security {
        Some(Security::Tls { certificates }) => certificates.first().map(|one| one.to_vec()),
        other => panic!("{other:?}"),
    };
    (handshake.transport.to_string(), certificate)
}

/// One that has no address yet.
pub(crate) fn clear() -> jidda::server::ServerBuilder {
    Server::builder().state(Journal::default())
}

pub(crate) fn builder(tls: TlsServer) -> jidda::server::ServerBuilder {
    clear().listen("tls://127.0.0.1:0").tls(tls)
}

pub(crate) async fn start(tls: TlsServer) -> Server {
    builder(tls).start().await.expect("a free port")
}

/// The host and port of the server's first address.
pub(crate) fn authority(server: &Server) -> String {
    match &server.addresses()[0] {
        Address::Tls(authority) | Address::Tcp(authority) => authority.clone(),
        other => panic!("{other}"),
    }
}

pub(crate) async fn tcp(server: &Server) -> TcpStream {
    TcpStream::connect(authority(server)).await.expect("the server listens")
}

pub(crate) fn client(server: &Server, tls: TlsClient) -> jidda::client::ClientBuilder {
    Client::builder(server.addresses()[0].to_string()).tls(tls).connect_timeout(LIMIT)
}

/// Why there is no connection.
pub(crate) async fn refusal(server: &Server, tls: TlsClient) -> String {
    let error = client(server, tls).no_reconnect().connect().await.expect_err("it is refused");
    assert!(matches!(error, jidda::error::ConnectError::Io { .. }), "{error:?}");
    // With its sources.
    jidda::Error::from(error).to_string()
}

/// The server takes this client in, and its calls are answered.
pub(crate) async fn is_served(server: &Server, tls: &TlsClient) {
    let client = client(server, tls.clone()).connect().await.expect("it is let in");
    assert_eq!(double::call(&client, 21).await.unwrap(), 42);
    client.disconnect().await;
}
