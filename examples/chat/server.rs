//! The server's side: who is where, and who hears what.

use std::sync::atomic::{AtomicU64, Ordering};

use jidda::error::RoomError;
use jidda::prelude::*;

use crate::contract::{Chat, ChatError, ChatEventsClient, LOBBY, Line, Login, Refusal};

const LONGEST: usize = 1000;

#[derive(Default)]
pub struct Chatroom {
    lines: AtomicU64,
}

/// The room a socket is in, kept with it.
struct Room(String);

fn room_of(socket: &Socket) -> String {
    socket.get::<Room>().map_or_else(|| LOBBY.to_owned(), |room| room.0.clone())
}

fn name_of(socket: &Socket) -> String {
    socket.identity().map_or_else(|| "somebody".to_owned(), |identity| identity.name().to_owned())
}

/// Everyone else in the socket's room, as typed calls.
fn others(socket: &Socket) -> ChatEventsClient<Selection> {
    ChatEventsClient::new(socket.to(room_of(socket)))
}

/// Joins a room, which may be refused: a client chose its name.
async fn move_to(socket: &Socket, room: String) -> Result<(), RoomError> {
    socket.join(&room).await?;
    socket.insert(Room(room));
    // A broadcast fails only when its value cannot be written; these can.
    others(socket).came(name_of(socket)).await.ok();
    Ok(())
}

#[namespace]
impl Chat for Chatroom {
    async fn enter(&self, socket: &Socket, login: Login) -> Result<(), Refusal> {
        if login.name.trim().is_empty() {
            return Err(Refusal::NameEmpty);
        }
        if socket.broadcast().sockets().iter().any(|other| name_of(other) == login.name) {
            return Err(Refusal::NameTaken);
        }
        socket.identify(login.name.as_str())?;
        move_to(socket, LOBBY.to_owned()).await?;
        Ok(())
    }

    async fn post(&self, socket: &Socket, text: String) -> Result<u64, ChatError> {
        if text.trim().is_empty() {
            return Err(ChatError::Empty);
        }
        if text.len() > LONGEST {
            return Err(ChatError::TooLong { limit: LONGEST });
        }
        let number = self.lines.fetch_add(1, Ordering::Relaxed) + 1;
        others(socket).posted(Line { number, from: name_of(socket), text }).await.ok();
        Ok(number)
    }

    async fn go(&self, socket: &Socket, room: String) -> jidda::Result<()> {
        let old = room_of(socket);
        if room == old {
            return Ok(());
        }
        // Those of the old room, who are told only once the new one is joined.
        let (former, farewell) = (others(socket), format!("went to {room}"));
        move_to(socket, room).await?;
        former.left(name_of(socket), farewell).await.ok();
        socket.leave(&old).await;
        Ok(())
    }

    async fn who(&self, socket: &Socket) -> Vec<String> {
        let others = socket.to(room_of(socket)).sockets();
        let mut names: Vec<_> = others.iter().chain([socket]).map(name_of).collect();
        names.sort();
        names
    }

    async fn leave(&self, socket: &Socket, reason: DisconnectReason) {
        others(socket).left(name_of(socket), reason.to_string()).await.ok();
    }
}
