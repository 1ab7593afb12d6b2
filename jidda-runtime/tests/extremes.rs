//! Limits and durations at their ends: none panics, whatever has a meaning works, and the rest is an error at start that
//! names the setting.
#![allow(missing_docs)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/http.rs"]
mod http;
#[path = "support/peer.rs"]
mod peer;

use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use handlers::{ECHO, NEVER};
use http::Http;
use jidda_runtime::{
    Backoff, Client, ClientBuilder, ClientEvent, Dial, HeartbeatPolicy, Resource, Server, ServerBuilder,
};
use peer::{LIMIT, Peer, address, request, response};
use tokio::time::timeout;

static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Notes every panic of the process, those of tasks included.
///
/// Tests that look at them run one after the other.
struct Panics(#[allow(dead_code)] MutexGuard<'static, ()>);

impl Panics {
    fn watch() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        static HOOK: Once = Once::new();
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        HOOK.call_once(|| {
            let usual = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                PANICS.lock().unwrap().push(panic.to_string());
                usual(panic);
            }));
        });
        PANICS.lock().unwrap().clear();
        Self(turn)
    }

    // They are its own: no other test that looks at them runs as long as there is one.
    #[allow(clippy::unused_self)]
    #[track_caller]
    fn assert_none(&self, what: &str) {
        assert_eq!(*PANICS.lock().unwrap(), Vec::<String>::new(), "{what}");
    }
}

const MAX: Duration = Duration::MAX;
const MOMENT: Duration = Duration::from_millis(1);
const USUAL: Duration = Duration::from_secs(25);
const NOTHING: Duration = Duration::from_nanos(1);

/// What is to be expected of a setting.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    /// An error at start.
    Refused,
    /// It starts and does not panic; what it does for peers may be little.
    Starts,
    Serves,
}
use Expected::{Refused, Serves, Starts};

