//! The app that real clients are tested against: every check of `tests/interop` is about one of its handlers.
//!
//! `interop_server [ADDRESS] [--parser msgpack] [--heartbeat MS] [--limit BYTES]` listens at ADDRESS, `127.0.0.1:0` if there
//! is none, and prints where. `servers/node.js` is the same app on the server that the clients were made for.

// A module for each namespace, so that their handlers can have the same names; what they share is above them.
#![allow(clippy::wildcard_imports)]

use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use jidda::handler::RawArguments;
use jidda::payload::Value;
use jidda::peer::Handshake;
use jidda::prelude::*;
use jidda::socketio::{Integers, Parser, Resource};
use jidda::stream::Stream;
use jidda::{Error, Path};
use serde::Serialize;

/// How long a client has for its answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// As much as can pass before a call is given up that nobody answers.
const IMPATIENCE: Duration = Duration::from_millis(100);

/// What a client said of itself: in `auth`, or in the query where its version of the protocol has no `auth`.
#[derive(Clone, FromConnection)]
struct Token(Option<String>);

/// Lets everyone in but who has the wrong token.
fn admit(socket: &Socket) -> jidda::Result<()> {
    let handshake = socket.handshake();
    let entry = |name: &str| handshake.auth.as_map()?.iter().find(|(key, _)| key.as_str() == Some(name));
    let said = entry("token").and_then(|(_, value)| value.as_str().map(str::to_owned));
    let asked = || handshake.query.iter().find(|(key, _)| key == "token").map(|(_, value)| value.clone());
    let token = said.or_else(asked);
    match token.as_deref() {
        Some("wrong") => return Err(Error::new("denied", "who are you?")),
        Some("many") => return Err(Error::new("full", "come back later").with_data(Limit { limit: 3 })),
        _ => {}
    }
    socket.insert(Token(token));
    Ok(())
}

#[derive(Serialize)]
struct Limit {
    limit: u32,
}

/// What those who watch are told of a socket that ended.
#[derive(Serialize)]
struct Left {
    namespace: String,
    token: Option<String>,
    reason: DisconnectReason,
    rooms: Vec<String>,
}

async fn tell_who_watches(socket: &Socket, server: &Server, reason: DisconnectReason) {
    let mut rooms = socket.rooms().split_off(1);
    rooms.sort();
    let token = socket.get::<Token>().and_then(|token| token.0.clone());
    let left = Left { namespace: socket.namespace().to_owned(), token, reason, rooms };
    // Nobody may be left to be told when the server goes down.
    server.to("watchers").emit("left", &left).await.ok();
}

fn narrowed(selection: Selection, to: Vec<String>, except: Vec<String>) -> Selection {
    except.into_iter().fold(selection.to_all(to), Selection::except)
}

/// What every namespace has.
macro_rules! common {
    ($namespace:literal) => {
        #[on(namespace = $namespace)]
        async fn echo(values: RawArguments) -> RawArguments {
            values
        }

        #[on(namespace = $namespace)]
        async fn whoami(socket: &Socket, token: &Token) -> (String, Option<String>) {
            (socket.namespace().to_owned(), token.0.clone())
        }

        #[on(namespace = $namespace)]
        async fn connection(socket: &Socket) -> String {
            socket.connection_id().to_string()
        }

        #[on(namespace = $namespace)]
        async fn transport(socket: &Socket) -> &'static str {
            socket.handshake().transport.as_str()
        }

        #[on(namespace = $namespace)]
        async fn join(socket: &Socket, room: String) -> jidda::Result<()> {
            Ok(socket.join(&room).await?)
        }

        #[on(namespace = $namespace)]
        async fn leave(socket: &Socket, room: String) {
            socket.leave(&room).await;
        }

        #[on(namespace = $namespace)]
        async fn rooms(socket: &Socket) -> Vec<String> {
            socket.rooms()
        }

        /// To others.
        #[on(namespace = $namespace)]
        async fn say(
            socket: &Socket,
            to: Vec<String>,
            except: Vec<String>,
            values: RawArguments,
        ) -> jidda::Result<()> {
            narrowed(socket.broadcast(), to, except).emit("said", &values).await?;
            Ok(())
        }

        /// To everyone, the sender included.
        #[on(namespace = $namespace)]
        async fn tell(
            socket: &Socket,
            server: &Server,
            to: Vec<String>,
            except: Vec<String>,
            values: RawArguments,
        ) -> jidda::Result<()> {
            narrowed(server.of(socket.namespace()), to, except).emit("said", &values).await?;
            Ok(())
        }

        #[on(namespace = $namespace)]
        async fn bye(socket: &Socket) {
            socket.disconnect();
        }

        #[on(namespace = $namespace)]
        async fn close(socket: &Socket) {
            socket.close();
        }

        #[on("disconnect", namespace = $namespace)]
        async fn left(socket: &Socket, server: &Server, reason: DisconnectReason) {
            tell_who_watches(socket, server, reason).await;
        }
    };
}

