//! What Socket.IO's users count on, over its own wire: one set of handlers, and peers of both kinds.
#![allow(missing_docs)]

mod client;
mod events;
mod forms;
mod hostile_frames;
mod hostile_http;
mod hostile_pace;
mod hostile_packets;
mod hostile_storm;
mod hostile_witness;
mod life;
mod mixed;
mod polling;
mod proxied;
mod rooms;
mod streams;

use std::sync::Mutex;
use std::time::Duration;

use jidda::handler::{EventName, RawArguments};
use jidda::middleware::{Call, Next};
use jidda::prelude::*;
use jidda::{Error, Path, State};
use serde::{Deserialize, Serialize};

/// What the server noted, in order.
#[derive(Default)]
pub(crate) struct Journal(Mutex<Vec<String>>);

impl Journal {
    pub(crate) fn write(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Waits until a line begins with `start`.
    pub(crate) async fn wait_for(&self, start: &str) -> String {
        for _ in 0..1000 {
            if let Some(line) = self.lines().into_iter().find(|line| line.starts_with(start)) {
                return line;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no line begins with `{start}`: {:?}", self.lines());
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Login {
    name: String,
}

#[on("connect")]
async fn enter(socket: &Socket, login: Option<Login>) -> jidda::Result<()> {
    if let Some(login) = login {
        if login.name == "mallory" {
            return Err(Error::new("denied", "not you").with_data(7));
        }
        socket.identify(&login.name)?;
    }
    Ok(())
}

#[on("disconnect")]
async fn leave(socket: &Socket, journal: &State<Journal>, reason: DisconnectReason) {
    journal.write(format!("{} left {:?}: {reason}", socket.id(), socket.rooms()));
}

#[on]
async fn now() {}

#[on]
async fn echo(args: RawArguments) -> RawArguments {
    args
}

#[on]
async fn pair(a: i64, b: i64) -> (i64, i64) {
    (b, a)
}

#[on]
async fn nothing() {}

#[on]
async fn divide(a: i64, b: i64) -> Result<i64, String> {
    a.checked_div(b).ok_or_else(|| "division by zero".to_owned())
}

#[on]
async fn join(socket: &Socket, room: String) -> jidda::Result<()> {
    Ok(socket.join(&room).await?)
}

#[on]
async fn my_rooms(socket: &Socket) -> Vec<String> {
    socket.rooms()
}

/// Sends `said` to everyone in the rooms, but not to those in the others.
#[on]
async fn tell(socket: &Socket, rooms: Vec<String>, except: Vec<String>, text: String) -> jidda::Result<()> {
    let mut others = socket.to_all(rooms);
    for room in except {
        others = others.except(room);
    }
    others.emit("said", &text).await?;
    Ok(())
}

#[on]
async fn tell_all(socket: &Socket, text: String) -> jidda::Result<()> {
    socket.broadcast().emit("said", &text).await?;
    Ok(())
}

/// Asks the caller for something while it waits for its own answer.
#[on]
async fn ask_back(socket: &Socket, text: String) -> jidda::Result<String> {
    let answer = socket.call::<String>("asked", &text).timeout(Duration::from_secs(5)).await;
    answer.map_err(|error| Error::new("asked", error.to_string()))
}

#[on]
async fn wait_for_ever(socket: &Socket, journal: &State<Journal>) {
    let answer = socket.call::<String>("asked", &()).await;
    journal.write(format!("asked: {answer:?}"));
}

#[middleware(namespace = "/guarded")]
async fn guard(call: Call, next: Next) -> Reply {
    match call.event() {
        "connect" if call.argument::<Login>().is_ok_and(|login| login.name == "ada") => next.run(call).await,
        "connect" => Reply::error(Error::new("denied", "only ada")),
        event if event.starts_with("secret") => Reply::error(Error::new("denied", "not that")),
        _ => next.run(call).await,
    }
}

#[namespace("/guarded")]
mod guarded {
    use super::*;

    #[on]
    async fn open() -> &'static str {
        "open"
    }

    #[on]
    async fn secret() -> &'static str {
        "secret"
    }
}

#[on("where", namespace = "/orders/{id}")]
async fn where_am_i(socket: &Socket, id: &Path<u32>) -> (String, u32) {
    (socket.namespace().to_owned(), id.0)
}

#[on("*", namespace = "/all")]
async fn anything(event: &EventName, args: RawArguments) -> (String, usize) {
    (event.to_string(), args.0.len())
}

/// A namespace whose handlers wait for ever, at least until their connection ends.
#[namespace("/sticky/{how}")]
mod sticky {
    use super::*;

    #[on("connect")]
    async fn enter(how: &Path<String>, journal: &State<Journal>) {
        journal.write("sticky connect");
        if how.0 == "connect" {
            std::future::pending::<()>().await;
        }
    }

    #[on("disconnect")]
    async fn leave(how: &Path<String>, journal: &State<Journal>) {
        journal.write("sticky disconnect");
        if how.0 == "disconnect" {
            std::future::pending::<()>().await;
        }
    }
}

pub(crate) async fn start() -> Server {
    let builder = Server::builder().listen("127.0.0.1:0").state(Journal::default());
    builder.start().await.expect("a free port")
}
