//! Broadcasts, events and the connection's own task, which all write to one stream: lent, queued and full.

use std::sync::Arc;

use rmpv::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{connection, hub};
use crate::config::Config;
use crate::driver::Driver;
use crate::handler::Side;
use crate::hub::selection::Selection;
use crate::objects::Socket;
use crate::reason::DisconnectReason;
use crate::room::Target;
use crate::sync::model::{Rng, block_on, check, poll_once, spawn, thread_rng};
use crate::transport::{MemoryStream, Stream, pipe};

const FIRST: &[u8] = b"\x94\x00\x01\xa9$/connect\x92\xa1/\xc0";
/// Less than one message, so that each is written in parts.
const PIPE: usize = 20;
const EACH: u64 = 3;

/// What comes until the end is announced: who said it, and the how manieth it was.
async fn read(mut peer: MemoryStream) -> Vec<(u64, u64)> {
    let (mut bytes, mut got) = (Vec::new(), Vec::new());
    loop {
        let mut rest = &bytes[..];
        if let Ok(message) = rmpv::decode::read_value(&mut rest) {
            bytes = rest.to_vec();
            match message[1].as_str() {
                Some("$/close") => return got,
                Some("line") => {
                    let number = |place: usize| message[2][place].as_u64().expect("a number");
                    got.push((number(0), number(1)));
                }
                _ => assert!(message[0] == Value::from(1), "{message}"),
            }
        } else if peer.read_buf(&mut bytes).await.expect("it is memory") == 0 {
            return got;
        }
    }
}

#[test]
fn each_line_arrives_once_and_in_order() {
    lines_arrive_once_and_in_order(&Config::default());
}

/// With room for a line or two, so that most wait for some.
#[test]
fn each_line_arrives_once_and_in_order_where_there_is_little_room() {
    lines_arrive_once_and_in_order(&Config { max_outbox: 12, ..Config::default() });
}

/// In the order of who said them, and those of two broadcasters in the same order at both peers.
fn lines_arrive_once_and_in_order(config: &Config) {
    let config = config.clone();
    check(move || {
        let hub = hub(Side::Server, &[], config.clone());
        let connections = [(); 2].map(|()| connection(&hub));
        let mut threads = Vec::new();
        let readers = connections.each_ref().map(|connection| {
            let (ours, mut peer) = pipe::pair(PIPE);
            let mut driver = Driver::new(Arc::clone(connection), Stream::Memory(ours));
            block_on(peer.write_all(FIRST)).expect("there is room");
            assert!(poll_once(&mut driver).is_pending());
            threads.push(spawn(move || {
                block_on(driver);
            }));
            spawn(move || block_on(read(peer)))
        });
        let broadcasters = [0, 1].map(|who| {
            let everyone = Selection::in_namespace(&hub, "/", Target::default());
            let connections = connections.clone();
            spawn(move || {
                for number in 0..EACH {
                    for connection in connections.iter().filter(|_| thread_rng().gen_bool(0.5)) {
                        // Time stands still: as if the last broadcast were long ago, so that this one is written at once.
                        connection.link.change().forget_last_broadcast();
                    }
                    let told = block_on(everyone.emit("line", &(who, number)));
                    assert_eq!(told.ok(), Some(2), "both are there");
                }
            })
        });
        let socket = Socket { inner: connections[0].socket("/").expect("it joined") };
        let emits = spawn(move || {
            for number in 0..EACH {
                block_on(socket.emit("line", &(2, number))).expect("it is there");
            }
        });
        for thread in broadcasters.into_iter().chain([emits]) {
            thread.join().unwrap();
        }
        for connection in &connections {
            connection.close(DisconnectReason::ForcedClose);
        }
        let mut broadcast = Vec::new();
        for (place, reader) in readers.into_iter().enumerate() {
            let got = reader.join().unwrap();
            broadcast.push(got.iter().copied().filter(|(by, _)| *by < 2).collect::<Vec<_>>());
            let callers = if place == 0 { 3 } else { 2 };
            assert_eq!(got.len() as u64, callers * EACH, "{got:?}");
            for who in 0..callers {
                let theirs = got.iter().filter(|(by, _)| *by == who).map(|(_, number)| *number);
                assert!(theirs.eq(0..EACH), "{got:?}");
            }
        }
        assert_eq!(broadcast[0], broadcast[1]);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}
