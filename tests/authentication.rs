//! Who a peer is: found out before any handler runs for it, on every wire.
#![allow(missing_docs)]

#[path = "socket_io/client.rs"]
#[allow(dead_code)]
mod client;

#[path = "authentication/native.rs"]
mod native;
#[path = "authentication/peer.rs"]
mod peer;
#[path = "authentication/renewal.rs"]
mod renewal;
#[path = "authentication/socket_io.rs"]
mod socket_io;
#[cfg(feature = "jwt")]
#[path = "authentication/tokens.rs"]
mod tokens;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jidda::auth::{Authenticator, Identity, Password};
use jidda::payload::Value;
use jidda::peer::Handshake;
use jidda::server::ServerBuilder;
use jidda::{Error, Result, Server, Socket, on};
use tokio::sync::Notify;

struct Guarded;

#[on("connect", app = Guarded)]
async fn connect(_socket: &Socket) {}

#[on("connect", namespace = "/other", app = Guarded)]
async fn connect_other(_socket: &Socket) {}

#[on(app = Guarded)]
async fn who(identity: &Identity) -> String {
    identity.name().to_owned()
}

#[on("who", namespace = "/other", app = Guarded)]
async fn who_else(identity: &Identity) -> String {
    identity.name().to_owned()
}

#[on(app = Guarded)]
async fn now() {}

#[on(app = Guarded, allow = "admin")]
async fn erase() -> &'static str {
    "erased"
}

#[on(app = Guarded)]
async fn grant(socket: &Socket, permission: String) {
    socket.grant(&permission);
}

/// What a handler can see of what was presented.
#[on(app = Guarded)]
async fn shown(handshake: &Handshake) -> String {
    format!("{} {:?}", handshake.credentials, handshake.claimed_identity)
}

/// What everyone here knows: user and password are the same word; `admin` is one.
fn passwords() -> impl Authenticator {
    Password::new(async |user: String, password: String| {
        let identity = Identity::new(user.as_str());
        let identity = if user == "admin" { identity.with_permission("admin") } else { identity };
        Ok((user == password).then_some(identity))
    })
}

/// Does what the credentials say: `{"name", "for": seconds, "may": [..]}`.
struct Scripted {
    /// Who is named `late` waits for this.
    late: Arc<Notify>,
}

impl Authenticator for Scripted {
    async fn authenticate(&self, handshake: &Handshake) -> Result<Option<Identity>> {
        let field = |name: &str| {
            let entries = handshake.credentials.as_map()?;
            entries.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value.clone())
        };
        let Some(name) = field("name") else { return Ok(None) };
        let name = name.as_str().unwrap_or_default().to_owned();
        match name.as_str() {
            "never" => std::future::pending().await,
            "late" => self.late.notified().await,
            "panic" => panic!("the authenticator breaks"),
            "broken" => return Err(std::io::Error::other("the database is down").into()),
            "banned" => return Err(Error::new("banned", "not you").with_data(7)),
            _ => {}
        }
        let mut identity = Identity::new(name);
        for permission in field("may").as_ref().and_then(Value::as_array).into_iter().flatten() {
            identity = identity.with_permission(permission.as_str().expect("a text"));
        }
        if let Some(seconds) = field("for").and_then(|seconds| seconds.as_f64()) {
            identity = identity.with_expiry(SystemTime::now() + Duration::from_secs_f64(seconds));
        }
        Ok(Some(identity))
    }
}

/// A server with timings so short that its wheel turns quickly.
fn scripted() -> (ServerBuilder, Arc<Notify>) {
    let late = Arc::new(Notify::new());
    let authenticator = Scripted { late: Arc::clone(&late) };
    (guarded(authenticator).slow_consumer(Duration::from_millis(400)), late)
}

fn guarded(authenticator: impl Authenticator) -> ServerBuilder {
    Server::builder().app::<Guarded>().listen("127.0.0.1:0").authenticator(authenticator)
}

fn address(server: &Server) -> String {
    server.addresses()[0].to_string()
}
