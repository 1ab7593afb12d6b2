//! A client that speaks Socket.IO, against a server of our own: the same handlers, stubs and life as on the native wire.
#![allow(missing_docs)]
#![cfg(feature = "web-client")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jidda::client::{Backoff, ClientBuilder, ClientEvent, WebTransport};
use jidda::error::CallError;
use jidda::handler::{EventName, RawArguments};
use jidda::prelude::*;
use jidda::socketio::{Acknowledgements, Parser, Resource, Version};
use jidda::{Error, State, blocking};
use serde_bytes::ByteBuf;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(20);

async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(LIMIT, future).await.expect("in time")
}

/// The server's side.
#[namespace("/")]
mod server_side {
    use super::*;

    #[on("connect")]
    async fn enter(token: Option<Value>) -> jidda::Result<()> {
        match token {
            Some(token) if token["token"] == "wrong" => {
                Err(Error::new("denied", "who are you?").with_data("try again"))
            }
            _ => Ok(()),
        }
    }

    #[on]
    async fn echo(args: RawArguments) -> RawArguments {
        args
    }

    #[on]
    async fn add(a: i64, b: i64) -> i64 {
        a + b
    }

    #[on]
    async fn divide(a: i64, b: i64) -> Result<i64, String> {
        a.checked_div(b).ok_or_else(|| "division by zero".to_owned())
    }

    #[on]
    async fn ask_back(socket: &Socket, n: i64) -> jidda::Result<i64> {
        Ok(socket.call::<i64>("double", &n).timeout(LIMIT).await?)
    }

    #[on]
    async fn count_up(socket: &Socket, to: u32) -> jidda::Result<()> {
        for n in 0..to {
            socket.emit("number", &n).await?;
        }
        Ok(())
    }

    #[on]
    async fn send_me_away(socket: &Socket) {
        socket.disconnect();
    }
}

#[namespace("/team")]
mod team {
    use super::*;

    #[on("connect")]
    async fn enter(login: Option<Value>) -> jidda::Result<()> {
        if login.is_some_and(|login| login["name"] == "ada") {
            Ok(())
        } else {
            Err(Error::new("denied", "only ada"))
        }
    }

    #[on("name with spaces")]
    async fn spaced(text: String) -> String {
        text.to_uppercase()
    }
}

/// The client's side.
#[on("double", side = client)]
async fn double(n: i64) -> i64 {
    2 * n
}

#[on("*", side = client)]
async fn anything(event: &EventName, args: RawArguments, seen: &State<Mutex<Vec<String>>>) {
    seen.lock().unwrap().push(format!("{event} {}", args.0.len()));
}

async fn server() -> Server {
    let builder = Server::builder()
        .listen("127.0.0.1:0")
        .socket_io(|resource| resource.versions([Version::V4, Version::V3]))
        .resource(Resource::socket_io("/packed").parser(Parser::MessagePack))
        .resource(Resource::socket_io("/wrapped").acknowledgements(Acknowledgements::Wrapped));
    builder.start().await.unwrap()
}

fn address(server: &Server) -> String {
    server.addresses()[0].to_string().replace("tcp://", "http://")
}

fn builder(address: String) -> ClientBuilder {
    let backoff = Backoff::default().first(Duration::from_millis(10)).limit(Duration::from_millis(20));
    Client::builder(address).reconnect(backoff).state(Mutex::new(Vec::<String>::new()))
}

/// Passes connections on to a server, until they are cut.
struct Proxy {
    address: String,
    passing: std::sync::Arc<Mutex<tokio::task::JoinSet<()>>>,
}

