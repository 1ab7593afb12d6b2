//! What the log says of refused credentials, and what it never says. A program of its own: the log is the process's.
#![allow(missing_docs)]

#[path = "socket_io/client.rs"]
#[allow(dead_code)]
mod client;

use std::io::Write;
use std::sync::{Arc, Mutex};

use client::Peer;
use jidda::auth::{Identity, Password};
use jidda::{Client, Server};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_refusal_is_logged_without_what_was_shown() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(lines.clone());
    subscriber.init();
    let users = Password::new(async |user: String, password: String| {
        Ok((user == password).then(|| Identity::new(user)))
    });
    let server = Server::builder().listen("127.0.0.1:0").authenticator(users).start().await.unwrap();
    let address = server.addresses()[0].to_string();
    let credentials = json!({ "user": "ada", "password": "hunter2" });
    Client::builder(&address).credentials(&credentials).connect().await.unwrap_err();
    let mut peer = Peer::open(&server).await;
    peer.say(r#"40{"user":"ada","password":"hunter2"}"#).await;
    assert!(peer.text().await.starts_with("44"));
    let client = Client::builder(&address).credentials(&json!({ "user": "ada", "password": "ada" }));
    let client = client.connect().await.unwrap();
    client.authenticate(&credentials).await.unwrap_err();
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let refusals = text.lines().filter(|line| line.contains("refused a peer's credentials")).count();
    assert_eq!(refusals, 3, "{text}");
    assert!(
        text.contains("unauthenticated") && text.contains("msgpack-rpc") && text.contains("socket.io/5"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
}
