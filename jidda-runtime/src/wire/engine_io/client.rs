//! What only a client reads and writes: its requests to join, their answers, and acknowledgements that say that an event failed.

use std::borrow::Cow;

use super::super::protocol::{Introduction, Protocol};
use super::super::socket_io::{Parser, message_pack, text as packets};
use super::super::{Limits, Packet, WireError};
use super::write::{binary, control, event_encoded};
use super::{Acknowledgements, EngineIo, Layer, Version};
use crate::failure::Failure;
use crate::foreign::shown;
use crate::payload::{Encoding, Payload, Value, encode_into};

type Decoded<'a> = Result<Packet<'a>, WireError>;

/// What the acknowledgement of an event begins with that a server of jidda's could not handle.
const FAILED: &str = r#"[{"error":{"code":"#;
/// What it begins with where values are wrapped.
const WRAPPED: &str = r#"[{"ok":"#;

/// Codes of failures whose data is not the handler's.
const OF_JIDDA: [&str; 3] = ["internal", "timeout", "cancelled"];

/// Reads the text of a packet that only servers send; `None` if it is another one.
#[inline]
pub(super) fn text(wire: EngineIo, text: &str, limits: Limits) -> Option<Decoded<'_>> {
    match text.as_bytes().first()? {
        b'0' | b'4' => packets::answer_to_joining(text, limits).map(|answer| {
            let (is_joined, namespace, data) = answer?;
            Ok(answer_to_joining(wire, is_joined, namespace, data.as_bytes()))
        }),
        b'3' if is_unusual(wire, text) => acknowledgement(wire, text, limits),
        _ => None,
    }
}

/// Whether an acknowledgement may be more than a list of values.
#[inline]
fn is_unusual(wire: EngineIo, text: &str) -> bool {
    let list = text.find('[').map_or("", |start| &text[start..]);
    list.starts_with(FAILED) || wire.acknowledgements == Acknowledgements::Wrapped
}

/// Reads a packet of the msgpack parser.
pub(super) fn bytes(wire: EngineIo, bytes: &[u8], limits: Limits) -> Decoded<'_> {
    if let Some((is_joined, namespace, data)) = message_pack::answer_to_joining(bytes, limits)? {
        return Ok(answer_to_joining(wire, is_joined, namespace, &data));
    }
    let packet = message_pack::packet(bytes, limits)?;
    let Packet::Reply { id, outcome: Ok(list) } = &packet else { return Ok(packet) };
    // A list of one map of one entry, whose key says which.
    if list.starts_with(b"\x91\x81\xa5error")
        && let Some(failure) = failed(wire, list)
    {
        return Ok(Packet::Failed { id: *id, failure });
    }
    if wire.acknowledgements == Acknowledgements::Wrapped && list.starts_with(b"\x91\x81\xa2ok") {
        let list = [b"\x91", &list[5..]].concat();
        return Ok(Packet::Reply { id: *id, outcome: Ok(list.into()) });
    }
    Ok(packet)
}

/// Reads an acknowledgement that says that its event failed, or whose value is wrapped; `None` if it is another one.
fn acknowledgement(wire: EngineIo, text: &str, limits: Limits) -> Option<Decoded<'_>> {
    let packet = match packets::packet(text, wire.version, limits, drop) {
        Ok(packet) => packet,
        Err(error) => return Some(Err(error)),
    };
    let Packet::Reply { id, outcome: Ok(list) } = packet else { return None };
    if list.starts_with(FAILED.as_bytes())
        && let Some(failure) = failed(wire, &list)
    {
        return Some(Ok(Packet::Failed { id, failure }));
    }
    let inner = list.strip_prefix(WRAPPED.as_bytes())?.strip_suffix(b"}]")?;
    (wire.acknowledgements == Acknowledgements::Wrapped)
        .then(|| Ok(Packet::Reply { id, outcome: Ok([b"[", inner, b"]"].concat().into()) }))
}

/// The failure in a list of one map with nothing but an `error`, which has a code and a message.
fn failed(wire: EngineIo, list: &[u8]) -> Option<Box<Failure>> {
    let Value::Array(values) = value(wire, list)? else { return None };
    let [Value::Map(entries)] = &*values else { return None };
    let [(key, error @ Value::Map(_))] = &**entries else { return None };
    (key.as_str() == Some("error") && field(error, "message").is_some())
        .then(|| Box::new(described(error.clone())))
}

/// Reads a failure that a server of jidda's describes: a map with a code, a message and perhaps data.
pub(super) fn read_failure(wire: EngineIo, error: &[u8]) -> Failure {
    described(value(wire, error).unwrap_or(Value::Nil))
}

fn described(error: Value) -> Failure {
    let text = |name| field(&error, name).and_then(Value::as_str).map(str::to_owned);
    match (text("code"), text("message")) {
        (Some(code), Some(message)) => {
            let data = field(&error, "data").and_then(encoded);
            // An error of the handler's own has data: without a sign for it, its caller's type decides.
            let is_own = data.is_some() && !OF_JIDDA.contains(&&*code);
            Failure { app: is_own, data, ..Failure::new(code, message) }
        }
        _ => refusal(error),
    }
}

