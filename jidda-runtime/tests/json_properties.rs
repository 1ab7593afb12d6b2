//! The scanner of JSON and `serde_json` are of one mind about any text.
#![allow(missing_docs)]

use jidda_runtime::wire::json::{JsonError, elements, string, value};
use proptest::collection::vec;
use proptest::prelude::*;
use serde::Deserialize as _;
use serde::de::IgnoredAny;

/// JSON in which every production of the grammar is likely, the forms no encoder writes too.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop_oneof![Just("null"), Just("true"), Just("false")].prop_map(str::to_owned),
        r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,4})?",
        quoted(),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            (vec((spaced(inner.clone()), Just("")), 0..6)).prop_map(|all| in_brackets("[", &all, "]")),
            vec((spaced(inner.clone()), spaced(quoted())), 0..6).prop_map(|all| in_brackets("{", &all, "}")),
            spaced(inner),
        ]
    })
}

fn in_brackets<K: AsRef<str>>(open: &str, all: &[(String, K)], close: &str) -> String {
    let member = |(value, key): &(String, K)| match key.as_ref() {
        "" => value.clone(),
        key => format!("{key}:{value}"),
    };
    format!("{open}{}{close}", all.iter().map(member).collect::<Vec<_>>().join(","))
}

fn spaced(inner: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (r"[ \t\n\r]{0,2}", inner, r"[ \t\n\r]{0,2}").prop_map(|(before, value, after)| before + &value + &after)
}

fn quoted() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        r#"[^"\\\x00-\x1f]{0,20}"#,
        r#"\\["\\/bfnrt]"#,
        r"\\u[0-9a-fA-F]{4}",
        r"\\u[dD][89abAB][0-9a-f]{2}\\u[dD][c-fC-F][0-9a-f]{2}",
    ];
    vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn mutated() -> impl Strategy<Value = String> {
    let byte = prop_oneof![r#"[\[\]{},:"\\0-9eE+.tfnu \-]"#, any::<char>().prop_map(String::from)];
    (json(), any::<prop::sample::Index>(), byte, 0..3usize).prop_map(|(text, place, byte, removed)| {
        let mut characters: Vec<_> = text.chars().map(String::from).collect();
        let place = place.index(characters.len());
        let end = (place + removed).min(characters.len());
        characters.splice(place..end, [byte]);
        characters.concat()
    })
}

fn likely_text() -> impl Strategy<Value = String> {
    prop_oneof![json(), mutated(), any::<String>(), r#"[\[\]{},:"\\0-9eE+.truefalsn \-]{0,12}"#]
}

fn is_white(text: &str) -> bool {
    text.trim_matches([' ', '\t', '\n', '\r']).is_empty()
}

/// Whether a value begins `text`, whatever follows it.
fn begins_with_a_value(text: &str) -> bool {
    IgnoredAny::deserialize(&mut serde_json::Deserializer::from_str(text)).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn json_is_accepted_to_its_end(text in json()) {
        let end = value(text.as_bytes(), 0, 100).unwrap();
        prop_assert!(is_white(&text[end..]), "{} is left of {text}", &text[end..]);
        prop_assert!(serde_json::from_str::<IgnoredAny>(&text).is_ok());
    }

    #[test]
    fn a_part_of_json_is_not_json(text in json()) {
        let array = format!("[{text}]");
        for end in (0..array.len()).filter(|end| array.is_char_boundary(*end)) {
            prop_assert_eq!(value(&array.as_bytes()[..end], 0, 100), Err(JsonError::Malformed));
        }
    }

    #[test]
    fn any_text_is_judged_alike(text in likely_text()) {
        let ours = value(text.as_bytes(), 0, usize::MAX);
        prop_assert_eq!(ours.is_ok(), begins_with_a_value(&text), "{:?}: {:?}", text, ours);
        let whole = serde_json::from_str::<IgnoredAny>(&text).is_ok();
        prop_assert_eq!(ours.is_ok_and(|end| is_white(&text[end..])), whole, "{:?}", text);
        if let Ok(end) = ours {
            prop_assert!(serde_json::from_str::<IgnoredAny>(&text[..end]).is_ok());
        }
    }

    #[test]
    fn any_place_is_harmless(text in likely_text(), at in 0..50usize, depth in 0..5usize) {
        if let Ok(end) = value(text.as_bytes(), at, depth) {
            prop_assert!(end > at && end <= text.len());
        }
        if let Ok((count, end)) = elements(text.as_bytes(), at, depth) {
            prop_assert!(end > at && end <= text.len() && count <= text.len());
        }
        if let Ok((_, end)) = string(&text, at) {
            prop_assert_eq!(value(text.as_bytes(), at, 0), Ok(end));
        }
    }

    #[test]
    fn strings_are_read_alike(text in prop_oneof![spaced(quoted()), mutated()]) {
        let ours = string(&text, 0).ok().map(|(string, _)| string.into_owned());
        match String::deserialize(&mut serde_json::Deserializer::from_str(&text)) {
            Ok(theirs) => prop_assert_eq!(ours, Some(theirs)),
            // Halves of surrogate pairs are what only we take.
            Err(_) => match ours {
                Some(ours) => prop_assert!(ours.contains(char::REPLACEMENT_CHARACTER)),
                None => prop_assert!(!begins_with_a_value(&text) || !text.trim_start().starts_with('"')),
            },
        }
    }

    #[test]
    fn elements_are_counted(all in vec(json(), 0..8)) {
        let array = format!("[{}]", all.join(","));
        prop_assert_eq!(elements(array.as_bytes(), 0, 100), Ok((all.len(), array.len())));
        let event = format!(r#"["an event",{}]"#, all.join(","));
        let rest = elements(event.as_bytes(), 11, 100);
        match all.len() {
            0 => prop_assert_eq!(rest, Err(JsonError::Malformed)),
            count => prop_assert_eq!(rest, Ok((count, event.len()))),
        }
    }

    #[test]
    fn depth_is_judged_the_same_everywhere(text in json(), depth in 0..8usize) {
        let array = format!("[{text}]");
        let whole = value(array.as_bytes(), 0, depth);
        prop_assert_eq!(elements(array.as_bytes(), 0, depth).map(|(_, end)| end), whole);
        prop_assert_eq!(whole.is_ok(), deepest(&array) <= depth);
    }
}

fn deepest(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut bytes) = (0usize, 0, false, text.bytes());
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth -= 1,
            _ => {}
        }
    }
    deepest
}
