//! Events both ways: any number of values of any kind, in order.

use jidda::handler::RawArguments;
use jidda::payload::Value;
use serde::Serialize;

use crate::inbox::Inbox;
use crate::runner::{Scenario, scenarios};
use crate::session::{Session, Setting, Transport};
use crate::target::Ability;

pub(super) const TEXTS: [&str; 9] = [
    "grüße",
    "日本語",
    "😀",
    "👩‍👩‍👧 𝒳 🏴",
    "\u{2028}\u{2029}",
    "\u{0}\u{7}",
    "a \"quoted\\\" one",
    "ÿ\u{80}",
    "",
];

pub(super) fn all(setting: &Setting) -> Vec<Scenario> {
    // A server that encodes text twice gives back what it was given, but cannot read it.
    let reads_text = setting.target.has(Ability::PolledText) || setting.transport == Transport::WebSocket;
    scenarios![
        several_arguments_both_ways,
        no_arguments_both_ways,
        bare_messages,
        five_hundred_events_in_order,
        numbers,
        unicode,
        unicode_in_the_name if reads_text,
        a_megabyte_of_text,
    ]
}

/// What the server sends back as an event.
async fn back<A: Serialize + Sync>(session: &Session, values: &A) -> jidda::Result<Vec<Value>> {
    let client = session.connect().await?;
    let mut inbox = Inbox::new(&client.root(), "back");
    client.emit("back", values).await?;
    Ok(inbox.next().await)
}

async fn several_arguments_both_ways(session: Session) -> jidda::Result<()> {
    let nested = Value::Array(vec![2.into(), Value::Array(vec![3.into()])]);
    let map = Value::Map(vec![("a".into(), Value::Map(vec![("b".into(), Value::Nil)]))]);
    let empty = [Value::Array(Vec::new()), Value::Map(Vec::new())];
    let mut values = vec!["text".into(), 1.into(), nested, map, true.into(), Value::Nil];
    values.extend(empty);
    assert_eq!(back(&session, &RawArguments(values.clone())).await?, values);
    Ok(())
}

async fn no_arguments_both_ways(session: Session) -> jidda::Result<()> {
    assert_eq!(back(&session, &()).await?, []);
    Ok(())
}

async fn bare_messages(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    client.send("hello").await?;
    assert_eq!(client.recv::<String>().await?, "hello");
    Ok(())
}

async fn five_hundred_events_in_order(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let mut inbox = Inbox::new(&client.root(), "back");
    for number in 0..500 {
        client.emit("collect", &number).await?;
        client.emit("back", &number).await?;
    }
    for number in 0..500 {
        assert_eq!(inbox.first().await, Value::from(number));
    }
    let collected: Vec<u32> = client.call("collected", &()).await?;
    assert_eq!(collected, (0..500).collect::<Vec<_>>());
    Ok(())
}

async fn numbers(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let whole = [0, -1, 255, 65536, 1 << 31, -(1 << 31), (1 << 53) - 1, -(1 << 53) + 1];
    assert_eq!(client.call::<Vec<i64>>("echo", &(whole.to_vec(),)).await?, whole);
    // Large ones without a fraction are beyond what Node's msgpack parser writes.
    let large = if session.setting.is_msgpack { 1.5e15 } else { 1e300 };
    let broken = [1.5, -0.25, 1e-7, large];
    assert_eq!(client.call::<Vec<f64>>("echo", &(broken.to_vec(),)).await?, broken);
    // What is whole stays whole: `1` does not become `1.0`.
    assert_eq!(client.call::<Value>("echo", &1).await?, Value::from(1));
    Ok(())
}

async fn unicode(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    for text in TEXTS {
        assert_eq!(client.call::<String>("echo", &text).await?, text);
    }
    assert_eq!(client.call::<Vec<String>>("echo", &(TEXTS.to_vec(),)).await?, TEXTS);
    Ok(())
}

async fn unicode_in_the_name(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    assert_eq!(client.call::<String>("grüße 😀", &"an").await?, "an 😀");
    Ok(())
}

async fn a_megabyte_of_text(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let text = "grüße 😀 ".repeat(80_000);
    assert!(text.len() > 1_000_000);
    assert_eq!(client.call::<String>("echo", &text).await?, text);
    assert_eq!(client.call::<String>("echo", &"still here").await?, "still here");
    Ok(())
}