/// A setting, how it is set, and the values to set with what comes of them.
type Case<B, V> = (&'static str, fn(B, V) -> B, [(V, Expected); 4]);

/// A limit that has to be something, and may be too little for anything.
const fn positive(tiny: Expected) -> [(usize, Expected); 4] {
    [(0, Refused), (1, tiny), (usize::MAX - 1, Serves), (usize::MAX, Serves)]
}

/// One that may be nothing.
const fn any() -> [(usize, Expected); 4] {
    [(0, Serves), (1, Serves), (usize::MAX - 1, Serves), (usize::MAX, Serves)]
}

/// A time-out that nobody could keep if it were none.
const fn lasting() -> [(Duration, Expected); 4] {
    [(Duration::ZERO, Refused), (NOTHING, Refused), (MOMENT, Starts), (MAX, Serves)]
}

/// A duration that may be none.
const fn optional() -> [(Duration, Expected); 4] {
    [(Duration::ZERO, Serves), (NOTHING, Serves), (MOMENT, Serves), (MAX, Serves)]
}

fn server_counts() -> Vec<Case<ServerBuilder, usize>> {
    vec![
        ("max_message", |b, n| b.max_message(n), positive(Starts)),
        ("max_depth", |b, n| b.max_depth(n), positive(Starts)),
        ("max_in_flight", |b, n| b.max_in_flight(n), positive(Serves)),
        ("max_namespaces", |b, n| b.max_namespaces(n), positive(Serves)),
        ("max_rooms", |b, n| b.max_rooms(n), any()),
        ("max_name", |b, n| b.max_name(n), positive(Serves)),
        ("max_connections", |b, n| b.max_connections(n), positive(Starts)),
        ("max_connections_per_address", |b, n| b.max_connections_per_address(n), positive(Starts)),
        ("max_pending", |b, n| b.max_pending(n), positive(Starts)),
        ("max_outbox", |b, n| b.max_outbox(n), positive(Serves)),
        ("max_attachments", |b, n| b.max_attachments(n), any()),
        ("max_lingering_sessions", |b, n| b.max_lingering_sessions(n), any()),
    ]
}

/// The timings of a heartbeat of the program's own are looked at like others.
struct Beat(Duration, Duration);

impl HeartbeatPolicy for Beat {
    fn interval(&self) -> Duration {
        self.0
    }

    fn timeout(&self) -> Duration {
        self.1
    }
}

fn server_durations() -> Vec<Case<ServerBuilder, Duration>> {
    vec![
        ("slow_consumer", |b, d| b.slow_consumer(d), lasting()),
        ("handshake_timeout", |b, d| b.handshake_timeout(d), lasting()),
        ("http_idle_timeout", |b, d| b.http_idle_timeout(d), lasting()),
        ("plain_idle_timeout", |b, d| b.plain_idle_timeout(d), lasting()),
        ("body_timeout", |b, d| b.body_timeout(d), lasting()),
        ("tcp_keepalive", |b, d| b.tcp_keepalive(d), optional()),
        ("connect_timeout", |b, d| b.connect_timeout(d), lasting()),
        ("heartbeat", |b, d| b.heartbeat(d), lasting()),
        ("heartbeat_timeout", |b, d| b.heartbeat_timeout(d), lasting()),
        ("heartbeat", |b, d| b.heartbeat_policy(Beat(d, USUAL)), lasting()),
        ("heartbeat_timeout", |b, d| b.heartbeat_policy(Beat(USUAL, d)), lasting()),
        ("call_timeout", |b, d| b.call_timeout(d), lasting()),
        ("ready_timeout", |b, d| b.ready_timeout(d), lasting()),
        ("upgrade_timeout", |b, d| b.resource(Resource::raw("/raw").upgrade_timeout(d)), lasting()),
        ("Backoff::first", |b, d| b.dial(nobody(Backoff::default().first(d))), lasting()),
        ("Backoff::limit", |b, d| b.dial(nobody(Backoff::default().limit(d))), lasting()),
        ("expiry_notice", |b, d| b.expiry_notice(d), optional()),
        ("blocking_limit", |b, d| b.blocking_limit(d), lasting()),
        ("disconnect_timeout", |b, d| b.disconnect_timeout(d), optional()),
        ("session_linger", |b, d| b.session_linger(d), optional()),
        ("grace", |b, d| b.grace(d), optional()),
    ]
}

/// An address that nobody listens at.
fn nobody(backoff: Backoff) -> Dial {
    Dial::to("mem:nobody listens at this").reconnect(backoff)
}

fn client_counts() -> Vec<Case<ClientBuilder, usize>> {
    vec![
        ("max_message", |b, n| b.max_message(n), positive(Starts)),
        ("max_depth", |b, n| b.max_depth(n), positive(Starts)),
        ("max_in_flight", |b, n| b.max_in_flight(n), positive(Serves)),
        ("max_outbox", |b, n| b.max_outbox(n), positive(Serves)),
        (
            "connections",
            |b, n| b.connections(n),
            [(0, Refused), (1, Serves), (65_536, Refused), (usize::MAX, Refused)],
        ),
    ]
}

fn client_durations() -> Vec<Case<ClientBuilder, Duration>> {
    vec![
        ("connect_timeout", |b, d| b.connect_timeout(d), lasting()),
        ("call_timeout", |b, d| b.call_timeout(d), lasting()),
        ("heartbeat", |b, d| b.heartbeat(d), lasting()),
        ("heartbeat_timeout", |b, d| b.heartbeat_timeout(d), lasting()),
        ("slow_consumer", |b, d| b.slow_consumer(d), lasting()),
        ("blocking_limit", |b, d| b.blocking_limit(d), lasting()),
        ("disconnect_timeout", |b, d| b.disconnect_timeout(d), optional()),
        ("Backoff::first", |b, d| b.reconnect(Backoff::default().first(d)), lasting()),
        ("Backoff::limit", |b, d| b.reconnect(Backoff::default().limit(d)), lasting()),
    ]
}

fn client_numbers() -> Vec<Case<ClientBuilder, f64>> {
    let ends = [(f64::NAN, Refused), (0.0, Serves), (-1.0, Serves), (f64::MAX, Serves)];
    vec![
        ("Backoff::jitter", |b, n| b.reconnect(Backoff::default().jitter(n)), ends),
        ("Backoff::factor", |b, n| b.reconnect(Backoff::default().factor(n)), ends),
    ]
}

fn builder() -> ServerBuilder {
    handlers::builder([&ECHO, &NEVER]).0.resource(Resource::socket_io("/here"))
}

/// Calls and asks the server in each way there is. Whether every answer was the right one.
async fn is_served(server: &Server) -> bool {
    let client = Client::builder(address(server)).no_reconnect().handlers([]);
    let called = match client.connect().await {
        Ok(client) => client.call::<i64>("echo", &21).timeout(LIMIT).await == Ok(21),
        Err(_) => false,
    };
    called && is_served_by_http(server).await
}

/// A call over a WebSocket.
async fn is_served_by_http(server: &Server) -> bool {
    let mut http = Http::connect(&address(server)).await;
    http.ask("GET", "/here/?EIO=4&transport=websocket", http::WEBSOCKET, "").await;
    if http.answer().await.is_none_or(|answer| answer.status != 101) {
        return false;
    }
    let mut ws = http::Ws { http };
    ws.http.send([http::frame(1, b"40"), http::frame(1, b"421[\"echo\",21]")].concat()).await;
    while let Some((_, text)) = ws.frame().await {
        // The handler's answer is written in MessagePack, whoever asks.
        if text.starts_with(b"431") {
            return true;
        }
    }
    false
}

async fn try_server(what: &str, name: &str, builder: ServerBuilder, expected: Expected) {
    let panics = Panics::watch();
    let started = timeout(LIMIT, builder.start()).await.expect("it starts in time");
    match (started, expected) {
        (Err(error), Refused) => {
            let names = error.to_string().contains(&format!("`{name}` is "));
            assert!(names, "{what}: the error does not name the setting: {error}");
        }
        (Err(error), _) => panic!("{what}: {error}"),
        (Ok(_), Refused) => panic!("{what}: the server started"),
        (Ok(server), _) => {
            let is_served = timeout(LIMIT, is_served(&server)).await.expect("each way ends");
            assert!(is_served || expected == Starts, "{what}");
            server.shutdown(Duration::ZERO).await;
        }
    }
    panics.assert_none(what);
}

async fn try_client(
    what: &str,
    name: &str,
    server: &Server,
    change: impl FnOnce(ClientBuilder) -> ClientBuilder,
    expected: Expected,
) {
    let panics = Panics::watch();
    let client = change(Client::builder(address(server)).handlers([]));
    match (timeout(LIMIT, client.connect()).await.expect("it connects in time, or not"), expected) {
        (Err(error), Refused) => {
            let names = format!("{error:?}").contains(&format!("`{name}` is "));
            assert!(names, "{what}: the error does not name the setting: {error:?}");
        }
        (Err(error), Serves) => panic!("{what}: {error}"),
        (Ok(_), Refused) => panic!("{what}: the client started"),
        (Err(_), Starts) => {}
        (Ok(client), _) => {
            let called = timeout(LIMIT, client.call::<i64>("echo", &21)).await.expect("the call ends");
            assert!(called == Ok(21) || expected == Starts, "{what}: {called:?}");
            client.disconnect().await;
        }
    }
    panics.assert_none(what);
}

#[tokio::test]
async fn a_server_with_any_limit_at_its_ends() {
    for (name, change, values) in server_counts() {
        for (value, expected) in values {
            try_server(&format!("{name}({value})"), name, change(builder(), value), expected).await;
        }
    }
    for (name, change, values) in server_durations() {
        for (value, expected) in values {
            try_server(&format!("{name}({value:?})"), name, change(builder(), value), expected).await;
        }
    }
}

#[tokio::test]
async fn a_client_with_any_limit_at_its_ends() {
    let server = builder().start().await.unwrap();
    for (name, change, values) in client_counts() {
        for (value, expected) in values {
            let what = format!("{name}({value})");
            try_client(&what, name, &server, |client| change(client, value), expected).await;
        }
    }
    for (name, change, values) in client_durations() {
        for (value, expected) in values {
            let what = format!("{name}({value:?})");
            try_client(&what, name, &server, |client| change(client, value), expected).await;
        }
    }
    for (name, change, values) in client_numbers() {
        for (value, expected) in values {
            let what = format!("{name}({value})");
            try_client(&what, name, &server, |client| change(client, value), expected).await;
        }
    }
}

#[tokio::test]
async fn nonsense_is_listed_in_one_error() {
    let error =
        Server::builder().handlers([]).max_message(0).heartbeat(Duration::ZERO).start().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server cannot start:\n  `max_message` is 0: it is at least 1\n  \
         `heartbeat` is 0ns: it is at least a millisecond"
    );
}