mod root {
    use super::*;

    common!("/");

    #[on("connect")]
    async fn enter(socket: &Socket) -> jidda::Result<()> {
        admit(socket)?;
        let token = socket.get::<Token>();
        socket.insert(Collected::default());
        for n in 1..=3 {
            socket.emit("welcome", &(n, token.as_ref().and_then(|token| token.0.as_deref()))).await?;
        }
        Ok(())
    }

    #[on]
    async fn message(socket: &Socket, value: Value) -> Value {
        socket.send(&value).await.ok();
        value
    }

    #[on]
    async fn back(socket: &Socket, values: RawArguments) {
        socket.emit("back", &values).await.ok();
    }

    #[on]
    async fn add(a: i64, b: i64) -> i64 {
        a + b
    }

    #[derive(Serialize)]
    struct Dividend {
        a: i64,
    }

    #[on]
    async fn divide(a: i64, b: i64) -> jidda::Result<i64> {
        let zero = || Error::new("zero", "division by zero").with_data(Dividend { a });
        a.checked_div(b).ok_or_else(zero)
    }

    #[on]
    async fn nothing() {}

    #[derive(Serialize)]
    struct Two {
        two: u8,
    }

    #[on]
    async fn several() -> (&'static str, Two, Vec<u8>) {
        ("one", Two { two: 2 }, vec![3])
    }

    #[on]
    async fn count(n: u32) -> impl Stream<Item = u32> {
        stream::iter(0..n)
    }

    #[on]
    async fn count_even(n: u32) -> jidda::Result<impl Stream<Item = jidda::Result<u32>>> {
        if n % 2 == 1 {
            return Err(Error::new("odd", "that is odd"));
        }
        Ok(stream::iter([Ok(n), Err(Error::new("broke", "it broke"))]))
    }

    /// Tells how far it got when it is stopped.
    struct Counter {
        socket: Socket,
        next: u32,
    }

    impl Drop for Counter {
        fn drop(&mut self) {
            self.socket.try_emit("stopped", &self.next).ok();
        }
    }

    #[on]
    async fn count_on(socket: &Socket) -> impl Stream<Item = u32> {
        stream::unfold(Counter { socket: socket.clone(), next: 0 }, async |mut counter| {
            counter.next += 1;
            Some((counter.next - 1, counter))
        })
    }

    #[on("grüße 😀")]
    async fn greetings(text: String) -> String {
        text + " 😀"
    }

    #[derive(Serialize)]
    struct Seen {
        token: Option<String>,
        header: Option<String>,
    }

    #[on]
    async fn seen(handshake: &Handshake, token: &Token) -> Seen {
        let header = handshake.headers.get("x-interop").and_then(|value| value.to_str().ok());
        Seen { token: token.0.clone(), header: header.map(str::to_owned) }
    }

    /// Bytes as text, so that a client sees what arrived as bytes.
    #[on("hexed")]
    async fn hexed_values(values: RawArguments) -> RawArguments {
        RawArguments(values.0.into_iter().map(hexed).collect())
    }

    fn hexed(value: Value) -> Value {
        match value {
            Value::Binary(bytes) => {
                let mut text = "hex:".to_owned();
                for byte in bytes {
                    let _ = write!(text, "{byte:02x}");
                }
                text.into()
            }
            Value::Array(values) => Value::Array(values.into_iter().map(hexed).collect()),
            Value::Map(entries) => {
                Value::Map(entries.into_iter().map(|(key, value)| (key, hexed(value))).collect())
            }
            other => other,
        }
    }

    fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
        Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    #[on]
    async fn bytes() -> (Value, Value) {
        let deep = map([("deep", Value::Binary(vec![255]))]);
        let list = Value::Array(vec![Value::Binary(vec![1, 2, 3]), deep]);
        (map([("list", list), ("text", "x".into())]), Value::Binary(Vec::new()))
    }

    /// What a client sent piece by piece.
    #[derive(Clone, Default, FromConnection)]
    struct Collected(Arc<Mutex<Vec<Value>>>);

    #[on]
    fn collect(collected: &Collected, value: Value) {
        collected.0.lock().unwrap().push(value);
    }

    /// Bytes as text: there is a limit to the buffers in one packet.
    #[on("collected")]
    fn all_collected(collected: &Collected) -> Vec<Value> {
        collected.0.lock().unwrap().iter().cloned().map(hexed).collect()
    }

