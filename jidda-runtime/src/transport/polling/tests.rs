//! The rules of a session: with its stream as a driver uses it, and requests as they may come.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, advance};

use super::session::Get;
use super::*;
use crate::transport::Stream;
use crate::wire::engine_io::Version;
use crate::wire::websocket::{self, opcode};

const V4: Dialect = Dialect { version: Version::V4, takes_bytes: true, always_bytes: false };

fn frame(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    websocket::frame(&mut out, opcode::TEXT, |out| out.extend_from_slice(text.as_bytes()));
    out
}

fn close_frame() -> Vec<u8> {
    let mut out = Vec::new();
    websocket::frame(&mut out, opcode::CLOSE, |out| out.extend_from_slice(&[3, 232]));
    out
}

fn masked(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    frames::write(&mut out, opcode::TEXT, text.as_bytes());
    out
}

/// What the GET is answered, if that is known.
fn now(get: &mut Get) -> Option<Answer> {
    get.answer().now_or_never()
}

fn frames_of(texts: &[&str]) -> Option<Answer> {
    Some(Answer::Frames(texts.iter().flat_map(|text| frame(text)).collect()))
}

async fn read(stream: &mut Stream) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 1000];
    let count = stream.read(&mut bytes).await?;
    bytes.truncate(count);
    Ok(bytes)
}

fn read_now(stream: &mut Stream) -> Option<io::Result<Vec<u8>>> {
    read(stream).now_or_never()
}

async fn post(session: &Arc<Session>, body: &str) -> Result<(), Refusal> {
    let (frames, after) = V4.frames(body.as_bytes(), false);
    session.post()?.deliver(frames, after).await
}

fn is_over(session: &Arc<Session>) -> bool {
    !session.is_known() && matches!(session.get(), Err(Refusal::Unknown))
}

/// A WebSocket, by its two ends.
fn websocket() -> (tokio::io::DuplexStream, Stream) {
    let (client, server) = tokio::io::duplex(10_000);
    (client, Stream::Memory(server))
}

#[tokio::test]
async fn what_is_written_is_taken_only_while_a_get_waits() {
    let (session, mut stream) = Session::new();
    let gate = session.gate();
    assert!(!gate.load(Ordering::Acquire));
    assert!(stream.write(&frame("4a")).now_or_never().is_none());
    let mut get = session.get().unwrap();
    assert!(gate.load(Ordering::Acquire));
    assert_eq!(now(&mut get), None);
    stream.write_all(&[frame("4a"), frame("4b")].concat()).await.unwrap();
    stream.write_all(&frame("4c")).await.unwrap();
    assert!(!gate.load(Ordering::Acquire), "what comes now would not leave at once");
    assert_eq!(now(&mut get), frames_of(&["4a", "4b", "4c"]));
    get.answered();
    assert!(stream.write(&frame("4d")).now_or_never().is_none());
    assert!(session.is_known());
}

#[tokio::test]
async fn a_get_wakes_the_driver_and_the_driver_the_get() {
    let (session, mut stream) = Session::new();
    let writing = tokio::spawn(async move {
        stream.write_all(&frame("4a")).await.unwrap();
        stream
    });
    tokio::task::yield_now().await;
    let mut get = session.get().unwrap();
    let mut stream = {
        let mut answer = pin!(get.answer());
        assert!(answer.as_mut().now_or_never().is_none());
        let stream = writing.await.unwrap();
        assert_eq!(Some(answer.await), frames_of(&["4a"]));
        stream
    };
    get.answered();
    let reading = tokio::spawn(async move { read(&mut stream).await.unwrap() });
    tokio::task::yield_now().await;
    post(&session, "4b").await.unwrap();
    assert_eq!(reading.await.unwrap(), masked("4b"));
}

#[tokio::test]
async fn the_beginning_of_a_frame_waits_for_its_end() {
    let (session, mut stream) = Session::new();
    let bytes = [frame("4a"), frame("4bcd")].concat();
    let mut get = session.get().unwrap();
    stream.write_all(&bytes[..2]).await.unwrap();
    assert_eq!(now(&mut get), None);
    stream.write_all(&bytes[2..6]).await.unwrap();
    assert_eq!(now(&mut get), frames_of(&["4a"]));
    get.answered();
    let mut get = session.get().unwrap();
    stream.write_all(&bytes[6..]).await.unwrap();
    assert_eq!(now(&mut get), frames_of(&["4bcd"]));
    get.answered();
}

