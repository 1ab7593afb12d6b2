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
    let backoff = Backoff::default().first(Duration::from_millis(10));
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
    for version in [Version::V4, Version::V3] {
        let wrong = builder(address(&server)).engine_version(version);
        let wrong = match version {
            Version::V4 => wrong.auth(&json!({"token": "wrong"})),
            // What later versions call auth is the query there.
            Version::V3 => wrong.query("token", "wrong"),
        };
        let error = in_time(wrong.connect()).await;
        if version == Version::V3 {
            continue;
        }
        let jidda::error::ConnectError::Refused(refusal) = error.unwrap_err() else { panic!("a refusal") };
        let CallError::Refused { message, data, .. } = &refusal else { panic!("{refusal:?}") };
        assert_eq!(
            (&**message, data.as_ref().and_then(|data| data.as_str())),
            ("who are you?", Some("try again"))
        );
    }
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
        client.disconnect();
        three
    });
    assert_eq!(in_time(blocking).await.unwrap(), 3);
}
