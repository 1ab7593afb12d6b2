//! Models of a session: requests, the driver and a WebSocket at the same time, see [`crate::sync::model`].

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::{Answer, Session, probe};
use super::{frame, masked, post};
use crate::sync::model::{Rng, block_on, check, spawn, thread_rng};
use crate::transport::{MemoryStream, Stream};

const MESSAGES: u8 = 4;

fn text(number: u8) -> String {
    format!("4{number}")
}

/// All that one side says.
fn whole(write: impl Fn(&str) -> Vec<u8>) -> Vec<u8> {
    (0..MESSAGES).flat_map(|number| write(&text(number))).collect()
}

/// A driver that says what it has to say, hears as much, and is done.
async fn drive(mut stream: Stream) -> Vec<u8> {
    let mut heard = Vec::new();
    for number in 0..MESSAGES {
        if stream.write_all(&frame(&text(number))).await.is_err() {
            return heard;
        }
    }
    let expected = whole(masked).len();
    while heard.len() < expected {
        let mut bytes = [0; 64];
        match stream.read(&mut bytes).await {
            Ok(0) | Err(_) => return heard,
            Ok(count) => heard.extend_from_slice(&bytes[..count]),
        }
    }
    let _ = stream.shutdown().await;
    heard
}

/// Polls until there is nothing more to poll for.
async fn poll(session: Arc<Session>) -> Vec<u8> {
    let mut polled = Vec::new();
    while let Ok(mut get) = session.get() {
        let answer = get.answer().await;
        get.answered();
        match answer {
            Answer::Frames(frames) => polled.extend(frames),
            Answer::Noop => {}
            Answer::Close | Answer::Upgraded => break,
        }
    }
    polled
}

/// Says all there is to say in POSTs; how many were taken.
async fn say(session: Arc<Session>, most: u8) -> u8 {
    for number in 0..most {
        if post(&session, &text(number)).await.is_err() {
            return number;
        }
    }
    most
}

#[test]
fn what_goes_through_a_session_goes_through_whole() {
    check(|| {
        let (session, stream) = Session::new(2);
        let driving = spawn(move || block_on(drive(stream)));
        let polling = spawn({
            let session = Arc::clone(&session);
            move || block_on(poll(session))
        });
        assert_eq!(block_on(say(session, MESSAGES)), MESSAGES);
        assert_eq!(driving.join().unwrap(), whole(masked));
        assert_eq!(polling.join().unwrap(), whole(frame));
    });
}

#[test]
fn a_broken_session_blocks_no_task() {
    check(|| {
        let (session, stream) = Session::new(2);
        let driving = spawn(move || block_on(drive(stream)));
        let pollers = [(); 2].map(|()| {
            let session = Arc::clone(&session);
            spawn(move || block_on(poll(session)))
        });
        let given_up = thread_rng().gen_bool(0.5);
        let said = spawn(move || {
            if given_up {
                // Who goes away in the middle of a request ends the session.
                drop(session.post());
            }
            block_on(say(session, MESSAGES))
        });
        // Two polls at once break it, and so does a request that is given up; not in all orders.
        let heard = driving.join().unwrap();
        assert!(whole(masked).starts_with(&heard));
        let polled = pollers.map(|poller| poller.join().unwrap());
        assert!(polled.iter().map(Vec::len).sum::<usize>() <= whole(frame).len(), "sent twice: {polled:?}");
        said.join().unwrap();
    });
}

/// The client's end of a WebSocket that takes over: what it read after the probe.
async fn take_over(mut socket: MemoryStream, said: impl AsyncFnOnce() -> u8) -> io::Result<Vec<u8>> {
    socket.write_all(&masked("2probe")).await?;
    let mut answer = vec![0; frame("3probe").len()];
    socket.read_exact(&mut answer).await?;
    assert_eq!(answer, frame("3probe"));
    // No request is under way any more when a client says this.
    let first = said().await;
    socket.write_all(&masked("5")).await?;
    for number in first..MESSAGES {
        socket.write_all(&masked(&text(number))).await?;
    }
    let mut read = Vec::new();
    socket.read_to_end(&mut read).await?;
    Ok(read)
}

#[test]
fn nothing_is_lost_between_polling_and_a_websocket() {
    check(|| {
        let (session, stream) = Session::new(2);
        let driving = spawn(move || block_on(drive(stream)));
        let (client, server) = crate::transport::pipe::pair(1000);
        let attempt = session.upgrade().expect("it is the first");
        let probing = spawn(move || {
            let _ = block_on(probe(attempt, Stream::Memory(server), Duration::from_secs(10), || ()));
        });
        let polling = spawn({
            let session = Arc::clone(&session);
            move || block_on(poll(session))
        });
        // The driver is done when it has heard all: that is after the WebSocket took over.
        let most = thread_rng().gen_range(0..MESSAGES);
        let read = block_on(take_over(client, async || say(session, most).await)).expect("it takes over");
        probing.join().unwrap();
        assert_eq!(driving.join().unwrap(), whole(masked));
        let polled = polling.join().unwrap();
        assert_eq!([polled, read].concat(), whole(frame));
    });
}
