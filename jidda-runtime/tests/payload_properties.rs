//! What must hold for the payloads of long polling, whatever packets and whatever bytes.
#![allow(missing_docs)]

use jidda_runtime::wire::engine_io::payload_v3::{self, Form};
use jidda_runtime::wire::engine_io::{PayloadError, PayloadPacket, base64_text, jsonp, payload_v4};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

type Read<'a> = Vec<Result<PayloadPacket<'a>, PayloadError>>;

const FORMS: [Form; 2] = [Form::Text, Form::Binary];

/// Without the separator, which version 4 cannot carry.
fn text() -> impl Strategy<Value = PayloadPacket<'static>> {
    ("[0-6]", prop_oneof!["[ -~]{0,30}", r"[^\x1e]{0,20}", "[é€😀\u{2028}]{0,8}"])
        .prop_map(|(kind, text)| PayloadPacket::Text((kind + &text).into()))
}

fn v4_packet() -> impl Strategy<Value = PayloadPacket<'static>> {
    prop_oneof![text(), vec(any::<u8>(), 0..100).prop_map(|bytes| PayloadPacket::Binary(bytes.into()))]
}

fn v3_packet() -> impl Strategy<Value = PayloadPacket<'static>> {
    let bytes = (0..=6u8, vec(any::<u8>(), 0..100)).prop_map(|(kind, mut bytes)| {
        bytes.insert(0, kind);
        PayloadPacket::Binary(bytes.into())
    });
    prop_oneof![text(), bytes]
}

