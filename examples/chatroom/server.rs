//! The server: one set of handlers for browsers, terminals and Python.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use jidda::Error;
use jidda::prelude::*;

use crate::contract::{ChatEventsClient, Line, Login, ROOMS, View};

const LONGEST_NAME: usize = 24;
const LONGEST_TEXT: usize = 500;
const LINES_KEPT: usize = 50;

#[derive(Default)]
pub struct Chatroom {
    /// The names that are taken.
    names: Mutex<HashSet<String>>,
    /// Held until everyone is told what happened, so that all are told in the same order. A lock that may be held
    /// while waiting is tokio's.
    history: tokio::sync::Mutex<History>,
}

#[derive(Default)]
struct History {
    posted: u64,
    rooms: HashMap<String, VecDeque<Line>>,
}

/// What a socket is called. A handler that borrows it is refused to those who did not come in.
#[derive(Clone, FromConnection)]
struct Name(String);

/// The room a socket is in.
#[derive(Clone, FromConnection)]
struct Place(String);

#[namespace("/chat")]
impl Chatroom {
    /// Lets somebody in, if the name is free. It does not wait for anything: a `connect` handler refuses before it
    /// first waits, or not at all.
    #[on("connect")]
    async fn enter(&self, socket: &Socket, login: Login) -> jidda::Result<()> {
        let name = login.name.trim();
        // These reach whoever is refused as they are, so one text is enough for all three clients.
        if name.is_empty() || name.chars().count() > LONGEST_NAME {
            return Err(Error::new("bad_name", format!("a name has 1 to {LONGEST_NAME} letters")));
        }
        if !self.names().insert(name.to_owned()) {
            return Err(Error::new("name_taken", format!("somebody here is called {name} already")));
        }
        socket.insert(Name(name.to_owned()));
        Ok(())
    }

    /// Goes to a room.
    #[on]
    async fn go(&self, server: &Server, socket: &Socket, name: &Name, room: String) -> jidda::Result<()> {
        if !ROOMS.contains(&room.as_str()) {
            return Err(Error::new("no_such_room", format!("there is no {room}, only {}", ROOMS.join(", "))));
        }
        let history = self.history.lock().await;
        depart(socket, name, &format!("went to the {room}")).await?;
        socket.join(&room).await?;
        socket.insert(Place(room.clone()));
        ChatEventsClient::new(socket.to(&room)).came(name.0.clone()).await?;
        let here = server.of("/chat").to(&room).sockets();
        let here = here.iter().filter_map(Socket::get::<Name>).map(|name| name.0.clone());
        let here: BTreeSet<_> = here.collect();
        let view = View {
            rooms: ROOMS.map(str::to_owned).to_vec(),
            here: here.into_iter().collect(),
            lines: history.rooms.get(&room).into_iter().flatten().cloned().collect(),
            room,
        };
        // A socket's id is a room that only it is in.
        ChatEventsClient::new(server.of("/chat").to(socket.id())).entered(view).await?;
        Ok(())
    }

    /// Posts a line to everyone in the room.
    #[on]
    async fn post(&self, server: &Server, name: &Name, place: &Place, text: String) -> jidda::Result<()> {
        if text.trim().is_empty() || text.chars().count() > LONGEST_TEXT {
            return Err(Error::new("bad_line", format!("a line has 1 to {LONGEST_TEXT} letters")));
        }
        let mut history = self.history.lock().await;
        let line = history.add(&place.0, &name.0, text);
        ChatEventsClient::new(server.of("/chat").to(&place.0)).posted(line).await?;
        Ok(())
    }

    /// Tells the others in the room that somebody is typing.
    #[on]
    async fn typing(&self, socket: &Socket, name: &Name, place: &Place) -> jidda::Result<()> {
        ChatEventsClient::new(socket.to(&place.0).volatile()).typing(name.0.clone()).await?;
        Ok(())
    }

    #[on("disconnect")]
    async fn leave(&self, socket: &Socket, name: &Name, reason: DisconnectReason) -> jidda::Result<()> {
        let _history = self.history.lock().await;
        self.names().remove(&name.0);
        depart(socket, name, reason.as_str()).await
    }
}

impl Chatroom {
    fn names(&self) -> MutexGuard<'_, HashSet<String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl History {
    fn add(&mut self, room: &str, from: &str, text: String) -> Line {
        self.posted += 1;
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let line = Line { number: self.posted, time, from: from.to_owned(), text };
        let lines = self.rooms.entry(room.to_owned()).or_default();
        if lines.len() == LINES_KEPT {
            lines.pop_front();
        }
        lines.push_back(line.clone());
        line
    }
}

/// Leaves the room a socket is in, if it is in one.
async fn depart(socket: &Socket, name: &Name, why: &str) -> jidda::Result<()> {
    if let Some(place) = socket.remove::<Place>() {
        socket.leave(&place.0).await;
        ChatEventsClient::new(socket.to(&place.0)).left(name.0.clone(), why.to_owned()).await?;
    }
    Ok(())
}
