//! What both sides know. In a project of several crates this is the one that they share.

use jidda::prelude::*;
use serde::{Deserialize, Serialize};

pub const ROOMS: [&str; 3] = ["lobby", "kitchen", "garden"];

/// What somebody who comes says of themselves.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Login {
    pub name: String,
}

/// One line that somebody posted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    pub number: u64,
    /// In seconds since 1970.
    pub time: u64,
    pub from: String,
    pub text: String,
}

/// What somebody sees who enters a room.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct View {
    pub room: String,
    /// Where one can go.
    pub rooms: Vec<String>,
    /// The names of everyone in the room.
    pub here: Vec<String>,
    /// The last lines, oldest first.
    pub lines: Vec<Line>,
}

/// What a client hears: for one in Rust a trait to implement, for others a list of events to listen for.
#[namespace("/chat", side = client)]
pub trait ChatEvents {
    /// You are in a room. What happens there is told after this.
    #[on]
    async fn entered(&self, view: View);

    /// Somebody posted a line; you, too.
    #[on]
    async fn posted(&self, line: Line);

    /// Somebody came to your room.
    #[on]
    async fn came(&self, name: String);

    /// Somebody left your room.
    #[on]
    async fn left(&self, name: String, why: String);

    /// Somebody is typing. It is not told to those who cannot hear it right now.
    #[on]
    async fn typing(&self, name: String);
}
