//! The handlers in memory, and HTTP beside them.
#![allow(missing_docs)]

use std::time::Duration;

use board_contract::{BoardClient, BoardError, EDITOR, EntranceClient, LoginError};
use board_server::Boards;
use jidda::Client;
use jidda::testing::{Recorder, TestServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn editors_change_a_board_and_all_on_it_are_notified() {
    let server = TestServer::start(Boards::default()).await.unwrap();
    let (ed, ann) =
        (server.client_as("ed", [EDITOR]).await.unwrap(), server.client_as("ann", ["reader"]).await.unwrap());
    let board = BoardClient::connect(&ed, "plans").await.unwrap();
    let reader = BoardClient::connect(&ann, "plans").await.unwrap();
    let elsewhere = BoardClient::connect(&ann, "other").await.unwrap();
    assert_eq!(reader.online().await.unwrap(), ["ann", "ed"]);
    let seen = Recorder::of(&server.socket(&ann).of("/board/plans").unwrap());

    let task = board.add("sweep").await.unwrap();
    assert_eq!((task.id, &*task.author), (1, "ed"));
    seen.assert_emitted("changed", &task);
    assert!(board.finish(1).await.unwrap().done);
    assert_eq!(reader.list().await.unwrap().len(), 1);
    assert_eq!(elsewhere.list().await.unwrap(), []);

    assert_eq!(board.add("").await.unwrap_err().into_app(), Some(BoardError::BadTitle { limit: 100 }));
    assert_eq!(board.finish(9).await.unwrap_err().into_app(), Some(BoardError::NoSuchTask { id: 9 }));
    assert_eq!(reader.add("mine").await.unwrap_err().code(), Some("denied"));
    assert_eq!(board.finish(9).await.unwrap_err().to_string(), "there is no task 9");
}

#[tokio::test]
async fn all_on_a_board_are_notified_of_who_enters_and_leaves() {
    let server = TestServer::start(Boards::default()).await.unwrap();
    let ann = server.client_as("ann", ["reader"]).await.unwrap();
    let reader = BoardClient::connect(&ann, "plans").await.unwrap();
    assert_eq!(reader.online().await.unwrap(), ["ann"]);
    let seen = Recorder::of(&server.socket(&ann).of("/board/plans").unwrap());

    let ed = server.client_as("ed", [EDITOR]).await.unwrap();
    BoardClient::connect(&ed, "plans").await.unwrap();
    tokio::time::timeout(Duration::from_secs(30), seen.wait_for("present")).await.unwrap();
    assert_eq!(seen.take::<(Vec<String>,)>("present"), [(vec!["ann".to_owned(), "ed".to_owned()],)]);
    ed.disconnect().await;
    tokio::time::timeout(Duration::from_secs(30), seen.wait_for("present")).await.unwrap();
    assert_eq!(seen.take::<(Vec<String>,)>("present"), [(vec!["ann".to_owned()],)]);

    let nobody = server.connect().await.unwrap();
    assert_eq!(BoardClient::connect(&nobody, "plans").await.err().unwrap().code(), Some("denied"));
}

#[tokio::test]
async fn http_and_native_clients_share_a_port() {
    let server = board_server::build("127.0.0.1:0", [7; 32]).unwrap();
    server.listen().await.unwrap();
    let address = server.addresses()[0].to_string();

    let guest = Client::connect(&address).await.unwrap();
    let entrance = EntranceClient::new(&guest);
    let wrong = entrance.login("ed", "wrong").await.unwrap_err();
    assert_eq!(wrong.into_app(), Some(LoginError::WrongPassword));
    let token = entrance.login("ed", "ed").await.unwrap();
    let ed = Client::builder(&address).credentials(&token).connect().await.unwrap();
    let board = BoardClient::connect(&ed, "plans").await.unwrap();
    board.add("sweep").await.unwrap();

    let host = address.trim_start_matches("tcp://");
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!("GET /boards/plans HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    let (_, body) = response.split_once("\r\n\r\n").unwrap();
    let overview: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((&overview["online"], &overview["tasks"][0]["title"]), (&1.into(), &"sweep".into()));
}