#[tokio::test]
async fn a_driver_cannot_fill_the_memory_before_a_get_is_answered() {
    let (session, mut stream) = Session::new();
    let get = session.get().unwrap();
    let mut written = 0;
    while let Some(count) = stream.write(&frame(&"x".repeat(60_000))).now_or_never() {
        written += count.unwrap();
        assert!(written < 1_000_000);
    }
    drop((get, stream));
}

#[tokio::test]
async fn a_post_is_answered_when_there_is_room() {
    let (session, mut stream) = Session::new();
    let body = format!("4{}", "x".repeat(300_000));
    let mut posting = pin!(post(&session, &body));
    assert!(posting.as_mut().now_or_never().is_none());
    let expected = masked(&body);
    let mut came = vec![0; expected.len()];
    stream.read_exact(&mut came[..200_000]).await.unwrap();
    assert!(posting.as_mut().now_or_never().is_none());
    stream.read_exact(&mut came[200_000..]).await.unwrap();
    assert_eq!(came, expected);
    assert_eq!(posting.now_or_never(), Some(Ok(())));
}

#[tokio::test]
async fn the_client_closes_and_the_get_that_waits_is_released() {
    let (session, mut stream) = Session::new();
    let mut get = session.get().unwrap();
    assert_eq!(now(&mut get), None);
    post(&session, "4a\x1e1\x1e4b").await.unwrap();
    assert_eq!(now(&mut get), Some(Answer::Noop));
    get.answered();
    assert!(is_over(&session));
    assert!(stream.is_hung_up());
    assert_eq!(read(&mut stream).await.unwrap(), masked("4a"));
    assert_eq!(read(&mut stream).await.unwrap(), b"");
    assert_eq!(stream.write(b"x").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}

#[tokio::test(start_paused = true)]
async fn a_get_that_was_on_its_way_when_the_client_closed_is_released_too() {
    let (session, mut stream) = Session::new();
    let mut posting = pin!(post(&session, "1"));
    assert!(posting.as_mut().now_or_never().is_none());
    assert_eq!(read(&mut stream).await.unwrap(), b"", "the driver knows at once");
    assert!(session.is_known());
    let mut get = session.get().unwrap();
    assert_eq!(now(&mut get), Some(Answer::Noop));
    get.answered();
    assert_eq!(posting.now_or_never(), Some(Ok(())));
    assert!(is_over(&session));
    // And none that comes later.
    let (session, _stream) = Session::new();
    let start = Instant::now();
    post(&session, "1").await.unwrap();
    assert!(start.elapsed() <= Duration::from_millis(101));
    assert!(is_over(&session));
}

#[tokio::test]
async fn a_second_get_ends_the_session() {
    let (session, mut stream) = Session::new();
    let mut first = session.get().unwrap();
    assert_eq!(session.get().unwrap_err(), Refusal::Overlap);
    assert_eq!(now(&mut first), Some(Answer::Close));
    first.answered();
    assert!(is_over(&session));
    assert_eq!(read(&mut stream).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_second_post_ends_the_session() {
    let (session, mut stream) = Session::new();
    let mut get = session.get().unwrap();
    let first = session.post().unwrap();
    assert_eq!(session.post().unwrap_err(), Refusal::Overlap);
    assert_eq!(now(&mut get), Some(Answer::Close));
    let (frames, after) = V4.frames(b"4a", false);
    assert_eq!(first.deliver(frames, after).await, Err(Refusal::Unknown));
    assert!(is_over(&session));
    assert_eq!(read(&mut stream).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn requests_that_are_given_up_end_the_session() {
    for get in [true, false] {
        let (session, mut stream) = Session::new();
        post(&session, "4a").await.unwrap();
        if get {
            drop(session.get().unwrap())
        } else {
            drop(session.post().unwrap())
        }
        assert!(is_over(&session));
        assert_eq!(read(&mut stream).await.unwrap(), masked("4a"));
        assert_eq!(read(&mut stream).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }
    let (session, mut stream) = Session::new();
    session.post().unwrap().leave();
    assert!(session.is_known());
    assert!(read_now(&mut stream).is_none());
}

#[tokio::test]
async fn a_body_that_is_no_payload_ends_the_session() {
    let (session, mut stream) = Session::new();
    let mut get = session.get().unwrap();
    post(&session, "4a\x1eabc").await.unwrap();
    assert_eq!(now(&mut get), Some(Answer::Close));
    get.answered();
    assert!(is_over(&session));
    assert_eq!(read(&mut stream).await.unwrap(), masked("4a"));
    assert_eq!(read(&mut stream).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[tokio::test]
async fn last_words_go_to_the_get_that_waits() {
    let (session, mut stream) = Session::new();
    let mut get = session.get().unwrap();
    stream.finish();
    stream.write_all(&frame("4a")).await.unwrap();
    assert_eq!(now(&mut get), None, "not without the end");
    stream.write_all(&close_frame()).await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(read(&mut stream).await.unwrap(), b"");
    drop(stream);
    let Some(Answer::Frames(frames)) = now(&mut get) else { panic!("there are last words") };
    assert_eq!(V4.body(&frames).bytes, b"4a\x1e1");
    get.answered();
    assert!(is_over(&session));
    session.last_words().now_or_never().expect("nothing is left");
}

#[tokio::test(start_paused = true)]
async fn last_words_wait_for_a_get_for_a_while() {
    let (session, mut stream) = Session::new();
    let mut writing = pin!(stream.write(&[]));
    assert!(writing.as_mut().now_or_never().is_none());
    drop(writing);
    stream.finish();
    stream.write_all(&[frame("4a"), close_frame()].concat()).await.unwrap();
    stream.shutdown().await.unwrap();
    drop(stream);
    let mut waiting = pin!(session.last_words());
    assert!(waiting.as_mut().now_or_never().is_none());
    assert!(session.is_known());
    post(&session, "4too late").await.unwrap();
    let mut get = session.get().unwrap();
    assert!(matches!(now(&mut get), Some(Answer::Frames(_))));
    get.answered();
    waiting.await;
    assert!(is_over(&session));
    // Nobody comes.
    let (session, mut stream) = Session::new();
    stream.finish();
    stream.write_all(&close_frame()).await.unwrap();
    drop(stream);
    let start = Instant::now();
    session.last_words().await;
    assert!(start.elapsed() >= Duration::from_secs(30));
    assert!(is_over(&session));
}

#[tokio::test]
async fn a_driver_that_is_gone_leaves_no_session() {
    let (session, stream) = Session::new();
    let mut get = session.get().unwrap();
    drop(stream);
    assert_eq!(now(&mut get), Some(Answer::Close));
    get.answered();
    assert!(is_over(&session));
    assert!(post(&session, "4a").await.is_err());
    assert!(session.upgrade().is_none());
}

/// A session with an upgrade under way, as far as its client has said something.
async fn upgrading(
    said: &[u8],
) -> (Arc<Session>, Stream, tokio::io::DuplexStream, tokio::task::JoinHandle<()>) {
    let (session, stream) = Session::new();
    let (mut client, server) = websocket();
    client.write_all(said).await.unwrap();
    let attempt = session.upgrade().expect("it is the first");
    let probing = tokio::spawn(async move {
        let _ = probe(attempt, server, Duration::from_secs(10), || ()).await;
    });
    tokio::task::yield_now().await;
    (session, stream, client, probing)
}

async fn expect(client: &mut tokio::io::DuplexStream, expected: &[u8]) {
    let mut came = vec![0; expected.len()];
    client.read_exact(&mut came).await.unwrap();
    assert_eq!(came, expected);
}

#[tokio::test]
async fn a_websocket_takes_over() {
    let (session, mut stream) = Session::new();
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
    let mut came = vec![0; expected.len()];
    stream.read_exact(&mut came).await.unwrap();
    assert_eq!(came, expected);
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
async fn both_words_of_an_upgrade_may_come_in_one_read() {
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
        assert_eq!(now(&mut get), frames_of(&["4a"]));
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
    frames::write(&mut ping, opcode::PING, b"x");
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
    // Last words, that no GET has come for, go over the WebSocket.
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
