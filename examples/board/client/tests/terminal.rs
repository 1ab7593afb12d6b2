//! The commands against a server in memory, and a client that returns after a restart of the server.
#![allow(missing_docs)]

use std::time::Duration;

use board_client::{Command, connect, run};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const SECRET: [u8; 32] = [7; 32];

async fn until(lines: &mut UnboundedReceiver<String>, beginning: &str) -> String {
    let found = async {
        loop {
            let line = lines.recv().await.expect("the client runs");
            if line.starts_with(beginning) {
                return line;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), found).await.expect("the line appears")
}

#[tokio::test]
async fn a_task_is_added_watched_finished_and_listed() {
    let address = "mem:board-commands";
    let server = board_server::build(address, SECRET).unwrap();
    server.listen().await.unwrap();
    let (sender, mut seen) = unbounded_channel();
    let ann = connect(address, "ann", "ann", sender.clone()).await.unwrap();
    let watching = tokio::spawn(async move { run(&ann, "plans", Command::Watch, &sender).await });
    until(&mut seen, "on the board: ann").await;

    let (sender, mut lines) = unbounded_channel();
    // Each command is a program of its own, which connects and ends.
    for command in [Command::Add("sweep".into()), Command::Finish(1), Command::List] {
        let ed = connect(address, "ed", "ed", unbounded_channel().0).await.unwrap();
        run(&ed, "plans", command, &sender).await.unwrap();
    }
    assert_eq!(lines.recv().await.unwrap(), "[ ] 1 sweep (ed)");
    assert_eq!(lines.recv().await.unwrap(), "[x] 1 sweep (ed)");
    assert_eq!(lines.recv().await.unwrap(), "[x] 1 sweep (ed)");
    assert_eq!(until(&mut seen, "[ ]").await, "[ ] 1 sweep (ed)");
    assert_eq!(until(&mut seen, "[x]").await, "[x] 1 sweep (ed)");

    let ed = connect(address, "ed", "ed", unbounded_channel().0).await.unwrap();
    let error = run(&ed, "plans", Command::Finish(9), &sender).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no task 9");
    watching.abort();
}

#[tokio::test]
async fn a_client_that_watches_returns_after_a_restart_of_the_server() {
    let address = "mem:board-restart";
    let server = board_server::build(address, SECRET).unwrap();
    server.listen().await.unwrap();
    let (sender, mut seen) = unbounded_channel();
    let ann = connect(address, "ann", "ann", sender.clone()).await.unwrap();
    let watching = tokio::spawn(async move { run(&ann, "plans", Command::Watch, &sender).await });
    until(&mut seen, "on the board: ann").await;

    server.shutdown(Duration::from_secs(1)).await;
    drop(server);
    until(&mut seen, "offline: ").await;
    // The name is free once the last listener has ended.
    let server = loop {
        let server = board_server::build(address, SECRET).unwrap();
        match server.listen().await {
            Ok(()) => break server,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    until(&mut seen, "online again").await;
    assert_eq!(server.of("/board/plans").count(), 1);
    watching.abort();
}

#[tokio::test]
async fn a_wrong_password_is_explained() {
    let address = "mem:board-password";
    let server = board_server::build(address, SECRET).unwrap();
    server.listen().await.unwrap();
    let error = connect(address, "ed", "wrong", unbounded_channel().0).await.unwrap_err();
    assert!(format!("{error:#}").contains("the user or the password is wrong"), "{error:#}");
}

#[test]
fn a_command_line_is_read_or_refused_in_words() {
    let parse = |line: &str| Command::parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(parse("add sweep").unwrap(), Command::Add("sweep".into()));
    assert_eq!(parse("done 7").unwrap(), Command::Finish(7));
    assert!(parse("done seven").unwrap_err().to_string().contains("whole number"));
    assert!(parse("lst").unwrap_err().to_string().contains("`list`"));
}
