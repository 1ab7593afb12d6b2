//! The terminal client of a board: it lists, adds, finishes and watches.

use std::fmt;

use anyhow::{Context, bail};
use board_contract::{BoardClient, BoardEvents, EntranceClient, Task};
use jidda::client::ClientEvent;
use jidda::prelude::*;
use tokio::sync::mpsc::UnboundedSender;

/// What to do on a board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// List all tasks.
    List,
    /// Add a task.
    Add(String),
    /// Mark a task as done.
    Finish(u32),
    /// Print what changes, until the program is ended.
    Watch,
}

impl Command {
    /// Reads a command line: `list`, `add TITLE`, `done NUMBER` or `watch`.
    ///
    /// # Errors
    ///
    /// It is none of these.
    pub fn parse(words: &[String]) -> anyhow::Result<Self> {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        Ok(match &*words {
            ["list"] => Self::List,
            ["add", title] => Self::Add((*title).to_owned()),
            ["done", id] => Self::Finish(id.parse().context("the number of a task is a whole number")?),
            ["watch"] => Self::Watch,
            _ => bail!("a command is `list`, `add TITLE`, `done NUMBER` or `watch`"),
        })
    }
}

/// Prints what the server notifies of, line by line.
#[derive(Debug)]
struct Screen(UnboundedSender<String>);

impl Screen {
    fn print(&self, line: impl fmt::Display) {
        // Nobody reads when the program ends.
        self.0.send(line.to_string()).ok();
    }
}

#[namespace]
impl BoardEvents for Screen {
    async fn changed(&self, task: Task) {
        self.print(line(&task));
    }

    async fn present(&self, names: Vec<String>) {
        self.print(format_args!("on the board: {}", names.join(", ")));
    }
}

fn line(task: &Task) -> String {
    let mark = if task.done { 'x' } else { ' ' };
    format!("[{mark}] {} {} ({})", task.id, task.title, task.author)
}

/// Logs in and connects. Tokens expire: a new one is asked for at each connection, and before the last one has expired.
///
/// # Errors
///
/// The server cannot be reached, or refuses the password.
pub async fn connect(
    address: &str,
    user: &str,
    password: &str,
    lines: UnboundedSender<String>,
) -> anyhow::Result<Client> {
    let login = (address.to_owned(), user.to_owned(), password.to_owned());
    let client = Client::builder(address)
        .service(Screen(lines))
        .credentials_with(move || token(login.clone()))
        .connect()
        .await?;
    Ok(client)
}

async fn token((address, user, password): (String, String, String)) -> jidda::Result<String> {
    let guest = Client::builder(address).no_reconnect().connect().await?;
    Ok(EntranceClient::new(&guest).login(user, password).await?)
}

/// Runs one command.
///
/// # Errors
///
/// The server refused it, or the connection was lost.
pub async fn run(
    client: &Client,
    board: &str,
    command: Command,
    lines: &UnboundedSender<String>,
) -> anyhow::Result<()> {
    let stub = BoardClient::connect(client, board).await?;
    match command {
        Command::List => {
            for task in stub.list().await? {
                lines.send(line(&task))?;
            }
        }
        Command::Add(title) => lines.send(line(&stub.add(title).await?))?,
        Command::Finish(id) => lines.send(line(&stub.finish(id).await?))?,
        Command::Watch => watch(client, lines).await?,
    }
    Ok(())
}

/// Prints when the connection is lost and made again; what changes on the board is printed by the handlers.
async fn watch(client: &Client, lines: &UnboundedSender<String>) -> anyhow::Result<()> {
    let mut events = client.events();
    while let Some(event) = events.next().await {
        match event {
            ClientEvent::Disconnected(reason) => lines.send(format!("offline: {reason}"))?,
            ClientEvent::Reconnected => lines.send("online again".to_owned())?,
            _ => {}
        }
    }
    bail!("the connection has ended: {}", client.closed().await)
}
