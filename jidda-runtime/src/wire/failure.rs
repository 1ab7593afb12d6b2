//! Failures that a peer sent: a map with a code and a message, or any other value.

use crate::failure::Failure;
use crate::payload::{Encoding, Payload, Value};

pub(super) fn read_failure(bytes: &[u8]) -> Failure {
    let value = rmpv::decode::read_value(&mut &bytes[..]).unwrap_or(Value::Nil);
    let whole = |value: Value| {
        let message = match &value {
            Value::String(text) => text.as_str().unwrap_or_default().to_owned(),
            other => other.to_string(),
        };
        Failure {
            code: "error".into(),
            message: message.into(),
            data: Payload::encode(&value, Encoding::MessagePack).ok(),
            app: false,
            cause: None,
        }
    };
    let Value::Map(entries) = &value else { return whole(value) };
    let text = |name: &str| {
        entries.iter().find(|(key, _)| key.as_str() == Some(name)).and_then(|(_, value)| value.as_str())
    };
    let (Some(code), Some(message)) = (text("code"), text("message")) else { return whole(value) };
    let field =
        |name: &str| entries.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value);
    Failure {
        code: code.to_owned().into(),
        message: message.to_owned().into(),
        data: field("data").and_then(|data| Payload::encode(data, Encoding::MessagePack).ok()),
        app: field("app").and_then(Value::as_bool).unwrap_or(false),
        cause: None,
    }
}