fn answer_to_joining<'a>(wire: EngineIo, is_joined: bool, namespace: &'a str, data: &[u8]) -> Packet<'a> {
    let data = if data.is_empty() { None } else { value(wire, data) };
    let namespace = Cow::Borrowed(namespace);
    if !is_joined {
        return Packet::Refusal { namespace, failure: Box::new(refusal(data.unwrap_or(Value::Nil))) };
    }
    let text =
        |name| data.as_ref().and_then(|data| field(data, name)).and_then(Value::as_str).map(Into::into);
    Packet::Joined { namespace, socket: text("sid"), private: text("pid") }
}

/// The refusal in a connect error: a map with a message and perhaps data, or in version 4 any value.
fn refusal(error: Value) -> Failure {
    const CODE: &str = "refused";
    let (message, data) = match (&error, field(&error, "message").and_then(Value::as_str)) {
        (_, Some(message)) => (message.to_owned(), field(&error, "data").cloned()),
        (Value::String(text), _) => (text.as_str().unwrap_or_default().to_owned(), None),
        (Value::Nil, _) => ("the server gave no reason".to_owned(), None),
        (other, _) => (other.to_string(), Some(error.clone())),
    };
    let code = data.as_ref().and_then(|data| field(data, "code")).and_then(Value::as_str);
    match (code, &data) {
        // How a server of jidda's names its own refusals.
        (Some(code), Some(Value::Map(entries)))
            if entries.iter().all(|(key, _)| matches!(key.as_str(), Some("code" | "id"))) =>
        {
            let id = data.as_ref().and_then(|data| field(data, "id")).and_then(encoded);
            Failure { data: id, ..Failure::new(code.to_owned(), message) }
        }
        _ => {
            let data = data.as_ref().and_then(encoded);
            Failure { app: data.is_some(), data, ..Failure::new(CODE, message) }
        }
    }
}

fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let Value::Map(entries) = value else { return None };
    entries.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
}

fn value(wire: EngineIo, bytes: &[u8]) -> Option<Value> {
    let encoding = match wire.layer {
        Layer::SocketIo(Parser::Json) => Encoding::Json(wire.integers),
        Layer::SocketIo(Parser::MessagePack) | Layer::Raw => Encoding::MessagePack,
    };
    Payload::from_bytes(bytes, encoding).to_value().ok()
}

fn encoded(value: &Value) -> Option<Payload> {
    Payload::encode(value, Encoding::MessagePack).ok()
}

/// Writes a request to join; `auth` is a value in `MessagePack`.
pub(super) fn connect(out: &mut Vec<u8>, wire: EngineIo, namespace: &str, auth: &[u8]) {
    let auth = rmpv::decode::read_value(&mut &*auth).ok().filter(|auth| !auth.is_nil());
    // Servers take nothing but a map.
    let auth = auth.map(|auth| match auth {
        map @ Value::Map(_) => map,
        other => Value::Map(vec![("token".into(), other)]),
    });
    if wire.version == Version::V3 && namespace == "/" {
        // A client of this version is in the root namespace by being there.
        return;
    }
    match wire.layer {
        Layer::Raw => {}
        Layer::SocketIo(Parser::MessagePack) => {
            let auth = auth.map(|auth| {
                let mut bytes = Vec::new();
                encode_into(&mut bytes, &auth, Encoding::MessagePack).ok();
                bytes
            });
            binary(out, wire, |out| message_pack::ask_to_join(out, namespace, auth.as_deref()));
        }
        Layer::SocketIo(Parser::Json) if wire.version == Version::V3 => {
            let query = auth.as_ref().map(query).filter(|query| !query.is_empty());
            match query {
                Some(query) => control(out, wire, &format!("{namespace}?{query}"), b'0', |_| {}),
                None => control(out, wire, namespace, b'0', |_| {}),
            }
        }
        Layer::SocketIo(Parser::Json) => {
            let mut json = Vec::new();
            if let Some(auth) = auth {
                // Bytes would need attachments, and this packet has none.
                let fits = encode_into(&mut json, &auth, Encoding::Json(wire.integers)).is_ok()
                    && json.first() != Some(&0);
                if !fits {
                    tracing::warn!(
                        namespace = &*shown(namespace),
                        "the auth value has no form in JSON, and is not sent"
                    );
                    json.clear();
                }
            }
            control(out, wire, namespace, b'0', |out| out.extend_from_slice(&json));
        }
    }
}

/// Writes new credentials: an event that servers of jidda's answer.
pub(super) fn authenticate(out: &mut Vec<u8>, wire: EngineIo, id: u32, introduction: Introduction<'_>) {
    let credentials = introduction.credentials.and_then(|credentials| credentials.to_value().ok());
    let mut list = Vec::new();
    if encode_into(&mut list, &(credentials,), wire.encoding()).is_ok() {
        // There is a form for it: it was encoded for this wire.
        event_encoded(out, wire, ("/", "$/authenticate"), Some(id), &list).ok();
    }
}

/// What later versions call auth is the query of a namespace.
fn query(auth: &Value) -> String {
    let Value::Map(entries) = auth else { return String::new() };
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (key, value) in entries {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        query.append_pair(&text(key), &text(value));
    }
    query.finish()
}
