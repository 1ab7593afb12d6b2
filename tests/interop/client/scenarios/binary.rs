//! Bytes both ways: nested, several, empty, large.

use jidda::handler::RawArguments;
use jidda::payload::Value;

use crate::inbox::Inbox;
use crate::runner::{Scenario, scenarios};
use crate::session::{Session, Setting, entry};
use crate::target::Ability;

pub(super) fn all(_: &Setting) -> Vec<Scenario> {
    scenarios![
        bytes_from_the_server,
        bytes_to_the_server,
        bytes_there_and_back,
        bytes_and_text_by_turns_from_the_server,
        bytes_and_text_by_turns_to_the_server,
        bytes_in_an_answer_to_the_server,
        a_megabyte_of_bytes,
    ]
}

fn bytes(bytes: &[u8]) -> Value {
    Value::Binary(bytes.to_vec())
}

fn map(key: &str, value: Value) -> Value {
    Value::Map(vec![(key.into(), value)])
}

async fn bytes_from_the_server(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let (nested, empty): (Value, Value) = client.call("bytes", &()).await?;
    let list = Value::Array(vec![bytes(&[1, 2, 3]), map("deep", bytes(&[255]))]);
    assert_eq!(entry(&nested, "list"), list);
    if session.has(Ability::EmptyAttachments) {
        assert_eq!(empty, bytes(&[]));
    }
    Ok(())
}

async fn bytes_to_the_server(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let last: &[u8] = if session.has(Ability::EmptyAttachments) { &[] } else { &[0] };
    let values =
        vec![bytes(&[1, 2, 3]), Value::Array(vec![map("deep", bytes(&[255])), bytes(last)]), "x".into()];
    let (one, two, three): (String, Value, String) = client.call("hexed", &RawArguments(values)).await?;
    assert_eq!((one.as_str(), three.as_str()), ("hex:010203", "x"));
    let last = if last.is_empty() { "hex:" } else { "hex:00" };
    assert_eq!(two, Value::Array(vec![map("deep", "hex:ff".into()), last.into()]));
    Ok(())
}

async fn bytes_there_and_back(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let mut inbox = Inbox::new(&client.root(), "back");
    let values =
        vec![bytes(&[0, 1, 254, 255]), map("a", Value::Array(vec![bytes(b"text"), bytes(&[7; 300])]))];
    client.emit("back", &RawArguments(values.clone())).await?;
    assert_eq!(inbox.next().await, values);
    assert_eq!(client.call::<Value>("echo", &RawArguments(vec![values[1].clone()])).await?, values[1]);
    Ok(())
}

/// Events with and without bytes keep their order.
async fn bytes_and_text_by_turns_from_the_server(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let mut inbox = Inbox::new(&client.root(), "item");
    client.emit("series", &100).await?;
    for number in 0..100u8 {
        let expected = match number % 3 {
            0 => format!("text {number}").into(),
            1 => bytes(&[number]),
            _ => {
                let list = Value::Array(vec![bytes(&[number]), bytes(&[number, number])]);
                Value::Map(vec![("a".into(), bytes(&[number])), ("b".into(), list)])
            }
        };
        assert_eq!(inbox.next().await, [Value::from(number), expected]);
    }
    Ok(())
}

async fn bytes_and_text_by_turns_to_the_server(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let mut expected = Vec::new();
    for number in 0..50u8 {
        let (value, text) = if number % 2 == 0 {
            (bytes(&[number]), format!("hex:{number:02x}"))
        } else {
            (Value::from("text"), "text".to_owned())
        };
        client.emit("collect", &RawArguments(vec![value])).await?;
        expected.push(text);
    }
    assert_eq!(client.call::<Vec<String>>("collected", &()).await?, expected);
    Ok(())
}

async fn bytes_in_an_answer_to_the_server(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    client.on("question", |value: Value| async move { map("got", Value::Array(vec![value, bytes(&[9])])) });
    let answer: Value = client.call("ask", &RawArguments(vec![bytes(&[1, 2])])).await?;
    assert_eq!(answer, map("got", Value::Array(vec![bytes(&[1, 2]), bytes(&[9])])));
    Ok(())
}

async fn a_megabyte_of_bytes(session: Session) -> jidda::Result<()> {
    let client = session.connect().await?;
    let large: Vec<u8> = (0..1_000_000u32).map(|number| number.to_le_bytes()[0]).collect();
    let answer: Value = client.call("echo", &RawArguments(vec![bytes(&large)])).await?;
    assert!(answer == bytes(&large), "a megabyte comes back as it was sent");
    Ok(())
}
