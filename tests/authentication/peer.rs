//! The native peer that says what it likes.

#[path = "../../jidda-runtime/tests/support/peer.rs"]
mod support;

use jidda::payload::Value;
pub(crate) use support::{Peer, notification, request, response};

/// A map.
pub(crate) fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(entries.iter().map(|(name, value)| (Value::from(*name), value.clone())).collect())
}

/// A hello that presents something.
pub(crate) fn hello(id: u32, credentials: Value) -> Value {
    request(id, "$/hello", vec![map(&[("wire", 1.into()), ("credentials", credentials)])])
}

/// The code of an error reply.
pub(crate) fn code(reply: &Value) -> &str {
    field(&reply[2], "code").as_str().expect("an error has a code")
}

/// What is at a name of a map.
pub(crate) fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    &value[name]
}