#[tokio::test]
async fn a_server_without_any_limit_serves_every_kind_of_peer() {
    let panics = Panics::watch();
    let builder =
        builder().resource(Resource::socket_io("/there").upgrade_timeout(MAX)).ready_timeout(MAX).grace(MAX);
    let builder = server_counts().into_iter().fold(builder, |b, (_, change, _)| change(b, usize::MAX));
    let durations = server_durations()
        .into_iter()
        .filter(|(name, ..)| !name.contains("Backoff") && *name != "upgrade_timeout");
    let builder = durations.fold(builder, |b, (_, change, _)| change(b, MAX));
    let server = builder.heartbeat_policy(Beat(MAX, MAX)).start().await.unwrap();
    let authority = address(&server);
    let mut native = Peer::joined(&server, "/").await;
    let mut sockets = Vec::new();
    for version in [3, 4] {
        let target = format!("/here/?EIO={version}&transport=websocket");
        let mut ws = Http::connect(&authority).await.websocket(&target).await;
        let opening = ws.text().await;
        // Together they fit the timers of JavaScript.
        assert!(opening.contains("\"pingInterval\":1073741823,\"pingTimeout\":1073741823"), "{opening}");
        if version == 4 {
            ws.say("40").await;
        }
        assert!(ws.text().await.starts_with("40"));
        sockets.push(ws);
    }
    let mut polling = Vec::new();
    for version in [3, 4] {
        let mut http = Http::connect(&authority).await;
        let target = format!("/here/?EIO={version}&transport=polling");
        let opening = http.get(&target).await;
        let start = opening.text().find("\"sid\":\"").expect("a session") + 7;
        let target = format!("{target}&sid={}", &opening.text()[start..start + 20]);
        if version == 4 {
            assert_eq!(http.post(&target, "40").await.is(), (200, "ok"));
            assert!(http.get(&target).await.text().starts_with("40"));
        }
        polling.push((version, http, target));
    }
    // What looks after the time-outs comes to each of them several times.
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    tokio::time::resume();
    panics.assert_none("the wheel turned");
    native.send(&request(1, "echo", vec![21.into()])).await;
    assert_eq!(native.reply(1).await, response(1, 21));
    for ws in &mut sockets {
        ws.say("421[\"echo\",21]").await;
        assert!(ws.text().await.starts_with("431"));
    }
    for (version, http, target) in &mut polling {
        let body = if *version == 4 { "421[\"echo\",21]" } else { "14:421[\"echo\",21]" };
        assert_eq!(http.post(target, body).await.is(), (200, "ok"));
        assert!(http.get(target).await.text().contains("431"));
    }
    panics.assert_none("all were served");
}

