//! The boards and their handlers.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use board_contract::{Board, BoardError, BoardEventsClient, Task};
use jidda::Path;
use jidda::auth::Identity;
use jidda::prelude::*;

/// The longest title, in characters.
const LONGEST: usize = 100;

/// All boards. Its clones share them.
#[derive(Clone, Debug, Default)]
pub struct Boards {
    tasks: Arc<Mutex<HashMap<String, Vec<Task>>>>,
}

impl Boards {
    /// The tasks of a board.
    pub fn tasks(&self, board: &str) -> Vec<Task> {
        self.with(board, |tasks| tasks.clone())
    }

    fn with<R>(&self, board: &str, change: impl FnOnce(&mut Vec<Task>) -> R) -> R {
        let mut boards = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        change(boards.entry(board.to_owned()).or_default())
    }
}

/// The users in a selection, each once.
fn names<'a>(sockets: impl IntoIterator<Item = &'a Socket>) -> BTreeSet<String> {
    sockets.into_iter().filter_map(Socket::identity).map(|user| user.name().to_owned()).collect()
}

/// Notifies all who are on the board. Who cannot be reached leaves, and sees the board anew when it returns.
async fn notify(socket: &Socket, task: &Task) {
    BoardEventsClient::new(socket.everyone()).changed(task).await.ok();
}

#[namespace]
impl Board for Boards {
    /// Without an identity nobody enters: `user` is refused as `denied`.
    async fn enter(&self, socket: &Socket, user: &Identity) {
        let mut names = names(&socket.everyone().sockets());
        names.insert(user.name().to_owned());
        let names: Vec<_> = names.into_iter().collect();
        // Who enters is accepted by the first event that it is sent, and is among `everyone` from then on.
        BoardEventsClient::new(socket).present(&names).await.ok();
        BoardEventsClient::new(socket.broadcast()).present(&names).await.ok();
    }

    async fn leave(&self, socket: &Socket) {
        let others: Vec<_> =
            socket.everyone().sockets().into_iter().filter(|other| other.id() != socket.id()).collect();
        let names: Vec<_> = names(&others).into_iter().collect();
        BoardEventsClient::new(socket.everyone()).present(&names).await.ok();
    }

    async fn list(&self, board: &Path<String>) -> Vec<Task> {
        self.tasks(board)
    }

    async fn online(&self, socket: &Socket) -> Vec<String> {
        names(&socket.everyone().sockets()).into_iter().collect()
    }

    async fn add(
        &self,
        socket: &Socket,
        board: &Path<String>,
        user: &Identity,
        title: String,
    ) -> Result<Task, BoardError> {
        if title.is_empty() || title.chars().count() > LONGEST {
            return Err(BoardError::BadTitle { limit: LONGEST });
        }
        let author = user.name().to_owned();
        let task = self.with(board, |tasks| {
            let id = u32::try_from(tasks.len()).unwrap_or(u32::MAX).saturating_add(1);
            let task = Task { id, title, done: false, author };
            tasks.push(task.clone());
            task
        });
        notify(socket, &task).await;
        Ok(task)
    }

    async fn finish(&self, socket: &Socket, board: &Path<String>, id: u32) -> Result<Task, BoardError> {
        let task = self.with(board, |tasks| {
            let task = tasks.iter_mut().find(|task| task.id == id)?;
            task.done = true;
            Some(task.clone())
        });
        let task = task.ok_or(BoardError::NoSuchTask { id })?;
        notify(socket, &task).await;
        Ok(task)
    }
}
