//! Calls to a peer: answered, given up and lost at the same time.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use futures_util::FutureExt;
use rmpv::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{connection, hub, serve};
use crate::config::Config;
use crate::error::{CallError, SendError};
use crate::handler::Side;
use crate::objects::Socket;
use crate::reason::DisconnectReason;
use crate::sync::model::{Rng, block_on, check, poll_once, spawn, thread_rng};
use crate::transport::MemoryStream;

/// The first words of a peer of ours: it knows the word for a call that is given up.
const FIRST: &[u8] = b"\x94\x00\x01\xa7$/hello\x91\x81\xa4wire\x01\x94\x00\x02\xa9$/connect\x92\xa1/\xc0";

/// Answers each call with its argument, in an order of its own, and not more than so many.
async fn answer(mut peer: MemoryStream, most: usize) {
    let (mut bytes, mut waiting, mut answered) = (Vec::new(), Vec::<Value>::new(), 0);
    while answered < most {
        let read = peer.read_buf(&mut bytes);
        let read = if waiting.is_empty() { Some(read.await) } else { read.now_or_never() };
        if matches!(read, Some(Ok(0) | Err(_))) {
            return;
        }
        let mut rest = &bytes[..];
        while let Ok(message) = rmpv::decode::read_value(&mut rest) {
            bytes = rest.to_vec();
            rest = &bytes[..];
            if message[0] == Value::from(0) {
                waiting.push(message);
            }
        }
        if !waiting.is_empty() && thread_rng().gen_bool(0.5) {
            let request = waiting.swap_remove(thread_rng().gen_range(0..waiting.len()));
            let reply = vec![Value::from(1), request[1].clone(), Value::Nil, request[3][0].clone()];
            let mut out = Vec::new();
            rmpv::encode::write_value(&mut out, &Value::Array(reply)).expect("written to memory");
            if peer.write_all(&out).await.is_err() {
                return;
            }
            answered += 1;
        }
    }
}

/// Calls a handler, and may drop the call after some polls.
async fn call(socket: Socket, number: u64) {
    let mut call = socket.call::<u64>("double", &number).into_future();
    let mut patience = if thread_rng().gen_bool(0.5) { thread_rng().gen_range(0..4) } else { usize::MAX };
    let ended = poll_fn(|cx| {
        if patience == 0 {
            return Poll::Ready(None);
        }
        patience -= 1;
        let poll = Pin::new(&mut call).poll(cx).map(Some);
        if poll.is_pending() && patience < 4 {
            // To be given up at another moment than one at which something has come.
            cx.waker().wake_by_ref();
        }
        poll
    });
    match ended.await {
        Some(Ok(reply)) => assert_eq!(reply, number),
        None | Some(Err(CallError::Disconnected { .. } | CallError::Send(SendError::NotConnected))) => {}
        Some(Err(other)) => panic!("{other:?}"),
    }
}

fn calls_end(is_lossy: bool) {
    let hub = hub(Side::Server, &[], Config::default());
    let connection = connection(&hub);
    let (mut driver, mut peer) = serve(&connection);
    block_on(peer.write_all(FIRST)).expect("there is room");
    assert!(poll_once(&mut driver).is_pending());
    let socket = Socket { inner: connection.socket("/").expect("it joined") };
    let driving = spawn(move || block_on(driver));
    let callers = [0, 1, 2].map(|number| {
        let socket = socket.clone();
        spawn(move || block_on(call(socket, number)))
    });
    let most = if is_lossy { thread_rng().gen_range(0..=callers.len()) } else { usize::MAX };
    let peer = spawn(move || block_on(answer(peer, most)));
    for caller in callers {
        caller.join().unwrap();
    }
    assert_eq!(connection.link.change().calls.len(), 0, "a call is kept that nobody waits for");
    connection.close(DisconnectReason::ForcedClose);
    driving.join().unwrap();
    peer.join().unwrap();
}

#[test]
fn each_call_ends_once_and_leaves_nothing() {
    check(|| calls_end(false));
}

#[test]
fn calls_end_with_their_connection() {
    check(|| calls_end(true));
}
