//! Protocols as bytes: what the load generator writes, and what it makes of what comes back.

pub mod acquaintance;
pub mod called;
pub mod greeting;
pub mod native;
pub mod packet;
pub mod size;
pub mod socketio;
pub mod websocket;

use std::net::TcpStream;

use anyhow::Result;

/// The argument of calls and events unless a measure says otherwise: 16 bytes.
pub const TEXT: &str = "sixteen byte txt";

/// A protocol whose messages are encoded beforehand, so that a load of them costs its client next to nothing.
pub trait Wire: Copy {
    /// The first id of a call. From here on every id is as long as the next.
    const FIRST_ID: u32;

    /// Brings a fresh connection to where it takes calls.
    fn greet(self, stream: &mut TcpStream) -> Result<()>;

    /// A client's way in, by which it can be followed.
    fn entrance(self) -> Box<dyn Entrance>;

    /// The calls that are made in turn, with the first id.
    fn requests(self) -> Vec<Vec<u8>>;

    /// Gives a call another id.
    fn set_id(self, request: &mut [u8], id: u32);

    /// An event that nobody answers.
    fn note(self) -> Vec<u8>;

    /// The first message of `bytes`, if it is there as a whole.
    fn first(self, bytes: &[u8]) -> Result<Option<Incoming>>;

    /// How the server asks for a sign of life; nothing where it does not.
    fn ping(self) -> Vec<u8> {
        Vec::new()
    }

    /// The sign of life.
    fn pong(self) -> Vec<u8> {
        Vec::new()
    }

    /// Asks the server to send [`Wire::news`] to everybody.
    fn announce(self) -> Vec<u8>;

    /// A call, with the first id, that joins a room; nothing where the server puts clients into rooms by itself.
    fn join(self, room: usize) -> Option<Vec<u8>>;

    /// Asks the server to send [`Wire::news`] to everybody in a room.
    fn tell(self, room: usize) -> Vec<u8>;

    /// The event that a broadcast consists of.
    fn news(self) -> Vec<u8>;
}

/// The way of one client in and out again.
pub trait Entrance {
    /// What it writes as soon as it is connected.
    fn hello(&self) -> Vec<u8>;

    /// Takes what has come from the server. Returns what the client writes next.
    fn receive(&mut self, bytes: &[u8]) -> Result<Vec<u8>>;

    /// Whether the client is in, and nothing is left to take.
    fn is_over(&self) -> bool;

    /// What it takes its leave with, before the server hangs up; nothing if it hangs up itself.
    fn goodbye(&self) -> Option<Vec<u8>>;
}

/// A message from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// How many bytes it has.
    pub length: usize,
    /// What it says.
    pub content: Content,
}

/// What a message from the server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// It answers the call with this id.
    Reply(u32),
    /// It asks for a sign of life, which is [`Wire::pong`].
    Ping,
    /// It is a [`Wire::note`] that came back from a server which knows nothing of messages.
    Note,
}
