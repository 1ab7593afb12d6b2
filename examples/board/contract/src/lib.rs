//! What the server and the clients of a board agree on. It depends on no HTTP server and on no client.

use jidda::prelude::*;
use serde::{Deserialize, Serialize};

/// The permission to change a board.
pub const EDITOR: &str = "editor";

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its number on the board.
    pub id: u32,
    /// What is to be done.
    pub title: String,
    /// Whether it is done.
    pub done: bool,
    /// Who added it.
    pub author: String,
}

/// Why a board was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum BoardError {
    /// The title is empty or too long.
    #[error("a title has 1 to {limit} characters")]
    BadTitle {
        /// The longest title.
        limit: usize,
    },
    /// There is no such task.
    #[error("there is no task {id}")]
    NoSuchTask {
        /// The number that was given.
        id: u32,
    },
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum LoginError {
    /// The user or the password is wrong.
    #[error("the user or the password is wrong")]
    WrongPassword,
    /// The server could not sign a token.
    #[error("the server cannot sign tokens")]
    NoToken,
}

/// For everybody, without credentials.
#[namespace("/")]
pub trait Entrance {
    /// Returns a token for a password.
    #[on]
    async fn login(&self, user: String, password: String) -> Result<String, LoginError>;
}

/// One board, for users with a token.
#[namespace("/board/{board}")]
pub trait Board {
    /// Enters the board.
    #[on("connect")]
    async fn enter(&self);

    /// Leaves the board.
    #[on("disconnect")]
    async fn leave(&self);

    /// Lists all tasks.
    #[on]
    async fn list(&self) -> Vec<Task>;

    /// Lists who is on the board.
    #[on]
    async fn online(&self) -> Vec<String>;

    /// Adds a task.
    #[on(allow = EDITOR)]
    async fn add(&self, title: String) -> Result<Task, BoardError>;

    /// Marks a task as done.
    #[on(allow = EDITOR)]
    async fn finish(&self, id: u32) -> Result<Task, BoardError>;
}

/// What a client of a board is notified of.
#[namespace("/board/{board}", side = client)]
pub trait BoardEvents {
    /// A task was added or finished.
    #[on]
    async fn changed(&self, task: Task);

    /// Somebody entered or left: these are on the board now.
    #[on]
    async fn present(&self, names: Vec<String>);
}
