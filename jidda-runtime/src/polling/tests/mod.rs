//! The rules of a session: its stream as a driver uses it, and requests in any order.

#[cfg(feature = "__models")]
mod models;
mod upgrade;

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::session::Get;
use super::*;
use crate::transport::Stream;
use crate::wire::engine_io::Version;
use crate::wire::websocket::{self, opcode};

const V4: PayloadFormat = PayloadFormat { version: Version::V4, takes_bytes: true, always_bytes: false };

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
    websocket::masked_frame(&mut out, opcode::TEXT, text.as_bytes());
    out
}

/// What the GET is answered, if that is known.
fn now(get: &mut Get) -> Option<Answer> {
    get.answer().now_or_never()
}

fn frames_of(texts: &[&str]) -> Answer {
    Answer::Frames(texts.iter().flat_map(|text| frame(text)).collect())
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
    let (frames, after) = V4.frames(body.as_bytes(), false).await;
    session.post()?.deliver(frames, after).await
}

fn is_over(session: &Arc<Session>) -> bool {
    !session.is_known() && matches!(session.get(), Err(Refusal::Unknown))
}

#[tokio::test]
async fn what_is_written_is_taken_only_while_a_get_waits() {
    let (session, mut stream) = Session::new(usize::MAX);
    let gate = session.gate();
    assert!(!gate.load(Ordering::Acquire));
    assert!(stream.write(&frame("4a")).now_or_never().is_none());
    let mut get = session.get().unwrap();
    assert!(gate.load(Ordering::Acquire));
    assert_eq!(now(&mut get), None);
    stream.write_all(&[frame("4a"), frame("4b")].concat()).await.unwrap();
    stream.write_all(&frame("4c")).await.unwrap();
    assert!(!gate.load(Ordering::Acquire), "a packet now would not be sent at once");
    assert_eq!(now(&mut get), Some(frames_of(&["4a", "4b", "4c"])));
    get.answered();
    assert!(stream.write(&frame("4d")).now_or_never().is_none());
    assert!(session.is_known());
}

#[tokio::test]
async fn a_get_wakes_the_driver_and_the_driver_the_get() {
    let (session, mut stream) = Session::new(usize::MAX);
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
        assert_eq!(answer.await, frames_of(&["4a"]));
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
    let (session, mut stream) = Session::new(usize::MAX);
    let bytes = [frame("4a"), frame("4bcd")].concat();
    let mut get = session.get().unwrap();
    stream.write_all(&bytes[..2]).await.unwrap();
    assert_eq!(now(&mut get), None);
    stream.write_all(&bytes[2..6]).await.unwrap();
    assert_eq!(now(&mut get), Some(frames_of(&["4a"])));
    get.answered();
    let mut get = session.get().unwrap();
    stream.write_all(&bytes[6..]).await.unwrap();
    assert_eq!(now(&mut get), Some(frames_of(&["4bcd"])));
    get.answered();
}

#[tokio::test]
async fn what_is_too_much_for_one_get_is_for_the_next_ones() {
    let (session, mut stream) = Session::new(2);
    let mut get = session.get().unwrap();
    let all: Vec<u8> = (0..5).flat_map(|n| frame(&format!("4{n}"))).collect();
    stream.write_all(&all).await.unwrap();
    for expected in [&["40", "41"][..], &["42", "43"], &["44"]] {
        assert_eq!(now(&mut get), Some(frames_of(expected)));
        get.answered();
        get = session.get().unwrap();
    }
    assert_eq!(now(&mut get), None);
}

#[tokio::test]
async fn a_driver_cannot_fill_the_memory_before_a_get_is_answered() {
    let (session, mut stream) = Session::new(usize::MAX);
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
    let (session, mut stream) = Session::new(usize::MAX);
    let body = format!("4{}", "x".repeat(300_000));
    let mut posting = pin!(post(&session, &body));
    assert!(posting.as_mut().now_or_never().is_none());
    let expected = masked(&body);
    let mut received = vec![0; expected.len()];
    stream.read_exact(&mut received[..200_000]).await.unwrap();
    assert!(posting.as_mut().now_or_never().is_none());
    stream.read_exact(&mut received[200_000..]).await.unwrap();
    assert_eq!(received, expected);
    assert_eq!(posting.now_or_never(), Some(Ok(())));
}