    /// Events with and without bytes by turns.
    #[on]
    async fn series(socket: &Socket, count: u32) -> jidda::Result<()> {
        for i in 0..count {
            let byte = i.to_le_bytes()[0];
            let value = match i % 3 {
                0 => Value::from(format!("text {i}")),
                1 => Value::Binary(vec![byte]),
                _ => {
                    let list = vec![Value::Binary(vec![byte]), Value::Binary(vec![byte, byte])];
                    map([("a", Value::Binary(vec![byte])), ("b", Value::Array(list))])
                }
            };
            socket.emit("item", &(i, value)).await?;
        }
        Ok(())
    }

    /// What the client answers.
    #[on]
    async fn ask(socket: &Socket, values: RawArguments) -> (Value,) {
        answer(socket.call("question", &values).timeout(PATIENCE).await)
    }

    #[on("ask in vain")]
    async fn ask_in_vain(socket: &Socket) -> (Value,) {
        answer(socket.call("question", &()).timeout(IMPATIENCE).await)
    }

    /// A tuple of one, so that a null is told, too: a value that is nothing is no value otherwise.
    fn answer(answer: Result<Value, CallError>) -> (Value,) {
        match answer {
            Ok(value) => (value,),
            Err(error) if error.is_timeout() => ("timeout".into(),),
            Err(error) => (format!("failed: {error}").into(),),
        }
    }

    #[on("ask all")]
    async fn ask_all(server: &Server, room: String, value: Value) -> jidda::Result<Vec<String>> {
        let replies = server.to(room).call::<String>("question", &(value,)).timeout(PATIENCE).await?;
        let answers = replies.into_iter().map(|(_, reply)| reply);
        let mut answers: Vec<String> = answers.collect::<Result<_, _>>().map_err(jidda::Error::from)?;
        answers.sort();
        Ok(answers)
    }

    #[on]
    async fn watch(socket: &Socket) -> jidda::Result<()> {
        Ok(socket.join("watchers").await?)
    }
}

mod chat {
    use super::*;

    common!("/chat");

    #[on("connect", namespace = "/chat")]
    async fn enter(socket: &Socket) -> jidda::Result<()> {
        admit(socket)
    }
}

mod orders {
    use super::*;

    common!("/orders/{id}");

    #[on("connect", namespace = "/orders/{id}")]
    async fn enter(socket: &Socket) -> jidda::Result<()> {
        admit(socket)
    }

    #[on(namespace = "/orders/{id}")]
    async fn describe(id: &Path<u64>, prefix: String) -> String {
        format!("{prefix}{}", **id)
    }
}

/// The raw resource: what comes in goes out, but for a few words.
mod raw {
    use super::*;

    pub(crate) struct Echo;

    #[derive(Clone, FromConnection)]
    struct Name(String);

    #[on(app = Echo)]
    async fn message(socket: &Socket, message: Value) -> jidda::Result<()> {
        match message.as_str() {
            Some("watch") => socket.join("watchers").await?,
            Some("close") => socket.close(),
            Some(text) if text.starts_with("name ") => {
                socket.insert(Name(text["name ".len()..].to_owned()));
            }
            _ => socket.send(&message).await?,
        }
        Ok(())
    }

    #[on("disconnect", app = Echo)]
    async fn left(socket: &Socket, reason: DisconnectReason) {
        let name = socket.get::<Name>().map_or("nobody".to_owned(), |name| name.0.clone());
        // Nobody may be left to be told when the server goes down.
        socket.to("watchers").send(&format!("left {name}: {reason}")).await.ok();
    }
}

fn main() -> jidda::Result<()> {
    let mut address = "127.0.0.1:0".to_owned();
    // Clients in Python and Rust read them exactly.
    let mut server = Server::builder().socket_io(|resource| resource.integers(Integers::All));
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--parser" => {
                let parser = match arguments.next().as_deref() {
                    Some("msgpack") => Parser::MessagePack,
                    other => return Err(Error::new("usage", format!("there is no parser {other:?}"))),
                };
                server = server.socket_io(|resource| resource.parser(parser));
            }
            "--heartbeat" => {
                let interval = Duration::from_millis(arguments.next().unwrap_or_default().parse()?);
                server = server.heartbeat(interval).heartbeat_timeout(5 * interval);
            }
            "--limit" => server = server.max_message(arguments.next().unwrap_or_default().parse()?),
            option if option.starts_with('-') => {
                return Err(Error::new("usage", format!("there is no option {option}")));
            }
            _ => address = argument,
        }
    }
    server.listen(address).resource(Resource::raw("/engine.io/").app::<raw::Echo>()).run()?;
    Ok(())
}
