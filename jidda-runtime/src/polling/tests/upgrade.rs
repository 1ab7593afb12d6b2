//! What becomes of a session while a WebSocket tries to take it over.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, advance};

use super::super::{Answer, Refusal, Session, probe};
use super::{close_frame, frame, frames_of, is_over, masked, now, post, read, read_now};
use crate::transport::Stream;
use crate::wire::websocket::{self, opcode};

/// A WebSocket, by its two ends.
fn websocket() -> (crate::transport::MemoryStream, Stream) {
    let (client, server) = crate::transport::pipe::pair(10_000);
    (client, Stream::Memory(server))
}

/// A session with an upgrade under way, as far as its client has said something.
async fn upgrading(
    said: &[u8],
) -> (Arc<Session>, Stream, crate::transport::MemoryStream, tokio::task::JoinHandle<()>) {
    let (session, stream) = Session::new(usize::MAX);
    let (mut client, server) = websocket();
    client.write_all(said).await.unwrap();
    let attempt = session.upgrade().expect("it is the first");
    let probing = tokio::spawn(async move {
        let _ = probe(attempt, server, Duration::from_secs(10), || ()).await;
    });
    tokio::task::yield_now().await;
    (session, stream, client, probing)
}

async fn expect(client: &mut crate::transport::MemoryStream, expected: &[u8]) {
    let mut received = vec![0; expected.len()];
    client.read_exact(&mut received).await.unwrap();
    assert_eq!(received, expected);
}

#[tokio::test]
async fn a_websocket_takes_over() {
    let (session, mut stream) = Session::new(usize::MAX);
    let mut get = session.get().unwrap();
    assert_eq!(now(&mut get), None);
    let (mut client, server) = websocket();
    let attempt = session.upgrade().unwrap();
    let (switched, mut has_switched) = tokio::sync::oneshot::channel();
    let probing =
        tokio::spawn(probe(attempt, server, Duration::from_secs(10), || switched.send(()).unwrap()));
    client.write_all(&masked("2probe")).await.unwrap();
    expect(&mut client, &frame("3probe")).await;
    assert_eq!(now(&mut get), Some(Answer::Noop), "at once");
    get.answered();
    assert!(session.upgrade().is_none(), "one is under way");
    post(&session, "4a").await.unwrap();
    assert!(has_switched.try_recv().is_err());
    client.write_all(&[masked("5"), masked("4b")].concat()).await.unwrap();
    probing.await.unwrap().unwrap();
    has_switched.try_recv().unwrap();
    assert!(session.upgrade().is_none(), "one is done");
    assert_eq!(session.get().unwrap_err(), Refusal::Upgraded);
    assert_eq!(session.post().unwrap_err(), Refusal::Upgraded);
    assert!(session.gate().load(Ordering::Acquire));
    let expected = [masked("4a"), masked("4b")].concat();
    let mut received = vec![0; expected.len()];
    stream.read_exact(&mut received).await.unwrap();
    assert_eq!(received, expected);
    stream.write_all(&frame("4c")).await.unwrap();
    expect(&mut client, &frame("4c")).await;
    client.write_all(&masked("4d")).await.unwrap();
    assert_eq!(read(&mut stream).await.unwrap(), masked("4d"));
    assert!(matches!(stream, Stream::Memory(_)), "there is nothing between");
}

#[tokio::test]
async fn what_was_written_before_the_upgrade_goes_over_the_websocket_first() {
    let (session, mut stream, mut client, probing) = upgrading(&masked("2probe")).await;
    expect(&mut client, &frame("3probe")).await;
    let mut get = session.get().unwrap();
    stream.write_all(&frame("4a")).await.unwrap();
    let mut writing = pin!(async {
        stream.write_all(&vec![b'x'; 400_000]).await.unwrap();
        stream.write_all(b"late").await.unwrap();
    });
    assert!(writing.as_mut().now_or_never().is_none());
    client.write_all(&masked("5")).await.unwrap();
    let read = async {
        expect(&mut client, &frame("4a")).await;
        expect(&mut client, &vec![b'x'; 400_000]).await;
        expect(&mut client, b"late").await;
    };
    tokio::join!(writing, read);
    probing.await.unwrap();
    assert_eq!(now(&mut get), Some(Answer::Upgraded));
}

#[tokio::test]
async fn both_packets_of_an_upgrade_may_arrive_in_one_read() {
    let (session, mut stream, mut client, probing) =
        upgrading(&[masked("2probe"), masked("5"), masked("4a")].concat()).await;
    probing.await.unwrap();
    expect(&mut client, &frame("3probe")).await;
    assert_eq!(session.get().unwrap_err(), Refusal::Upgraded);
    assert_eq!(read(&mut stream).await.unwrap(), masked("4a"));
}

