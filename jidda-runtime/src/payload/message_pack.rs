//! Values in `MessagePack`: read once more, mended, where serde refuses them.

use rmpv::Value;
use serde::de::DeserializeOwned;

use super::codec_error::CodecError;
use super::wide::Wide;
use super::{mended, wide};

/// Reads a value that is decoded already, or was sent in pieces; what has a form for people is in it as text.
pub(crate) fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, CodecError> {
    from_msgpack(&to_msgpack(&value))
}

pub(super) fn from_msgpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let read = |bytes: &[u8]| {
        let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes).with_human_readable();
        T::deserialize(Wide(&mut deserializer))
    };
    read(bytes).or_else(|error| read_again(bytes, &error, read))
}

pub(crate) fn decode_msgpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    wide::from_slice(bytes).or_else(|error| read_again(bytes, &error, |bytes: &[u8]| wide::from_slice(bytes)))
}

/// Reads a value that was refused with `refusal`, mended.
#[cold]
fn read_again<T: DeserializeOwned>(
    bytes: &[u8],
    refusal: &rmp_serde::decode::Error,
    read: impl FnOnce(&[u8]) -> Result<T, rmp_serde::decode::Error>,
) -> Result<T, CodecError> {
    let explained = |error: &_, value| Err(CodecError(explain::<T>(error, value)));
    let Ok(mut value) = rmpv::decode::read_value(&mut &bytes[..]) else { return explained(refusal, None) };
    if !mended::value(&mut value) {
        return explained(refusal, Some(value));
    }
    read(&to_msgpack(&value)).or_else(|error| explained(&error, Some(value)))
}

/// A value as it is written.
pub(crate) fn to_msgpack(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, value).expect("writing to memory does not fail");
    bytes
}

/// serde's own sentence about a value that is no `T`. It names what was expected, where rmp often names only the
/// marker it met; a second reading finds the words then.
#[cold]
pub(crate) fn explain<T: DeserializeOwned>(error: &rmp_serde::decode::Error, value: Option<Value>) -> String {
    use rmp_serde::decode::Error::{Syntax, Uncategorized};
    if matches!(error, Syntax(_) | Uncategorized(_)) {
        return describe_decode(error);
    }
    match value.map(rmpv::ext::from_value::<T>) {
        Some(Err(rmpv::ext::Error::Syntax(text))) => text,
        _ => describe_decode(error),
    }
}

/// serde's own words where there are some; rmp's otherwise.
pub(crate) fn describe_decode(error: &rmp_serde::decode::Error) -> String {
    match error {
        rmp_serde::decode::Error::Syntax(text) | rmp_serde::decode::Error::Uncategorized(text) => {
            text.clone()
        }
        other => other.to_string(),
    }
}
