//! The scanner of JSON: it is of one mind with `serde_json`.
#![no_main]

use jidda_runtime::wire::json::{JsonError, elements, string, value};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Deserializer;

fuzz_target!(|text: &str| {
    let bytes = text.as_bytes();
    let ours = value(bytes, 0, usize::MAX);
    // Whatever follows the value.
    let theirs = IgnoredAny::deserialize(&mut Deserializer::from_str(text));
    assert_eq!(ours.is_ok(), theirs.is_ok(), "{ours:?}, {theirs:?}");
    let whole = serde_json::from_str::<IgnoredAny>(text).is_ok();
    let is_white = |rest: &str| rest.trim_matches([' ', '\t', '\n', '\r']).is_empty();
    assert_eq!(ours.is_ok_and(|end| is_white(&text[end..])), whole);
    if let Ok(end) = ours {
        assert!(serde_json::from_str::<IgnoredAny>(&text[..end]).is_ok());
        // Every part of an array or an object lacks its end.
        if bytes[end - 1] == b']' || bytes[end - 1] == b'}' {
            assert_eq!(value(&bytes[..end - 1], 0, usize::MAX), Err(JsonError::Malformed));
        }
    }
    let ours = string(text, 0).ok().map(|(string, _)| string.into_owned());
    match String::deserialize(&mut Deserializer::from_str(text)) {
        Ok(theirs) => assert_eq!(ours, Some(theirs)),
        // Halves of surrogate pairs are what only we take.
        Err(_) => assert!(ours.is_none_or(|ours| ours.contains('\u{fffd}'))),
    }
    match serde_json::from_str::<Vec<IgnoredAny>>(text) {
        Ok(all) => assert_eq!(elements(bytes, 0, usize::MAX).unwrap().0, all.len()),
        Err(_) => assert!(
            !elements(bytes, 0, usize::MAX)
                .is_ok_and(|(_, end)| { is_white(&text[end..]) && text.trim_start().starts_with('[') })
        ),
    }
    // From any place, at any depth.
    for at in [1, 2, bytes.len() / 2, bytes.len()] {
        if let Ok(end) = value(bytes, at, 3) {
            assert!(at < end && end <= bytes.len());
            assert_eq!(value(bytes, at, usize::MAX), Ok(end));
        }
        if let Ok((count, end)) = elements(bytes, at, 3) {
            assert!(at < end && end <= bytes.len() && count <= bytes.len());
        }
    }
});