#[tokio::test(start_paused = true)]
async fn a_get_during_an_upgrade_waits_for_its_outcome() {
    let (session, _stream, mut client, probing) = upgrading(b"").await;
    let start = Instant::now();
    let mut get = session.get().unwrap();
    assert_eq!(get.answer().await, Answer::Noop);
    get.answered();
    assert!((100..110).contains(&start.elapsed().as_millis()));
    let mut get = session.get().unwrap();
    {
        let mut answer = pin!(get.answer());
        assert!(answer.as_mut().now_or_never().is_none());
        client.write_all(&[masked("2probe"), masked("5")].concat()).await.unwrap();
        probing.await.unwrap();
        assert_eq!(answer.await, Answer::Upgraded);
    }
    get.answered();
    assert!(start.elapsed() < Duration::from_millis(150));
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_fails_leaves_polling_as_it_was() {
    let unmasked = frame("2probe");
    let mut fragment = masked("2probe");
    fragment[0] &= 0x7f;
    let mut reserved = masked("2probe");
    reserved[0] |= 0x40;
    let long = masked(&"2".repeat(1000));
    let pair = [masked("2probe"), masked("4a")].concat();
    for said in [
        &unmasked,
        &fragment,
        &reserved,
        &long[..20].to_vec(),
        &masked("abc"),
        &masked("6"),
        &pair,
        &masked(""),
    ] {
        let (session, mut stream, mut client, probing) = upgrading(said).await;
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        let rest = rest.strip_prefix(&frame("3probe")[..]).unwrap_or(&rest);
        assert_eq!((rest.len(), rest[0]), (4, 0x88), "{said:?} is closed");
        drop(client);
        probing.await.unwrap();
        assert!(session.upgrade().is_some(), "another one may try");
        let mut get = session.get().unwrap();
        stream.write_all(&frame("4a")).await.unwrap();
        assert_eq!(now(&mut get), Some(frames_of(&["4a"])));
        get.answered();
    }
    // Neither has the client to say anything, nor to stay.
    let start = Instant::now();
    let (session, _stream, mut client, probing) = upgrading(&masked("2probe")[..5]).await;
    expect(&mut client, &[0x88, 2, 3, 240]).await;
    assert!(start.elapsed() >= Duration::from_secs(10));
    assert!(session.upgrade().is_some());
    probing.await.unwrap();
    let (session, _stream, client, probing) = upgrading(b"").await;
    drop(client);
    probing.await.unwrap();
    assert!(session.is_known() && session.upgrade().is_some());
}

#[tokio::test]
async fn signs_of_life_of_a_websocket_are_answered_before_the_upgrade() {
    let mut ping = Vec::new();
    websocket::masked_frame(&mut ping, opcode::PING, b"x");
    let (_session, _stream, mut client, probing) = upgrading(&ping).await;
    expect(&mut client, &[0x8a, 1, b'x']).await;
    client.write_all(&[masked("2probe"), masked("5")].concat()).await.unwrap();
    probing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_ends_with_its_session() {
    let (session, stream, mut client, probing) = upgrading(&masked("2probe")).await;
    drop(stream);
    expect(&mut client, &frame("3probe")).await;
    expect(&mut client, &[0x88, 2, 3, 233]).await;
    probing.await.unwrap();
    assert!(is_over(&session));
    // Last packets that no GET took are written to the WebSocket.
    let (session, mut stream, mut client, probing) = upgrading(&masked("2probe")).await;
    stream.finish();
    let last = [frame("4a"), close_frame()].concat();
    stream.write_all(&last).await.unwrap();
    drop(stream);
    client.write_all(&masked("5")).await.unwrap();
    expect(&mut client, &frame("3probe")).await;
    expect(&mut client, &last).await;
    assert!(is_over(&session));
    drop(client);
    probing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_websocket_that_is_lost_while_it_takes_over_ends_the_session() {
    let (session, mut stream, client, probing) = upgrading(&masked("2probe")).await;
    let mut get = session.get().unwrap();
    // More than the WebSocket takes, so that the driver does not have it yet.
    stream.write_all(&frame(&"x".repeat(100_000))).await.unwrap();
    let mut client = client;
    client.write_all(&masked("5")).await.unwrap();
    tokio::task::yield_now().await;
    assert_eq!(now(&mut get), Some(Answer::Upgraded));
    assert!(read_now(&mut stream).is_none());
    advance(Duration::from_secs(11)).await;
    probing.await.unwrap();
    assert_eq!(read(&mut stream).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert!(is_over(&session));
}
