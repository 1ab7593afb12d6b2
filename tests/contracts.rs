//! A contract lists what travels, whatever its `impl` borrows beside it; stubs name the namespaces of a family.
#![allow(missing_docs)]

use futures_util::StreamExt;
use jidda::handler::{HandlerEntry, NamespaceError};
use jidda::prelude::*;
use jidda::stream::Stream;
use jidda::{Path, testing};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

struct Boards;

/// A permission that both sides know.
const EDITOR: &str = "editor";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Refused {
    reason: String,
}

#[namespace("/board/{id: u32}", app = Boards)]
trait Board {
    #[on("connect")]
    async fn enter(&self, name: String) -> Result<(), Refused>;
    #[on]
    async fn title(&self) -> String;
    #[on]
    async fn add(&self, task: String) -> Result<usize, Refused>;
    #[on(allow = [EDITOR, "owner"])]
    async fn clear(&self);
    #[on]
    async fn tasks(&self) -> impl Stream<Item = String>;
}

/// What clients are told of a board.
#[namespace("/board/{id: u32}", side = client, app = Boards)]
trait BoardEvents {
    #[on]
    async fn added(&self, task: String);
}

#[derive(Default)]
struct Service;

#[namespace]
impl Board for Service {
    /// A method that borrows may have documentation and other attributes.
    #[allow(clippy::unused_self)]
    async fn enter(&self, socket: &Socket, name: String) -> Result<(), Refused> {
        if name.is_empty() {
            return Err(Refused { reason: "a name is needed".to_owned() });
        }
        if name == "ed" {
            socket.grant(EDITOR);
        }
        Ok(())
    }

    async fn title(&self, id: &Path<u32>) -> String {
        let title = "board";
        [title, &id.to_string()].join(" ")
    }

    async fn add(&self, server: &Server, id: &Path<u32>, task: String) -> Result<usize, Refused> {
        let board = BoardEventsClient::of(server, id.0).map_err(|_| Refused { reason: String::new() })?;
        board.added(&task).await.map_err(|error| Refused { reason: error.to_string() })?;
        Ok(task.len())
    }

    async fn clear(&self) {}

    async fn tasks(&self, id: &Path<u32>) -> impl Stream<Item = String> {
        futures_util::stream::iter([id.0.to_string()])
    }
}

/// A service has one namespace of its own, too.
struct Screen(UnboundedSender<(u32, String)>);

#[namespace]
impl BoardEvents for Screen {
    async fn added(&self, id: &Path<u32>, task: String) {
        self.0.send((id.0, task)).unwrap();
    }
}

async fn pair() -> (Client, Server, tokio::sync::mpsc::UnboundedReceiver<(u32, String)>) {
    let (sender, seen) = unbounded_channel();
    let server = Server::builder().app::<Boards>();
    let (client, server) =
        testing::pair_with(server, |client| client.app::<Boards>().service(Screen(sender))).await.unwrap();
    (client, server, seen)
}

#[tokio::test]
async fn an_impl_borrows_what_the_contract_does_not_name() {
    let (client, _server, mut seen) = pair().await;
    let board = BoardClient::connect(&client, 7, "ada").await.unwrap();
    assert_eq!(board.title().await.unwrap(), "board 7");
    assert_eq!(board.add("sweep").await, Ok(5));
    assert_eq!(seen.recv().await.unwrap(), (7, "sweep".to_owned()));
    assert_eq!(board.tasks().collect::<Vec<_>>().await, [Ok("7".to_owned())]);
    let refused = BoardClient::connect(&client, 8, "").await.err().and_then(CallError::into_app);
    assert_eq!(refused.unwrap().reason, "a name is needed");
}

#[tokio::test]
async fn a_namespace_with_parameters_is_joined_in_a_task() {
    let (client, _server, _seen) = pair().await;
    let title =
        tokio::spawn(async move { BoardClient::connect(&client, 7, "ada").await.unwrap().title().await });
    assert_eq!(title.await.unwrap().unwrap(), "board 7");
}

#[tokio::test]
async fn a_constant_is_a_permission() {
    let (client, _server, _seen) = pair().await;
    let clear = BoardClient::handlers::<Service>().iter().find(|entry| entry.event() == "clear").unwrap();
    assert_eq!(HandlerEntry::allow(clear), ["editor", "owner"]);
    let board = BoardClient::connect(&client, 1, "ada").await.unwrap();
    assert_eq!(board.clear().await.unwrap_err().code(), Some("denied"));
    let board = BoardClient::connect(&client, 2, &"ed".to_owned()).await.unwrap();
    assert_eq!(board.clear().await, Ok(()));
}

/// Its parameter is whatever can be written as text.
#[namespace("/rooms/{name}", app = Boards)]
impl Service {
    #[on]
    async fn room(&self, name: &Path<String>) -> String {
        name.0.clone()
    }
}

#[tokio::test]
async fn a_value_names_one_namespace() {
    let (client, _server, _seen) = pair().await;
    assert_eq!(ServiceClient::connect(&client, "a b").await.unwrap().room().await.unwrap(), "a b");
    assert_eq!(ServiceClient::namespace("lobby").as_deref(), Ok("/rooms/lobby"));
    let error: NamespaceError = ServiceClient::namespace("a/b").unwrap_err();
    assert!(error.to_string().contains("`a/b` cannot be the parameter `name`"), "{error}");
    let refused = ServiceClient::connect(&client, "").await.unwrap_err();
    assert_eq!(refused.code(), Some("bad_path"));
    assert_eq!(BoardEventsClient::namespace(3).as_deref(), Ok("/board/3"));
}

/// A module that has the name of the handler beside it.
mod list {
    pub(super) const LENGTH: u8 = 3;
}

#[on(app = Boards)]
async fn list() -> u8 {
    list::LENGTH
}

#[on(app = Boards)]
async fn count(list: Vec<u8>, exact: Option<u8>) -> usize {
    list.len() + usize::from(exact.unwrap_or_default())
}

#[tokio::test]
async fn a_handler_may_bear_the_name_of_a_module() {
    let (client, _server, _seen) = pair().await;
    assert_eq!(client.call::<u8>("list", &()).await, Ok(3));
}

#[tokio::test]
async fn arguments_are_given_by_value_or_borrowed() {
    let (client, _server, _seen) = pair().await;
    let list = vec![1, 2, 3];
    assert_eq!(count::call(&client, &list, None).await, Ok(3));
    assert_eq!(count::call(&client, &list[1..], Some(2)).await, Ok(4));
    assert_eq!(count::call(&client, &[9], None).await, Ok(1));
    assert_eq!(count::call(&client, list, None).await, Ok(3));
}