#[tokio::test]
async fn a_post_that_waits_for_room_is_answered_when_the_session_ends() {
    let (session, mut stream) = Session::new(usize::MAX);
    let body = format!("4{}", "x".repeat(300_000));
    let posting = tokio::spawn(async move { post(&session, &body).await });
    stream.read_exact(&mut [0; 1000]).await.unwrap();
    stream.finish();
    assert_eq!(posting.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn the_client_closes_and_the_get_that_waits_is_released() {
    let (session, mut stream) = Session::new(usize::MAX);
    let mut get = session.get().unwrap();
    assert_eq!(now(&mut get), None);
    post(&session, "4a\x1e1\x1e4b").await.unwrap();
    assert_eq!(now(&mut get), Some(Answer::Noop));
    get.answered();
    assert!(is_over(&session));
    assert!(stream.is_hung_up());
    assert_eq!(read(&mut stream).await.unwrap(), masked("4a"));
    assert_eq!(read(&mut stream).await.unwrap(), b"");
    // An answer to packets before the end does not cause a second end.
    stream.write_all(&frame("4c")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_get_that_was_on_its_way_when_the_client_closed_is_released_too() {
    let (session, mut stream) = Session::new(usize::MAX);
    let mut posting = pin!(post(&session, "1"));
    assert!(posting.as_mut().now_or_never().is_none());
    assert_eq!(read(&mut stream).await.unwrap(), b"", "the driver knows at once");
    assert!(session.is_known());
    let mut get = session.get().unwrap();
    assert_eq!(now(&mut get), Some(Answer::Noop));
    get.answered();
    assert_eq!(posting.now_or_never(), Some(Ok(())));
    assert!(is_over(&session));
    // And none that is received later.
    let (session, _stream) = Session::new(usize::MAX);
    let start = Instant::now();
    post(&session, "1").await.unwrap();
    assert!(start.elapsed() <= Duration::from_millis(101));
    assert!(is_over(&session));
}

#[tokio::test]
async fn a_second_get_ends_the_session() {
    let (session, mut stream) = Session::new(usize::MAX);
    let mut first = session.get().unwrap();
    assert_eq!(session.get().unwrap_err(), Refusal::Overlap);
    assert_eq!(now(&mut first), Some(Answer::Close));
    first.answered();
    assert!(is_over(&session));
    assert_eq!(read(&mut stream).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_second_post_ends_the_session() {
    let (session, mut stream) = Session::new(usize::MAX);
    let mut get = session.get().unwrap();
    let first = session.post().unwrap();
    assert_eq!(session.post().unwrap_err(), Refusal::Overlap);
    assert_eq!(now(&mut get), Some(Answer::Close));
    let (frames, after) = V4.frames(b"4a", false).await;
    assert_eq!(first.deliver(frames, after).await, Err(Refusal::Unknown));
    assert!(is_over(&session));
    assert_eq!(read(&mut stream).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn requests_that_are_given_up_end_the_session() {
    for get in [true, false] {
        let (session, mut stream) = Session::new(usize::MAX);
        post(&session, "4a").await.unwrap();
        let dropped = if get { session.get().map(drop) } else { session.post().map(drop) };
        dropped.unwrap();
        assert!(is_over(&session));
        assert_eq!(read(&mut stream).await.unwrap(), masked("4a"));
        assert_eq!(read(&mut stream).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }
    let (session, mut stream) = Session::new(usize::MAX);
    session.post().unwrap().leave();
    assert!(session.is_known());
    assert!(read_now(&mut stream).is_none());
}

#[tokio::test]
async fn a_body_that_is_no_payload_ends_the_session() {
    let (session, mut stream) = Session::new(usize::MAX);
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
    let (session, mut stream) = Session::new(usize::MAX);
    let mut get = session.get().unwrap();
    stream.finish();
    stream.write_all(&frame("4a")).await.unwrap();
    assert_eq!(now(&mut get), None, "not without the end");
    stream.write_all(&close_frame()).await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(read(&mut stream).await.unwrap(), b"");
    drop(stream);
    assert_eq!(now(&mut get), Some(frames_of(&["4a"])));
    get.answered();
    assert!(session.is_known());
    let mut get = session.get().unwrap();
    assert_eq!(now(&mut get), Some(Answer::Close));
    get.answered();
    assert!(is_over(&session));
    session.last_words().now_or_never().expect("nothing is left");
}

#[tokio::test(start_paused = true)]
async fn last_words_wait_for_a_get_for_a_while() {
    let (session, mut stream) = Session::new(usize::MAX);
    assert!(stream.write(&frame("4a")).now_or_never().is_none());
    stream.finish();
    stream.write_all(&[frame("4a"), close_frame()].concat()).await.unwrap();
    stream.shutdown().await.unwrap();
    drop(stream);
    let mut taken = pin!(session.last_words());
    assert!(taken.as_mut().now_or_never().is_none());
    assert!(session.is_known());
    post(&session, "4too late").await.unwrap();
    for expected in [frames_of(&["4a"]), Answer::Close] {
        assert!(taken.as_mut().now_or_never().is_none());
        let mut get = session.get().unwrap();
        assert_eq!(now(&mut get), Some(expected));
        get.answered();
    }
    taken.await;
    assert!(is_over(&session));
    // No request is received.
    let (session, mut stream) = Session::new(usize::MAX);
    stream.finish();
    stream.write_all(&close_frame()).await.unwrap();
    drop(stream);
    let start = Instant::now();
    session.last_words().await;
    assert!(start.elapsed() >= Duration::from_secs(30));
    assert!(is_over(&session));
}

#[tokio::test]
async fn a_dropped_driver_leaves_no_session() {
    let (session, stream) = Session::new(usize::MAX);
    let mut get = session.get().unwrap();
    drop(stream);
    assert_eq!(now(&mut get), Some(Answer::Close));
    get.answered();
    assert!(is_over(&session));
    assert!(post(&session, "4a").await.is_err());
    assert!(session.upgrade().is_none());
}
