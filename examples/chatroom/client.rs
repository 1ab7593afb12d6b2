//! The client for a terminal: it implements what the contract lets a server tell, and calls the server's handlers by
//! their stub.

use std::io::BufRead;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jidda::client::{ClientEvent, ClientEvents};
use jidda::prelude::*;
use tokio::sync::mpsc;

use crate::contract::{ChatEvents, Line, Login, ROOMS, View};
use crate::server::ChatroomClient;

/// Prints what the server tells.
struct Screen {
    /// Where to go when the connection comes back.
    room: Mutex<String>,
}

impl Screen {
    fn room(&self) -> MutexGuard<'_, String> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[namespace]
impl ChatEvents for Screen {
    async fn entered(&self, view: View) {
        view.lines.iter().for_each(print);
        println!("* you are in the {}, with {}", view.room, view.here.join(", "));
        *self.room() = view.room;
    }

    async fn posted(&self, line: Line) {
        print(&line);
    }

    async fn came(&self, name: String) {
        println!("* {name} came");
    }

    async fn left(&self, name: String, why: String) {
        println!("* {name} left: {why}");
    }

    async fn typing(&self, _name: String) {
        // What is over in a moment has no place among lines that stay.
    }
}

/// What is this client's own affair stands beside the contract.
#[namespace("/chat", side = client)]
impl Screen {
    /// Runs on the first connection, and on every one after the server was away: it does not know us then.
    #[on("connect")]
    async fn come_back(&self, socket: &Socket) -> jidda::Result<()> {
        let room = self.room().clone();
        ChatroomClient::new(socket.clone()).go(room).await?;
        Ok(())
    }
}

fn print(line: &Line) {
    println!("{} {}: {}", line.number, line.from, line.text);
}

#[tokio::main]
pub async fn run(address: &str, name: &str) -> jidda::Result<()> {
    let screen = Screen { room: Mutex::new(ROOMS[0].to_owned()) };
    let client = Client::builder(address).service(screen).connect().await?;
    let chat = ChatroomClient::connect(&client, Login { name: name.to_owned() }).await?;
    tokio::spawn(tell_of_the_connection(client.events()));
    let mut lines = typed_lines();
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            reason = chat.call_target().closed() => {
                println!("* the server let you go: {reason}");
                return Ok(());
            }
        };
        let done = match line.as_deref().map(str::trim) {
            None | Some("/quit") => break,
            Some("") => Ok(()),
            Some(text) => match text.strip_prefix("/go ") {
                Some(room) => chat.go(room.trim().to_owned()).await,
                None => chat.post(text.to_owned()).await,
            },
        };
        if let Err(error) = done {
            println!("* {error}");
        }
    }
    client.disconnect().await;
    Ok(())
}

async fn tell_of_the_connection(mut events: ClientEvents) {
    while let Some(event) = events.next().await {
        match event {
            ClientEvent::Disconnected(DisconnectReason::ClientDisconnect) => {}
            ClientEvent::Disconnected(reason) => println!("* the connection is lost: {reason}"),
            ClientEvent::Reconnected => println!("* the connection is back"),
            _ => {}
        }
    }
}

/// The lines typed at the terminal. A thread of its own reads them, so that the program can end while it waits.
fn typed_lines() -> mpsc::UnboundedReceiver<String> {
    let (send, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if send.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
