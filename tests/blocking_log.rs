//! What the log says of handlers that block their thread. A program of its own: the log is the process's.
#![allow(missing_docs)]

use std::io::Write;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use jidda::prelude::*;
use jidda::testing;

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn log() -> String {
    String::from_utf8(LOG.lock().unwrap().clone()).unwrap()
}

/// Blocks until the log has the text. Whether it was there in time.
fn block_until(text: &str) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        if log().contains(text) {
            return true;
        }
        thread::sleep(Duration::from_millis(1));
    }
    false
}

#[on]
fn at_once() -> bool {
    block_until("event=\"at_once\"")
}

#[on]
async fn later() -> bool {
    tokio::task::yield_now().await;
    block_until("event=\"later\"")
}

#[on(sequential)]
async fn in_turn() -> bool {
    block_until("event=\"in_turn\"")
}

#[on("connect")]
async fn connect(socket: &Socket) {
    socket.on("closure", |_: u8| async { block_until("is there a closure") });
}

#[on]
fn short() {}

// One thread: nothing but the watchdog runs while a handler blocks.
#[tokio::test(flavor = "current_thread")]
async fn a_handler_that_blocks_is_named_while_it_does() {
    tracing_subscriber::fmt().with_ansi(false).with_writer(|| Log).init();
    let server = Server::builder().blocking_limit(Duration::from_millis(20));
    let (client, _server) = testing::pair_with(server, |client| client).await.unwrap();

    short::call(&client).await.unwrap();
    assert!(!log().contains("blocks its thread"), "{}", log());

    assert_eq!(at_once::call(&client).await, Ok(true), "{}", log());
    let line = log().lines().find(|line| line.contains("event=\"at_once\"")).map(str::to_owned).unwrap();
    assert!(line.contains("WARN") && line.contains("a handler blocks its thread"), "{line}");
    assert!(line.contains("place=tests/blocking_log.rs:") && line.contains("held="), "{line}");

    assert_eq!(later::call(&client).await, Ok(true));
    assert_eq!(in_turn::call(&client).await, Ok(true));
    assert!(client.call::<bool>("closure", &1).await.unwrap());
}