impl Proxy {
    async fn new(server: &Server) -> Self {
        let there = server.addresses()[0].to_string().replace("tcp://", "");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let passing = std::sync::Arc::new(Mutex::new(tokio::task::JoinSet::new()));
        let ours = std::sync::Arc::clone(&passing);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let there = there.clone();
                ours.lock().unwrap().spawn(async move {
                    let mut server = tokio::net::TcpStream::connect(there).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Self { address, passing }
    }

    fn cut(&self) {
        self.passing.lock().unwrap().abort_all();
    }
}

/// What every client can do, whatever is below it.
async fn works(client: &Client) {
    assert_eq!(in_time(client.call::<i64>("add", &(1, 2)).into_future()).await.unwrap(), 3);
    assert_eq!(in_time(client.call::<i64>("ask_back", &21).into_future()).await.unwrap(), 42);
    let deep = json!({"a": [1, null, true, {"b": "𝄞 \u{2028} \"quoted\""}], "c": -1.5});
    assert_eq!(in_time(client.call::<Value>("echo", &deep).into_future()).await.unwrap(), deep);
    let bytes = (ByteBuf::from("one"), ByteBuf::new(), "text");
    let back =
        in_time(client.call::<(ByteBuf, ByteBuf, String)>("echo", &bytes).into_future()).await.unwrap();
    assert_eq!(back, (bytes.0, bytes.1, "text".to_owned()));
    let large = "x".repeat(300_000);
    assert_eq!(in_time(client.call::<String>("echo", &large).into_future()).await.unwrap(), large);
    let error = in_time(client.call::<i64>("divide", &(1, 0)).into_future()).await.unwrap_err();
    assert!(error.to_string().contains("division by zero"), "{error}");
    let error = in_time(client.call::<i64>("divide", &("one",)).into_future()).await.unwrap_err();
    assert_eq!(error.code(), Some("bad_arguments"), "{error}");

    let (sender, mut numbers) = tokio::sync::mpsc::unbounded_channel();
    client.on("number", move |n: u32| {
        sender.send(n).unwrap();
        async {}
    });
    client.emit("count_up", &500).await.unwrap();
    for n in 0..500 {
        assert_eq!(in_time(numbers.recv()).await, Some(n));
    }
    let refused = in_time(client.join("/team", &json!({"name": "eve"}))).await.unwrap_err();
    assert!(matches!(&refused, CallError::Refused { message, .. } if message == "only ada"), "{refused:?}");
    let refused = in_time(client.join("/nowhere", &())).await.unwrap_err();
    assert!(matches!(&refused, CallError::Refused { message, .. } if message == "Invalid namespace"));
    let team = in_time(client.join("/team", &json!({"name": "ada"}))).await.unwrap();
    let call = team.call::<String>("name with spaces", "hello");
    assert_eq!(in_time(call.into_future()).await.unwrap(), "HELLO");
    team.disconnect();
    assert_eq!(in_time(client.call::<i64>("add", &(2, 2)).into_future()).await.unwrap(), 4);
}

#[tokio::test]
async fn everything_works_over_each_transport_and_version() {
    let server = server().await;
    for version in [Version::V4, Version::V3] {
        for transports in [
            &[WebTransport::WebSocket][..],
            &[WebTransport::Polling],
            &[WebTransport::Polling, WebTransport::WebSocket],
        ] {
            let builder = builder(address(&server)).engine_version(version).transports(transports.to_vec());
            let client = in_time(builder.connect()).await.unwrap();
            works(&client).await;
            in_time(client.disconnect()).await;
            assert_eq!(
                client.closed().await,
                DisconnectReason::ClientDisconnect,
                "{version:?} {transports:?}"
            );
        }
    }
}

#[tokio::test]
async fn everything_works_with_the_msgpack_parser() {
    let server = server().await;
    let client = builder(format!("{}/packed/", address(&server))).parser(Parser::MessagePack);
    let client = in_time(client.connect()).await.unwrap();
    works(&client).await;
    in_time(client.disconnect()).await;
}

#[tokio::test]
async fn wrapped_acknowledgements_are_unwrapped() {
    let server = server().await;
    let client = builder(format!("{}/wrapped/", address(&server)));
    let client = in_time(client.acknowledgements(Acknowledgements::Wrapped).connect()).await.unwrap();
    assert_eq!(in_time(client.call::<i64>("add", &(1, 2)).into_future()).await.unwrap(), 3);
    let error = in_time(client.call::<i64>("divide", &(1, 0)).into_future()).await.unwrap_err();
    assert!(error.to_string().contains("division by zero"), "{error}");
    assert_eq!(in_time(client.call::<i64>("ask_back", &21).into_future()).await.unwrap(), 42);
}

#[tokio::test]
async fn a_refusal_has_a_message_and_data() {
    let server = server().await;
    let wrong = builder(address(&server)).auth(&json!({"token": "wrong"}));
    let error = in_time(wrong.connect()).await.unwrap_err();
    let jidda::error::ConnectError::Refused(refusal) = error else { panic!("{error:?}") };
    let CallError::Refused { message, data, .. } = &refusal else { panic!("{refusal:?}") };
    assert_eq!(
        (&**message, data.as_ref().and_then(|data| data.as_str())),
        ("who are you?", Some("try again"))
    );
}

#[tokio::test]
async fn servers_of_version_3_refuse_by_bare_values() {
    for (said, message) in [("44\"who are you?\"", "who are you?"), ("44{\"limit\":3}", "{\"limit\": 3}")] {
        let (fake, address) = Fake::new().await;
        let connecting = tokio::spawn(builder(address).engine_version(Version::V3).connect());
        let mut peer = fake.open(25_000, 20_000).await;
        peer.say(said).await;
        let error = in_time(connecting).await.unwrap().unwrap_err();
        let jidda::error::ConnectError::Refused(refusal) = error else { panic!("{error:?}") };
        assert!(refusal.to_string().contains(message), "{refusal}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_up_yet_is_waited_for() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = listener.local_addr().unwrap();
    drop(listener);
    let connecting = tokio::spawn(builder(format!("ws://{there}")).wait_for_server().connect());
    tokio::task::yield_now().await;
    let _server = Server::builder().listen(there.to_string()).start().await.unwrap();
    let client = in_time(connecting).await.unwrap().unwrap();
    assert_eq!(in_time(client.call::<i64>("add", &(1, 2)).into_future()).await.unwrap(), 3);
}

#[tokio::test]
async fn credentials_are_asked_for_at_each_connect() {
    let server = server().await;
    let asked = std::sync::Arc::new(AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&asked);
    let proxy = Proxy::new(&server).await;
    let client = builder(proxy.address.clone()).credentials_with(move || {
        let n = count.fetch_add(1, Ordering::Relaxed);
        async move { Ok(json!({ "token": n })) }
    });
    let client = in_time(client.connect()).await.unwrap();
    let mut events = client.events();
    proxy.cut();
    while in_time(events.next()).await.unwrap() != ClientEvent::Reconnected {}
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    works(&client).await;
}

#[tokio::test]
async fn being_sent_away_is_final() {
    let server = server().await;
    let client = in_time(builder(address(&server)).connect()).await.unwrap();
    client.emit("send_me_away", &()).await.unwrap();
    assert_eq!(in_time(client.closed()).await, DisconnectReason::ServerDisconnect);
}

#[tokio::test]
async fn a_client_of_several_connections_and_a_blocking_one_work() {
    let server = server().await;
    let client = in_time(builder(address(&server)).connections(3).connect()).await.unwrap();
    works(&client).await;
    let address = address(&server);
    let blocking = tokio::task::spawn_blocking(move || {
        let client = blocking::Client::connect_with(builder(address)).unwrap();
        let three = client.call::<i64>("add", &(1, 2)).timeout(LIMIT).wait().unwrap();
        let (sender, sums) = std::sync::mpsc::channel();
        for n in 0..10 {
            let sender = sender.clone();
            client.call_then("add", &(n, 1), move |sum: Result<i64, _>| sender.send(sum.unwrap()).unwrap());
        }
        assert!(client.wait_for_acks(LIMIT));
        let mut sums: Vec<_> = sums.try_iter().collect();
        sums.sort_unstable();
        assert_eq!(sums, (1..=10).collect::<Vec<_>>());
        assert!(!client.wait_for_end(Duration::from_millis(1)));
        client.emit("send_me_away", &()).unwrap();
        assert!(client.wait_for_end(LIMIT));
        client.disconnect();
        three
    });
    assert_eq!(in_time(blocking).await.unwrap(), 3);
}

/// A server by hand, for what ours never says: it speaks Engine.IO 4 on WebSockets.
mod by_hand {
    use std::time::Duration;

    use base64::Engine;
    use base64::prelude::BASE64_STANDARD as STANDARD;
    use sha1::{Digest, Sha1};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    pub(super) struct Fake(TcpListener);

    pub(super) struct Peer {
        stream: TcpStream,
        read: Vec<u8>,
    }

    impl Fake {
        pub(super) async fn new() -> (Self, String) {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = format!("http://{}", listener.local_addr().unwrap());
            (Self(listener), address)
        }

        /// The next client, at which the handshake is under way.
        pub(super) async fn accept(&self) -> Peer {
            let (mut stream, _) = super::in_time(self.0.accept()).await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(super::in_time(stream.read_u8()).await.unwrap());
            }
            let request = String::from_utf8(request).unwrap();
            let key = request
                .lines()
                .find_map(|line| {
                    let (name, value) = line.split_once(": ")?;
                    name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.to_owned())
                })
                .expect("a WebSocket");
            let accept = accept_key(&key);
            let head = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: {accept}\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            Peer { stream, read: Vec::new() }
        }

        /// The next client, with the handshake of such an interval and such a time-out.
        pub(super) async fn open(&self, interval: u64, timeout: u64) -> Peer {
            let mut peer = self.accept().await;
            let open = format!(
                r#"0{{"sid":"abc","upgrades":[],"pingInterval":{interval},"pingTimeout":{timeout},"maxPayload":1000000}}"#
            );
            peer.say(&open).await;
            peer
        }

        /// The next client, in the root namespace.
        pub(super) async fn joined(&self) -> Peer {
            let mut peer = self.open(25_000, 20_000).await;
            assert_eq!(peer.hear().await.unwrap(), "40");
            peer.say(r#"40{"sid":"socket-1"}"#).await;
            peer
        }
    }

    /// What a server proves with that it read the request (RFC 6455, section 4.2.2).
    fn accept_key(key: &str) -> String {
        let digest = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
        STANDARD.encode(digest)
    }

    impl Peer {
        pub(super) async fn say(&mut self, text: &str) {
            self.frame(0x81, text.as_bytes()).await;
        }

        pub(super) async fn frame(&mut self, first: u8, payload: &[u8]) {
            let mut frame = vec![first, 127];
            frame.extend((payload.len() as u64).to_be_bytes());
            frame.extend(payload);
            // Whoever hung up does not hear it.
            let _ = self.stream.write_all(&frame).await;
        }

        pub(super) async fn bytes(&mut self, bytes: &[u8]) {
            let _ = self.stream.write_all(bytes).await;
        }

        /// The next text of the client's; `None` when it is over.
        pub(super) async fn hear(&mut self) -> Option<String> {
            loop {
                if let [first, second, rest @ ..] = &self.read[..] {
                    assert!(second & 0x80 != 0, "a client masks");
                    let (length, at) = match second & 0x7f {
                        126 if rest.len() >= 2 => (usize::from(rest[0]) << 8 | usize::from(rest[1]), 4),
                        126 => (usize::MAX / 2, 4),
                        short => (usize::from(short), 2),
                    };
                    if self.read.len() >= at + 4 + length {
                        let key = self.read[at..at + 4].to_vec();
                        let payload = self.read[at + 4..at + 4 + length].iter();
                        let payload = payload.zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
                        let is_close = first & 0x0f == 8;
                        self.read.drain(..at + 4 + length);
                        if is_close {
                            return None;
                        }
                        return Some(String::from_utf8(payload).unwrap());
                    }
                }
                let mut buffer = [0; 4096];
                let read = tokio::time::timeout(Duration::from_secs(20), self.stream.read(&mut buffer));
                match read.await.expect("in time") {
                    Ok(0) | Err(_) => return None,
                    Ok(count) => self.read.extend_from_slice(&buffer[..count]),
                }
            }
        }
    }
}

use by_hand::Fake;

#[tokio::test]
async fn a_socket_is_recovered_by_its_private_name_and_its_last_event() {
    let (fake, address) = Fake::new().await;
    let connecting = tokio::spawn(builder(address).auth(&json!({"token": 1})).connect());
    let mut peer = fake.open(25_000, 20_000).await;
    assert_eq!(peer.hear().await.unwrap(), r#"40{"token":1}"#);
    peer.say(r#"40{"sid":"one","pid":"secret"}"#).await;
    let client = in_time(connecting).await.unwrap().unwrap();
    assert!(!client.root().recovered());
    let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
    client.on("news", move |text: String, _offset: String| {
        sender.send(text).unwrap();
        async {}
    });
    peer.say(r#"42["news","first","offset-1"]"#).await;
    assert_eq!(in_time(heard.recv()).await.unwrap(), "first");
    let mut events = client.events();
    drop(peer);
    let mut peer = fake.open(25_000, 20_000).await;
    assert_eq!(peer.hear().await.unwrap(), r#"40{"pid":"secret","offset":"offset-1","token":1}"#);
    // What was missed is sent before the answer.
    peer.say(r#"42["news","second","offset-2"]"#).await;
    peer.say(r#"40{"sid":"one","pid":"secret"}"#).await;
    assert_eq!(in_time(heard.recv()).await.unwrap(), "second");
    while in_time(events.next()).await.unwrap() != ClientEvent::Reconnected {}
    assert!(client.root().recovered());
    drop(peer);
    let mut peer = fake.open(25_000, 20_000).await;
    assert_eq!(peer.hear().await.unwrap(), r#"40{"pid":"secret","offset":"offset-2","token":1}"#);
    // The server has forgotten it.
    peer.say(r#"40{"sid":"two","pid":"other"}"#).await;
    while in_time(events.next()).await.unwrap() != ClientEvent::Reconnected {}
    assert!(!client.root().recovered());
}

#[tokio::test]
async fn an_event_of_a_retry_queue_is_sent_until_it_is_acknowledged() {
    let (fake, address) = Fake::new().await;
    let connecting = tokio::spawn(builder(address).connect());
    let mut peer = fake.joined().await;
    let client = in_time(connecting).await.unwrap().unwrap();
    let queue = client.retry_queue("/").ack_timeout(Duration::from_millis(50)).retries(2);
    let sending = tokio::spawn(async move {
        let first = queue.send::<i64>("order", &("tea", 2)).await;
        (first, queue.send::<i64>("order", &("late", 1)).await)
    });
    let order = peer.hear().await.unwrap();
    assert!(order.starts_with("42") && order.ends_with(r#"["order","tea",2]"#), "{order}");
    // No answer: it is sent again. Then the connection is lost, and it is sent again on the next one.
    assert!(peer.hear().await.unwrap().ends_with(r#"["order","tea",2]"#));
    drop(peer);
    let mut peer = fake.joined().await;
    let order = peer.hear().await.unwrap();
    let id = order.trim_start_matches("42").split('[').next().unwrap();
    peer.say(&format!("43{id}[7]")).await;
    for _ in 0..3 {
        assert!(peer.hear().await.unwrap().ends_with(r#"["order","late",1]"#));
    }
    let (first, second) = in_time(sending).await.unwrap();
    assert_eq!(first.unwrap(), 7);
    assert!(matches!(second, Err(CallError::Timeout)), "{second:?}");
}

#[tokio::test]
async fn a_server_that_stops_asking_for_signs_of_life_is_left() {
    let (fake, address) = Fake::new().await;
    let connecting = tokio::spawn(builder(address).connect());
    let mut peer = fake.open(100, 100).await;
    assert_eq!(peer.hear().await.unwrap(), "40");
    peer.say(r#"40{"sid":"socket-1"}"#).await;
    let client = in_time(connecting).await.unwrap().unwrap();
    let mut events = client.events();
    for _ in 0..5 {
        peer.say("2").await;
        assert_eq!(peer.hear().await.unwrap(), "3");
    }
    let lost = ClientEvent::Disconnected(DisconnectReason::PingTimeout);
    while in_time(events.next()).await.unwrap() != lost {}
    let _again = fake.joined().await;
    while in_time(events.next()).await.unwrap() != ClientEvent::Reconnected {}
}

#[tokio::test]
async fn heartbeats_of_both_versions_keep_a_connection() {
    let builder_of_server = Server::builder()
        .listen("127.0.0.1:0")
        .socket_io(|resource| resource.versions([Version::V4, Version::V3]))
        .heartbeat(Duration::from_millis(100))
        .heartbeat_timeout(Duration::from_secs(1));
    let server = builder_of_server.start().await.unwrap();
    for version in [Version::V4, Version::V3] {
        let client = in_time(builder(address(&server)).engine_version(version).connect()).await.unwrap();
        let mut events = client.events();
        let quiet = tokio::time::timeout(Duration::from_secs(2), events.next()).await;
        assert!(quiet.is_err(), "{version:?}: {quiet:?}");
        works(&client).await;
    }
}

#[tokio::test]
async fn what_a_hostile_server_sends_ends_its_connection_and_no_more() {
    let (fake, address) = Fake::new().await;
    let connecting = tokio::spawn(builder(address).connect());
    let mut peer = fake.joined().await;
    let client = in_time(connecting).await.unwrap().unwrap();
    let mut events = client.events();
    let nesting = format!("42[\"a\",{}", "[".repeat(100_000));
    let texts: [&str; 16] = [
        "",
        "x",
        "4",
        "47",
        "42{}",
        "42[]",
        "42[null]",
        "43[]",
        "40[",
        "40\"",
        "44{",
        "3",
        "451-[\"a\",{\"_placeholder\":true,\"num\":7}]",
        "4599999999-[\"a\"]",
        &nesting,
        "451-[\"a\",{\"_placeholder\":true,\"num\":0}]",
    ];
    for text in texts {
        peer.say(text).await;
        if text.ends_with("\"num\":0}]") {
            peer.say("42[\"text in place of an attachment\"]").await;
        }
        while peer.hear().await.is_some() {}
        drop(peer);
        let lost = |event: &ClientEvent| matches!(event, ClientEvent::Disconnected(_));
        while !lost(&in_time(events.next()).await.unwrap()) {}
        peer = fake.joined().await;
        while in_time(events.next()).await.unwrap() != ClientEvent::Reconnected {}
    }
    // Frames: masked, of reserved bits, and one that is larger than anything.
    for bytes in
        [&[0x81, 0x81, 1, 2, 3, 4, 5][..], &[0xf1, 0], &[0x82, 127, 0, 255, 255, 255, 255, 255, 255, 255]]
    {
        peer.bytes(bytes).await;
        while peer.hear().await.is_some() {}
        peer = fake.joined().await;
        while in_time(events.next()).await.unwrap() != ClientEvent::Reconnected {}
    }
    // Nobody asked for any of these; they are passed over.
    for text in [
        "4377[1]",
        "43/nowhere,1[]",
        "40{\"sid\":\"again\"}",
        "44{\"message\":\"no\"}",
        "42/nowhere,[\"a\"]",
        "41/nowhere,",
        "6",
        "42[\"$/refused\",\"a\"]",
        "42[\"$/item\",\"1\",1]",
    ] {
        peer.say(text).await;
    }
    peer.say("421[\"double\",4]").await;
    assert_eq!(peer.hear().await.unwrap(), "431[8]");
    // Answered twice: the first answer counts.
    let call = tokio::spawn(client.call::<i64>("ask", &1).into_future());
    let order = peer.hear().await.unwrap();
    let id = order.trim_start_matches("42").split('[').next().unwrap();
    peer.say(&format!("43{id}[1]")).await;
    peer.say(&format!("43{id}[2]")).await;
    assert_eq!(in_time(call).await.unwrap().unwrap(), 1);
    peer.say("422[\"double\",5]").await;
    assert_eq!(peer.hear().await.unwrap(), "432[10]");
}

#[tokio::test]
async fn handlers_for_everything_else_have_the_name_and_the_arguments() {
    let (fake, address) = Fake::new().await;
    let connecting = tokio::spawn(builder(address).connect());
    let mut peer = fake.joined().await;
    let client = in_time(connecting).await.unwrap().unwrap();
    assert_eq!(client.root().id().to_string().len(), 20);
    peer.say(r#"421["a name with spaces",1,"two"]"#).await;
    assert_eq!(peer.hear().await.unwrap(), "431[]");
}

/// Its handlers are those of the server behind it.
struct Gateway;

#[tokio::test]
async fn native_clients_reach_a_server_of_socket_io_through_a_gateway() {
    let behind = server().await;
    let to_it = in_time(builder(address(&behind)).connect()).await.unwrap();
    let gateway = Server::builder()
        .app::<Gateway>()
        .proxy(jidda::server::Proxy::to(&to_it))
        .listen("127.0.0.1:0")
        .start()
        .await
        .unwrap();
    let native = in_time(builder(gateway.addresses()[0].to_string()).connect()).await.unwrap();
    assert_eq!(in_time(native.call::<i64>("add", &(1, 2)).into_future()).await.unwrap(), 3);
    let error = in_time(native.call::<i64>("divide", &(1, 0)).into_future()).await.unwrap_err();
    assert!(error.to_string().contains("division by zero"), "{error}");
}
