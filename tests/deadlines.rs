//! Deadlines and cancellation travel: from a caller through a server to the one behind it.
#![allow(missing_docs)]

use std::sync::Arc;
use std::time::Duration;

use jidda::State;
use jidda::call::{Deadline, inherit};
use jidda::prelude::*;
use tokio::sync::Notify;

/// The server behind.
struct Behind;
/// The one that is called.
struct Front;

/// How long the caller's patience is, in milliseconds.
#[on(app = Behind)]
async fn patience(deadline: &Deadline) -> Option<u64> {
    deadline.left().and_then(|left| left.as_millis().try_into().ok())
}

/// What a test waits for: that the last handler began, and that it was dropped.
#[derive(Default)]
struct Seen {
    begun: Notify,
    dropped: Notify,
}

struct Dropped(Arc<Seen>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.dropped.notify_one();
    }
}

#[on(app = Behind)]
async fn never_ends(seen: &State<Arc<Seen>>) {
    let _dropped = Dropped(Arc::clone(seen));
    seen.begun.notify_one();
    std::future::pending::<()>().await;
}

#[on(app = Front)]
async fn ask(behind: &State<Client>) -> jidda::Result<Option<u64>> {
    Ok(behind.call("patience", &()).await?)
}

#[on(app = Front, timeout = "20s")]
async fn ask_in_time(behind: &State<Client>) -> jidda::Result<Option<u64>> {
    Ok(behind.call("patience", &()).await?)
}

#[on(app = Front)]
async fn ask_briefly(behind: &State<Client>) -> jidda::Result<Option<u64>> {
    Ok(behind.call("patience", &()).timeout(Duration::from_secs(10)).await?)
}

#[on(app = Front)]
async fn ask_apart(behind: &State<Client>) -> jidda::Result<(Option<u64>, Option<u64>)> {
    let (one, other) = (Client::clone(behind), Client::clone(behind));
    let free = tokio::spawn(async move { one.call("patience", &()).await });
    let bound = tokio::spawn(inherit(async move { other.call("patience", &()).await }));
    Ok((free.await??, bound.await??))
}

#[on(app = Front)]
async fn ask_for_ever(behind: &State<Client>) -> jidda::Result<()> {
    Ok(behind.call("never_ends", &()).await?)
}

async fn chain() -> (Client, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let behind = Server::builder().app::<Behind>().state(Arc::clone(&seen)).listen("127.0.0.1:0");
    let behind = behind.start().await.unwrap();
    let to_behind = Client::connect(&behind.addresses()[0].to_string()).await.unwrap();
    let front =
        Server::builder().app::<Front>().state(to_behind).listen("127.0.0.1:0").start().await.unwrap();
    (Client::connect(&front.addresses()[0].to_string()).await.unwrap(), seen)
}

fn seconds(left: Option<u64>) -> u64 {
    left.expect("there is a deadline") / 1000
}

#[tokio::test]
async fn a_handlers_calls_have_what_is_left_of_its_time() {
    let (client, _) = chain().await;
    let minute = Duration::from_secs(60);
    assert_eq!(client.call::<Option<u64>>("ask", &()).await, Ok(None));
    let left = client.call("ask", &()).timeout(minute).await.unwrap();
    // Whole seconds on a machine that may be busy: less than the minute, more than the other limits.
    assert!((21..60).contains(&seconds(left)), "{left:?}");
    let left = client.call("ask_in_time", &()).timeout(minute).await.unwrap();
    assert!((11..20).contains(&seconds(left)), "{left:?}");
    let left = client.call("ask_in_time", &()).await.unwrap();
    assert!((11..20).contains(&seconds(left)), "{left:?}");
    for patience in [minute, Duration::from_secs(9)] {
        let left = client.call("ask_briefly", &()).timeout(patience).await.unwrap();
        assert!(seconds(left) < patience.as_secs().min(10), "{left:?}");
    }
}

#[tokio::test]
async fn a_task_of_its_own_has_it_only_if_it_inherits() {
    let (client, _) = chain().await;
    let call = client.call::<(Option<u64>, Option<u64>)>("ask_apart", &());
    let (free, bound) = call.timeout(Duration::from_secs(60)).await.unwrap();
    assert_eq!(free, None);
    assert!(seconds(bound) < 60);
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled_down_the_chain() {
    let (client, seen) = chain().await;
    let limit = Duration::from_secs(20);
    let call = tokio::spawn(async move { client.call::<()>("ask_for_ever", &()).await });
    tokio::time::timeout(limit, seen.begun.notified()).await.expect("the handler behind begins");
    call.abort();
    tokio::time::timeout(limit, seen.dropped.notified()).await.expect("the handler behind is dropped");
}

#[tokio::test]
async fn the_end_of_the_time_ends_all_of_the_chain() {
    let (client, seen) = chain().await;
    let late = client.call::<()>("ask_for_ever", &()).timeout(Duration::from_millis(50)).await;
    assert_eq!(late, Err(CallError::Timeout));
    let limit = Duration::from_secs(20);
    // Late by the first clock that notices: then nothing may have begun.
    let begun = tokio::time::timeout(Duration::from_millis(500), seen.begun.notified()).await;
    if begun.is_ok() {
        tokio::time::timeout(limit, seen.dropped.notified()).await.expect("the handler behind is dropped");
    }
    // A call for which there is no time left is not made at all.
    let none = client.call::<Option<u64>>("ask", &()).timeout(Duration::ZERO).await;
    assert_eq!(none, Err(CallError::Timeout));
}