fn v4(packets: &[PayloadPacket<'static>]) -> Vec<u8> {
    let mut out = Vec::new();
    payload_v4::write(&mut out, packets.iter().cloned());
    out
}

fn v3(form: Form, packets: &[PayloadPacket<'static>]) -> Vec<u8> {
    let mut out = Vec::new();
    payload_v3::write(&mut out, form, packets.iter().cloned());
    out
}

/// What reads as packets is how `all` begins, and an error or a shorter last packet is the end.
fn is_beginning(read: &Read<'_>, all: &[PayloadPacket<'static>]) -> bool {
    let whole = read.iter().zip(all).take_while(|(read, wanted)| read.as_ref() == Ok(wanted)).count();
    read.len() <= whole + 1 && read.get(all.len()).is_none_or(Result::is_err)
}

fn ends_at_its_error(read: &Read<'_>) -> bool {
    read.iter().position(Result::is_err).is_none_or(|at| at + 1 == read.len())
}

/// Bytes that are payloads more often than chance would have it.
fn likely_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        vec(any::<u8>(), 0..20),
        "[0-9:b\x1e46=A]{0,12}".prop_map(String::into_bytes),
        v4_packet().prop_map(|packet| v4(&[packet])),
        (v3_packet(), of(any::<prop::sample::Index>()), any::<u8>(), 0..2usize).prop_map(
            |(packet, place, byte, form)| {
                let mut bytes = v3(FORMS[form], &[packet]);
                if let Some(place) = place {
                    let place = place.index(bytes.len());
                    bytes[place] = byte;
                }
                bytes
            }
        ),
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// As the scripts of clients do it.
fn client_escape(payload: &str) -> String {
    payload.replace("\\n", "\\\n").replace('\n', "\\n")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn packets_survive_version_4(all in vec(v4_packet(), 1..8)) {
        let body = v4(&all);
        prop_assert_eq!(payload_v4::packets(&body).collect::<Result<Vec<_>, _>>(), Ok(all.clone()));
        for end in 0..body.len() {
            let read: Read<'_> = payload_v4::packets(&body[..end]).collect();
            prop_assert!(is_beginning(&read, &all), "{end}: {read:?} of {all:?}");
        }
    }

    #[test]
    fn packets_survive_version_3(all in vec(v3_packet(), 0..8)) {
        for form in FORMS {
            let body = v3(form, &all);
            let is_binary = form == Form::Binary;
            prop_assert_eq!(
                payload_v3::packets(&body, is_binary).collect::<Result<Vec<_>, _>>(),
                Ok(all.clone())
            );
            for end in 0..body.len() {
                let read: Read<'_> = payload_v3::packets(&body[..end], is_binary).collect();
                prop_assert!(is_beginning(&read, &all), "{end}: {read:?} of {all:?}");
                // Lengths tell that something is missing, unless nothing is.
                let is_whole = read.iter().zip(&all).all(|(read, wanted)| read.as_ref() == Ok(wanted));
                prop_assert!(is_whole || read.last().is_some_and(Result::is_err));
            }
        }
    }

    #[test]
    fn any_bytes_are_harmless(body in likely_bytes()) {
        let read: Read<'_> = payload_v4::packets(&body).collect();
        prop_assert!(!read.is_empty() && ends_at_its_error(&read));
        for is_binary in [false, true] {
            let read: Read<'_> = payload_v3::packets(&body, is_binary).collect();
            prop_assert!(ends_at_its_error(&read) && read.len() <= body.len() / 2 + 1);
        }
        let _ = jsonp::request(&body);
    }

    #[test]
    fn what_was_read_can_be_written(body in likely_bytes()) {
        let readable = |read: Read<'_>| -> Vec<PayloadPacket<'static>> {
            read.into_iter().map_while(Result::ok).map(owned).collect()
        };
        let packets = readable(payload_v4::packets(&body).collect());
        if !packets.is_empty() {
            prop_assert_eq!(readable(payload_v4::packets(&v4(&packets)).collect()), packets);
        }
        for is_binary in [false, true] {
            let packets = readable(payload_v3::packets(&body, is_binary).collect());
            for form in FORMS {
                let again = v3(form, &packets);
                let again = readable(payload_v3::packets(&again, form == Form::Binary).collect());
                prop_assert_eq!(&again, &packets);
            }
        }
    }

    #[test]
    fn lengths_are_what_javascript_counts(text in "[aé€😀]{0,12}") {
        let packet = [PayloadPacket::Text(format!("4{text}").into())];
        let length = text.encode_utf16().count() + 1;
        prop_assert_eq!(v3(Form::Text, &packet), format!("{length}:4{text}").into_bytes());
        for wrong in (0..length + 3).filter(|wrong| *wrong != length) {
            let body = format!("{wrong}:4{text}");
            prop_assert!(payload_v3::packets(body.as_bytes(), false).any(|read| read.is_err()));
        }
    }

    #[test]
    fn base64_is_undone(bytes in vec(any::<u8>(), 0..200)) {
        let mut out = Vec::new();
        base64_text::encode(&mut out, &bytes);
        let text = String::from_utf8(out).unwrap();
        prop_assert_eq!(base64_text::decode(&text), Ok(bytes.clone()));
        prop_assert_eq!(base64_text::decode(text.trim_end_matches('=')), Ok(bytes));
    }

    #[test]
    fn a_response_is_javascript_of_the_payload(payload in any::<String>(), index in any::<u32>()) {
        let mut out = Vec::new();
        jsonp::response(&mut out, &index.to_string(), &payload);
        let out = String::from_utf8(out).unwrap();
        let is_one_line = !out.contains(['\u{2028}', '\u{2029}', '\n']);
        prop_assert!(is_one_line, "{out:?}");
        let call = out.strip_prefix(&format!("___eio[{index}](")).and_then(|call| call.strip_suffix(");"));
        prop_assert_eq!(serde_json::from_str::<String>(call.unwrap()).unwrap(), payload);
    }

    #[test]
    fn a_form_gives_the_payload(
        payload in prop_oneof![any::<String>(), r"[\\n\na€+&=%]{0,12}"],
        before in of("[a-c]=[a-z]{0,3}&"),
    ) {
        // A backslash before a newline is what clients cannot write apart from `\n`.
        prop_assume!(!payload.contains("\\\n"));
        let mut form = form_urlencoded::Serializer::new(before.unwrap_or_default());
        form.append_pair("d", &client_escape(&payload));
        prop_assert_eq!(jsonp::request(form.finish().as_bytes()).unwrap(), payload);
    }
}

fn owned(packet: PayloadPacket<'_>) -> PayloadPacket<'static> {
    match packet {
        PayloadPacket::Text(text) => PayloadPacket::Text(text.into_owned().into()),
        PayloadPacket::Binary(bytes) => PayloadPacket::Binary(bytes.into_owned().into()),
    }
}
