//! What the two sides of a task board may ask of each other, without a server or a client.
#![deny(warnings)]

use jidda::prelude::*;
use jidda::stream::Stream;
use serde::{Deserialize, Serialize};

/// One task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    pub id: u64,
    pub title: String,
}

/// Why a task is not added.
#[derive(Clone, Debug, thiserror::Error, Serialize, Deserialize)]
pub enum BoardError {
    #[error("a title has 1 to {limit} characters")]
    Title { limit: usize },
}

/// What a client may ask of the server.
#[namespace("/board/{id}")]
pub trait Board {
    /// Adds a task.
    #[on(allow = ["editor", "admin"])]
    async fn add(&self, title: String) -> Result<Task, BoardError>;

    #[on]
    async fn watch(&self) -> impl Stream<Item = Task>;

    #[on]
    async fn clear(&self) -> Result<()>;
}

/// What the server may tell its clients.
#[namespace("/board/{id}", side = client)]
pub trait BoardEvents {
    #[on]
    async fn added(&self, task: Task);
}

/// Errors of calls are known where contracts are.
pub fn is_title(error: &CallError<BoardError>) -> bool {
    matches!(error, CallError::App(BoardError::Title { .. }))
}
