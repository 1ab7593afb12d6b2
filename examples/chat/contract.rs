//! What the two sides may ask of each other. In a project of several crates this is the one that both use.

use jidda::error::{IdentifyError, RoomError};
use jidda::prelude::*;
use serde::{Deserialize, Serialize};

/// Where everyone begins.
pub const LOBBY: &str = "lobby";

/// What a client says of itself when it comes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Login {
    pub name: String,
}

/// Why a connection is refused.
#[derive(Clone, Debug, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    #[error("this name is taken")]
    NameTaken,
    #[error("a name is needed")]
    NameEmpty,
    /// What jidda itself refuses, such as a name that is too long.
    #[error("{0}")]
    Other(String),
}

impl From<IdentifyError> for Refusal {
    fn from(error: IdentifyError) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<RoomError> for Refusal {
    fn from(error: RoomError) -> Self {
        Self::Other(error.to_string())
    }
}

/// Why a line is not posted.
#[derive(Clone, Debug, thiserror::Error, Serialize, Deserialize)]
pub enum ChatError {
    #[error("there is nothing to post")]
    Empty,
    #[error("at most {limit} letters, please")]
    TooLong { limit: usize },
}

/// One posted line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    pub number: u64,
    pub from: String,
    pub text: String,
}

/// What a client may ask of the server.
#[namespace("/chat")]
pub trait Chat {
    /// Lets somebody in, to the lobby.
    #[on("connect")]
    async fn enter(&self, login: Login) -> Result<(), Refusal>;

    /// Posts one line to the room; returns its number.
    #[on]
    async fn post(&self, text: String) -> Result<u64, ChatError>;

    /// Goes to another room.
    #[on]
    async fn go(&self, room: String) -> jidda::Result<()>;

    /// The names of everyone in the room, in order.
    #[on]
    async fn who(&self) -> Vec<String>;

    /// Somebody left.
    #[on("disconnect")]
    async fn leave(&self, reason: DisconnectReason);
}

/// What the server may tell a client.
#[namespace("/chat", side = client)]
pub trait ChatEvents {
    /// Somebody else posted a line.
    #[on]
    async fn posted(&self, line: Line);

    /// Somebody came to the room.
    #[on]
    async fn came(&self, name: String);

    /// Somebody left the room.
    #[on]
    async fn left(&self, name: String, why: String);
}
