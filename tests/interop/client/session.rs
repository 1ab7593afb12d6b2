//! What one scenario does with its clients.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jidda::Client;
use jidda::client::{Backoff, ClientBuilder, WebTransport};
use jidda::payload::Value;
use jidda::socketio::Parser;
use serde::Serialize;

use crate::inbox::Inbox;
use crate::target::{Ability, Target};

/// As much as any message of a scenario, and its frame, in base64.
pub(crate) const LIMIT: usize = 4_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Polling,
    WebSocket,
    /// From polling to a WebSocket.
    Upgrade,
}

/// A server, and how it is reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) target: Target,
    pub(crate) transport: Transport,
    pub(crate) is_msgpack: bool,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parser = if self.is_msgpack { " msgpack" } else { "" };
        write!(f, "{} {:?}{parser}", self.target.name, self.transport)
    }
}

impl Setting {
    pub(crate) fn all(target: Target) -> Vec<Self> {
        let parsers = if target.has(Ability::MessagePack) { [false, true].as_slice() } else { &[false] };
        let transports = [Transport::Polling, Transport::WebSocket, Transport::Upgrade];
        let with = |&is_msgpack: &bool| transports.map(|transport| Self { target, transport, is_msgpack });
        parsers.iter().flat_map(with).collect()
    }

    pub(crate) fn server_options(&self) -> Vec<&'static str> {
        let mut options = vec!["--limit", "4000000"];
        if self.is_msgpack {
            options.extend(["--parser", "msgpack"]);
        }
        options
    }

    /// A client that says who it is, in the way of the protocol's version.
    pub(crate) fn builder(&self, url: &str, token: Option<&str>) -> ClientBuilder {
        let mut builder = Client::builder(url)
            .max_message(LIMIT)
            .reconnect(Backoff::default().first(Duration::from_millis(10)).limit(Duration::from_millis(50)))
            .transports(match self.transport {
                Transport::Polling => vec![WebTransport::Polling],
                Transport::WebSocket => vec![WebTransport::WebSocket],
                Transport::Upgrade => vec![WebTransport::Polling, WebTransport::WebSocket],
            });
        if self.is_msgpack {
            builder = builder.parser(Parser::MessagePack);
        }
        if let Some(token) = token {
            builder = if self.target.has(Ability::Auth) {
                builder.auth(&Token { token: token.to_owned() })
            } else {
                builder.query("token", token)
            };
        }
        builder
    }
}

/// What a client says of itself.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Token {
    pub(crate) token: String,
}

/// One scenario's clients and names.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) setting: Setting,
    pub(crate) address: String,
}

impl Session {
    pub(crate) fn new(setting: Setting, address: String) -> Self {
        Self { setting, address }
    }

    /// The same with another server, or with another way to this one.
    pub(crate) fn at(&self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self.clone() }
    }

    pub(crate) fn has(&self, ability: Ability) -> bool {
        self.setting.target.has(ability)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn builder(&self, token: Option<&str>) -> ClientBuilder {
        self.setting.builder(&self.url(), token)
    }

    pub(crate) async fn connect(&self) -> jidda::Result<Client> {
        self.connect_as("ada").await
    }

    pub(crate) async fn connect_as(&self, token: &str) -> jidda::Result<Client> {
        Ok(self.builder(Some(token)).connect().await?)
    }

    /// A client that sees which sockets leave.
    pub(crate) async fn watch(&self) -> jidda::Result<Watch> {
        let client = self.connect_as("watcher").await?;
        let left = Inbox::new(&client.root(), "left");
        client.call::<()>("watch", &()).await?;
        Ok(Watch { _client: client, left })
    }
}

/// A name that no other scenario uses.
pub(crate) fn unique(kind: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!("{kind} {}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Sees which sockets leave, and why.
pub(crate) struct Watch {
    _client: Client,
    left: Inbox,
}

impl Watch {
    /// Why the socket with this token left its namespace, as the server says.
    pub(crate) async fn reason(&mut self, token: &str) -> Value {
        loop {
            let left = self.left.first().await;
            if entry(&left, "token").as_str() == Some(token) {
                return entry(&left, "reason");
            }
        }
    }
}

/// A value of a map.
pub(crate) fn entry(map: &Value, name: &str) -> Value {
    let entries = map.as_map().into_iter().flatten();
    entries
        .filter(|(key, _)| key.as_str() == Some(name))
        .map(|(_, value)| value.clone())
        .next()
        .unwrap_or(Value::Nil)
}
