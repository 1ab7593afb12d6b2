//! Streaming replies over Socket.IO: an acknowledgement that names the stream, and events that carry it.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, Stream};
use jidda::State;
use jidda::prelude::*;

use super::client::{Heard, Peer};
use super::{Journal, start};

#[on]
async fn count(from: u32, n: u32) -> impl Stream<Item = u32> {
    stream::iter(from..from + n)
}

#[on]
async fn count_even(n: u32) -> Result<impl Stream<Item = Result<u32, String>>, String> {
    if n % 2 == 1 {
        return Err("odd".to_owned());
    }
    Ok(stream::iter([Ok(n), Err("broke".to_owned()), Ok(n)]))
}

#[on]
async fn pieces() -> impl Stream<Item = serde_bytes::ByteBuf> {
    stream::iter([b"one", b"two"]).map(|bytes| serde_bytes::ByteBuf::from(bytes.to_vec()))
}

struct Guard(&'static str, State<Journal>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.1.write(format!("{} is gone", self.0));
    }
}

#[on]
async fn count_on(journal: &State<Journal>) -> impl Stream<Item = u64> {
    stream::unfold((0, Guard("counter", journal.clone())), async |(n, guard)| Some((n, (n + 1, guard))))
}

fn item(number: &str, value: impl std::fmt::Display) -> String {
    format!(r#"42["$/item","{number}",{value}]"#)
}

/// The number of the stream that a call is acknowledged with.
async fn begin(peer: &mut Peer, event: &str) -> String {
    let answer = peer.ask(event).await;
    let number = answer.strip_prefix(r#"[{"stream":""#).and_then(|rest| rest.strip_suffix(r#""}]"#));
    number.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[tokio::test]
async fn a_stream_is_named_and_then_sent_as_events() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    let number = begin(&mut peer, r#"["count",5,3]"#).await;
    for n in 5..8 {
        assert_eq!(peer.text().await, item(&number, n));
    }
    assert_eq!(peer.text().await, format!(r#"42["$/end","{number}"]"#));
    let other = begin(&mut peer, r#"["count",0,0]"#).await;
    assert_ne!(number, other);
    assert_eq!(peer.text().await, format!(r#"42["$/end","{other}"]"#));
}

#[tokio::test]
async fn what_may_fail_says_which_it_is() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    let refused = peer.ask(r#"["count_even",1]"#).await;
    assert_eq!(refused, r#"[{"error":{"code":"app","message":"odd","data":"odd"}}]"#);
    let answer = peer.ask(r#"["count_even",2]"#).await;
    let number = answer.strip_prefix(r#"[{"stream":""#).and_then(|rest| rest.strip_suffix(r#""}]"#));
    let number = number.unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(peer.text().await, item(number, 2));
    let error = r#"{"code":"app","message":"broke","data":"broke"}"#;
    assert_eq!(peer.text().await, format!(r#"42["$/end","{number}",{error}]"#));
    let wrong = peer.ask(r#"["count",1]"#).await;
    assert!(wrong.starts_with(r#"[{"error":{"code":"bad_arguments""#), "{wrong}");
}

#[tokio::test]
async fn items_are_sent_only_for_credit() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    let number = begin(&mut peer, r#"["count_on"]"#).await;
    for n in 0..32 {
        assert_eq!(peer.text().await, item(&number, n));
    }
    assert!(peer.until_now().await.is_empty());
    // Its number is a text; a client may well make a number of it.
    peer.say(&format!(r#"42["$/more","{number}",2]"#)).await;
    peer.say(&format!(r#"42["$/more",{number},1]"#)).await;
    for n in 32..35 {
        assert_eq!(peer.text().await, item(&number, n));
    }
    assert!(peer.until_now().await.is_empty());
    peer.say(&format!(r#"42["$/cancel","{number}"]"#)).await;
    server.state::<Journal>().unwrap().wait_for("counter is gone").await;
    assert!(peer.until_now().await.is_empty(), "who cancels is not told the end");
    // Of a stream that is over.
    peer.say(&format!(r#"42["$/more","{number}",2]"#)).await;
    peer.say(&format!(r#"42["$/cancel","{number}"]"#)).await;
    assert!(peer.until_now().await.is_empty());
}

#[tokio::test]
async fn bytes_go_beside_their_item() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    let number = begin(&mut peer, r#"["pieces"]"#).await;
    for piece in [b"one", b"two"] {
        let placeholder = r#"{"_placeholder":true,"num":0}"#;
        assert_eq!(peer.text().await, format!(r#"451-["$/item","{number}",{placeholder}]"#));
        assert_eq!(peer.hear().await, Heard::Bytes(piece.to_vec()));
    }
    assert_eq!(peer.text().await, format!(r#"42["$/end","{number}"]"#));
}

#[tokio::test]
async fn a_stream_is_asked_for_and_not_sent_unasked() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    peer.say(r#"42["count",0,3]"#).await;
    let refused = peer.text().await;
    assert!(refused.starts_with(r#"42["$/refused","count",{"code":"streaming","#), "{refused}");
    assert!(peer.until_now().await.is_empty());
}

#[tokio::test]
async fn credit_that_makes_no_sense_ends_the_stream() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    for count in ["0", "-1", r#""many""#, "null", "1.5", "1e300", "1000001", "{}"] {
        let number = begin(&mut peer, r#"["count_on"]"#).await;
        for n in 0..32 {
            assert_eq!(peer.text().await, item(&number, n));
        }
        peer.say(&format!(r#"42["$/more","{number}",{count}]"#)).await;
        let end = peer.text().await;
        let start = format!(r#"42["$/end","{number}",{{"code":"bad_arguments","#);
        assert!(end.starts_with(&start), "{count}: {end}");
    }
    let number = begin(&mut peer, r#"["count_on"]"#).await;
    for _ in 0..32 {
        peer.text().await;
    }
    peer.say(&format!(r#"42["$/more","{number}"]"#)).await;
    assert!(peer.text().await.contains("bad_arguments"), "the number of items is missing");
    // What names no stream is refused like anything else with such a name.
    for odd in [r#"42["$/more"]"#, r#"42["$/more",{}]"#, r#"42["$/cancel","x"]"#, r#"42["$/else","1"]"#] {
        peer.say(odd).await;
        let refused = peer.text().await;
        assert!(refused.starts_with(r#"42["$/refused","$/"#), "{odd}: {refused}");
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_namespace_and_with_its_connection() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    begin(&mut peer, r#"["count_on"]"#).await;
    peer.vanish();
    server.state::<Journal>().unwrap().wait_for("counter is gone").await;
}

#[tokio::test]
async fn a_server_that_ends_waits_for_no_stream() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    let number = begin(&mut peer, r#"["count_on"]"#).await;
    let ending = tokio::spawn({
        let server = server.clone();
        async move { server.shutdown(Duration::from_secs(60)).await }
    });
    let end = loop {
        let text = peer.text().await;
        if !text.starts_with(r#"42["$/item""#) {
            break text;
        }
    };
    assert!(end.starts_with(&format!(r#"42["$/end","{number}",{{"code":"closing""#)), "{end}");
    assert!(ending.await.unwrap());
    server.state::<Journal>().unwrap().wait_for("counter is gone").await;
}

#[tokio::test]
async fn numbers_are_a_connections_own() {
    let server = start().await;
    let (mut one, _) = Peer::join(&server).await;
    let (mut other, _) = Peer::join(&server).await;
    let number = begin(&mut one, r#"["count_on"]"#).await;
    for _ in 0..32 {
        one.text().await;
    }
    // The other has no stream, whatever it calls it.
    other.say(&format!(r#"42["$/cancel","{number}"]"#)).await;
    other.say(&format!(r#"42["$/more","{number}",5]"#)).await;
    assert!(other.until_now().await.is_empty());
    assert!(one.until_now().await.is_empty());
    one.say(&format!(r#"42["$/more","{number}",1]"#)).await;
    assert_eq!(one.text().await, item(&number, 32));
}

#[tokio::test]
async fn what_is_said_of_a_stream_with_an_acknowledgement_is_acknowledged() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    assert_eq!(peer.ask(r#"["$/more","99",1]"#).await, "[]");
    assert_eq!(peer.ask(r#"["$/cancel","99"]"#).await, "[]");
}
