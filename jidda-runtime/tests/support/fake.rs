//! A server that says what a test wants it to: a listener and a `MessagePack` library, nothing of jidda's.
// Each test file uses its own part of it.
#![allow(dead_code, unreachable_pub, missing_debug_implementations)]

use std::time::Duration;

use jidda_runtime::{Backoff, Client, ClientBuilder, Value};
use tokio::net::TcpListener;

use crate::peer::{LIMIT, Peer, response};

pub struct Fake {
    pub listener: TcpListener,
}

impl Fake {
    pub async fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub fn client(&self) -> ClientBuilder {
        let backoff = Backoff::default().first(Duration::from_millis(1)).limit(Duration::from_millis(10));
        Client::builder(self.listener.local_addr().unwrap().to_string()).reconnect(backoff)
    }

    pub async fn accept(&self) -> Peer {
        let accepted = tokio::time::timeout(LIMIT, self.listener.accept()).await;
        Peer::over(accepted.expect("the client comes").unwrap().0)
    }

    /// Accepts one client and lets it in.
    pub async fn welcome(&self) -> Peer {
        self.welcome_with(1_000_000).await
    }

    /// The same, and says that it takes messages of so many bytes.
    pub async fn welcome_with(&self, max_message: u32) -> Peer {
        let mut peer = self.accept().await;
        hello_with(&mut peer, max_message).await;
        let join = peer.receive().await.expect("a wish to join");
        assert_eq!(join[2], "$/connect".into(), "{join}");
        peer.send(&response(number(&join), granted())).await;
        peer
    }
}

pub fn number(message: &Value) -> u32 {
    u32::try_from(message[1].as_u64().expect("a number")).unwrap()
}

pub fn granted() -> Value {
    Value::Map(vec![("id".into(), "AAAAAAAAAAAAAAAAAAAA".into())])
}

pub fn welcome(max_message: u32) -> Value {
    Value::Map(vec![
        ("wire".into(), 1.into()),
        ("session".into(), "s".into()),
        ("heartbeat".into(), 25_000.into()),
        ("timeout".into(), 20_000.into()),
        ("max_message".into(), max_message.into()),
    ])
}

pub async fn hello(peer: &mut Peer) {
    hello_with(peer, 1_000_000).await;
}

pub async fn hello_with(peer: &mut Peer, max_message: u32) {
    let hello = peer.receive().await.expect("a hello");
    assert_eq!(hello[2], "$/hello".into(), "{hello}");
    peer.send(&response(number(&hello), welcome(max_message))).await;
}