#[tokio::test]
async fn whatever_takes_a_limit_takes_any() {
    let panics = Panics::watch();
    let server = builder().start().await.unwrap();
    let client = Client::builder(address(&server)).handlers([]).connect().await.unwrap();
    assert_eq!(client.call::<i64>("echo", &21).timeout(MAX).await, Ok(21));
    assert!(client.call::<i64>("never", &()).timeout(Duration::ZERO).await.unwrap_err().is_timeout());
    assert!(client.stream::<i64>("echo", &21).timeout(MAX).next().await.unwrap().is_err());
    let socket = server.sockets().pop().unwrap();
    assert!(socket.call::<i64>("echo", &21).timeout(MAX).await.is_err());
    assert_eq!(server.of("/").call::<i64>("echo", &21).timeout(MAX).await.unwrap().len(), 1);
    assert!(server.user("nobody").wait_online(Duration::ZERO).await.is_err());
    assert!(timeout(MOMENT, server.user("nobody").wait_online(MAX)).await.is_err());
    drop((
        socket.after(MAX, async {}),
        socket.every(MAX, || async {}),
        socket.every(Duration::ZERO, || async {}),
    ));
    let ending = tokio::spawn({
        let server = server.clone();
        async move { server.shutdown(MAX).await }
    });
    server.stopping().await;
    client.disconnect().await;
    assert!(timeout(LIMIT, ending).await.expect("the last one has left").unwrap());
    panics.assert_none("the ends of all limits");
}

#[tokio::test]
async fn a_wait_without_end_is_a_wait() {
    let panics = Panics::watch();
    let server = builder().start().await.unwrap();
    let backoff = Backoff::default().first(MAX).limit(MAX).factor(f64::MAX);
    let client = Client::builder(address(&server)).handlers([]).reconnect(backoff).connect().await.unwrap();
    let mut events = client.events();
    server.shutdown(Duration::ZERO).await;
    loop {
        match timeout(LIMIT, events.next()).await.expect("it waits") {
            Some(ClientEvent::Reconnecting { wait, .. }) => {
                break assert!(wait > Duration::from_secs(1 << 30));
            }
            Some(ClientEvent::GaveUp) | None => panic!("it does not try again"),
            Some(_) => {}
        }
    }
    // It waits on, until it is ended.
    assert!(timeout(MOMENT, client.closed()).await.is_err());
    client.disconnect().await;
    panics.assert_none("the back-off");
}
