//! The default parser (Socket.IO, "Packet encoding"): `<type>[<n>-][<namespace>,][<id>][JSON]`, with byte strings in messages of their own.

use std::borrow::Cow;

use super::super::engine_io::Version;
use super::super::websocket::opcode;
use super::super::{Limits, Packet, WireError, json};
use super::pending::Pending;

const MALFORMED: WireError = WireError::Illegal("the text is no packet");
const PAYLOAD: WireError = WireError::Illegal("the payload does not fit the packet");

fn refused(error: json::JsonError, limits: Limits) -> WireError {
    match error {
        json::JsonError::Malformed => WireError::Illegal("the payload is no JSON"),
        json::JsonError::TooDeep => WireError::TooDeep { limit: limits.depth, id: None },
    }
}

/// Reads the number whose digits begin at `at`, and where they end.
#[inline]
fn digits(bytes: &[u8], mut at: usize) -> Result<(Option<u32>, usize), WireError> {
    let mut number: Option<u32> = None;
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        let next = number.unwrap_or(0).checked_mul(10).and_then(|number| number.checked_add(digit.into()));
        number = Some(next.ok_or(WireError::Illegal("a number has more than 32 bits"))?);
        at += 1;
    }
    Ok((number, at))
}

/// Reads one packet. One with attachments is passed to `wait` until they are received.
#[inline]
pub(in crate::wire) fn packet(
    text: &str,
    version: Version,
    limits: Limits,
    wait: impl FnOnce(Pending),
) -> Result<Packet<'_>, WireError> {
    let bytes = text.as_bytes();
    let kind = *bytes.first().ok_or(MALFORMED)?;
    let (attachments, at) = match kind {
        b'5' | b'6' => match digits(bytes, 1)? {
            (Some(count), end) if bytes.get(end) == Some(&b'-') => {
                let count = usize::try_from(count).ok().filter(|count| *count <= limits.attachments);
                (count.ok_or(WireError::Illegal("the number of attachments is out of bounds"))?, end + 1)
            }
            _ => return Err(WireError::Illegal("the number of attachments is missing")),
        },
        b'0'..=b'4' => (0, 1),
        _ => return Err(WireError::Illegal("the packet's type is unknown")),
    };
    let (namespace, at) = if bytes.get(at) == Some(&b'/') {
        match text[at..].find(',') {
            Some(length) => (&text[at..at + length], at + length + 1),
            None => (&text[at..], text.len()),
        }
    } else {
        ("/", at)
    };
    let (id, at) = digits(bytes, at)?;
    match kind {
        b'2' | b'5' => event(text, at, (namespace, id), attachments, limits, wait),
        b'3' | b'6' => ack(text, at, (namespace, id), attachments, limits, wait),
        b'0' => connect(text, at, namespace, version, limits),
        b'1' if at == text.len() => Ok(Packet::Disconnect { namespace: namespace.into(), reason: None }),
        b'1' => Err(PAYLOAD),
        _ => Err(WireError::Illegal("a client does not send connect errors")),
    }
}

/// The namespace and the JSON of a packet that a server answers a request to join with: `None` if it is another one.
pub(in crate::wire) fn answer_to_joining(
    text: &str,
    limits: Limits,
) -> Option<Result<(bool, &str, &str), WireError>> {
    let (is_joined, rest) = match text.as_bytes().first()? {
        b'0' => (true, &text[1..]),
        b'4' => (false, &text[1..]),
        _ => return None,
    };
    let (namespace, data) = match rest.split_once(',') {
        Some((namespace, data)) if rest.starts_with('/') => (namespace, data),
        _ if rest.starts_with('/') => (rest, ""),
        _ => ("/", rest),
    };
    // Servers of version 3 send the query back.
    let namespace = namespace.split_once('?').map_or(namespace, |(namespace, _)| namespace);
    if data.is_empty() {
        return Some(Ok((is_joined, namespace, data)));
    }
    let end = json::value(data.as_bytes(), 0, limits.depth).map_err(|error| refused(error, limits));
    let checked = end.and_then(|end| {
        let is_whole = json::skip_whitespace(data.as_bytes(), end) == data.len();
        if is_whole { Ok((is_joined, namespace, data)) } else { Err(PAYLOAD) }
    });
    Some(checked)
}

#[inline]
fn event<'a>(
    text: &'a str,
    at: usize,
    (namespace, id): (&'a str, Option<u32>),
    attachments: usize,
    limits: Limits,
    wait: impl FnOnce(Pending),
) -> Result<Packet<'a>, WireError> {
    let bytes = text.as_bytes();
    if bytes.get(at) != Some(&b'[') {
        return Err(PAYLOAD);
    }
    let name = json::skip_whitespace(bytes, at + 1);
    let (event, end) = match bytes.get(name) {
        Some(b'"') => json::string(text, name).map_err(|error| refused(error, limits))?,
        // A number is a name, too.
        Some(b'-' | b'0'..=b'9') => {
            let end = json::value(bytes, name, limits.depth).map_err(|error| refused(error, limits))?;
            (Cow::Borrowed(&text[name..end]), end)
        }
        _ => return Err(PAYLOAD),
    };
    let list = json::skip_whitespace(bytes, end);
    let end = match bytes.get(list) {
        Some(b']') => list + 1,
        Some(b',') => json::elements(bytes, list, limits.depth).map_err(|error| refused(error, limits))?.1,
        _ => return Err(PAYLOAD),
    };
    if json::skip_whitespace(bytes, end) != bytes.len() {
        return Err(PAYLOAD);
    }
    let list = &text[list..end];
    if attachments > 0 {
        // An array of its own: there is something to be put into it.
        let list = ["[", list.strip_prefix(',').unwrap_or(list)].concat();
        wait(Pending::new(namespace, id, Some(event), &list, attachments)?);
        return Ok(Packet::Alive);
    }
    Ok(Packet::Event {
        namespace: namespace.into(),
        event,
        id,
        arguments: list.as_bytes().into(),
        meta: None,
    })
}

fn ack<'a>(
    text: &'a str,
    at: usize,
    (namespace, id): (&'a str, Option<u32>),
    attachments: usize,
    limits: Limits,
    wait: impl FnOnce(Pending),
) -> Result<Packet<'a>, WireError> {
    let bytes = text.as_bytes();
    let id = id.ok_or(WireError::Illegal("an acknowledgement has the number of its event"))?;
    if bytes.get(at) != Some(&b'[') {
        return Err(PAYLOAD);
    }
    let (_, end) = json::elements(bytes, at, limits.depth).map_err(|error| refused(error, limits))?;
    if json::skip_whitespace(bytes, end) != bytes.len() {
        return Err(PAYLOAD);
    }
    let list = &text[at..end];
    if attachments > 0 {
        wait(Pending::new(namespace, Some(id), None, list, attachments)?);
        return Ok(Packet::Alive);
    }
    Ok(Packet::Reply { id, outcome: Ok(list.as_bytes().into()) })
}

fn connect<'a>(
    text: &'a str,
    at: usize,
    namespace: &'a str,
    version: Version,
    limits: Limits,
) -> Result<Packet<'a>, WireError> {
    let connect = |namespace: &'a str, auth| Packet::Connect { id: 0, namespace: namespace.into(), auth };
    if version == Version::V3 {
        // What later versions call auth is the query of the namespace.
        let (namespace, query) = namespace.split_once('?').unwrap_or((namespace, ""));
        if query.is_empty() {
            return Ok(connect(namespace, Cow::Borrowed(&[])));
        }
        let entries: serde_json::Map<_, _> = form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
            .collect();
        let auth = serde_json::to_vec(&entries).map_err(|_| PAYLOAD)?;
        return Ok(connect(namespace, auth.into()));
    }
    let bytes = text.as_bytes();
    match bytes.get(at) {
        None => Ok(connect(namespace, Cow::Borrowed(&[]))),
        Some(b'{') => {
            let end = json::value(bytes, at, limits.depth).map_err(|error| refused(error, limits))?;
            if json::skip_whitespace(bytes, end) != bytes.len() {
                return Err(PAYLOAD);
            }
            Ok(connect(namespace, bytes[at..end].into()))
        }
        Some(_) => Err(PAYLOAD),
    }
}

/// Writes what stands before the JSON of a packet.
#[inline]
pub(in crate::wire) fn head(
    out: &mut Vec<u8>,
    kind: u8,
    attachments: usize,
    namespace: &str,
    id: Option<u32>,
) {
    use std::io::Write;
    const WRITES: &str = "writing to memory does not fail";
    // `2` with attachments is `5`, `3` is `6`.
    out.push(if attachments > 0 { kind + 3 } else { kind });
    if attachments > 0 {
        write!(out, "{attachments}-").expect(WRITES);
    }
    if namespace != "/" {
        out.extend_from_slice(namespace.as_bytes());
        out.push(b',');
    }
    if let Some(id) = id {
        decimal(out, id);
    }
}

/// Writes a whole message, its frame included: an acknowledgement in the root namespace, short and without attachments,
/// as most are. `false` if it is none such, and nothing was written.
#[inline]
pub(in crate::wire) fn short_ack(out: &mut Vec<u8>, id: u32, list: &[u8]) -> bool {
    const PREFIX: usize = 4;
    let mut head = [0; PREFIX + DIGITS];
    let start = decimal_into(&mut head[PREFIX..], id);
    let length = 2 + DIGITS - start + list.len();
    let Some(length) = u8::try_from(length).ok().filter(|length| *length < 126) else { return false };
    if list.first() != Some(&b'[') {
        return false;
    }
    head[start..start + PREFIX].copy_from_slice(&[0x80 | opcode::TEXT, length, b'4', b'3']);
    out.extend_from_slice(&head[start..]);
    out.extend_from_slice(list);
    true
}

/// The most digits of an id.
const DIGITS: usize = 10;

#[inline]
fn decimal(out: &mut Vec<u8>, number: u32) {
    let mut digits = [0; DIGITS];
    let start = decimal_into(&mut digits, number);
    out.extend_from_slice(&digits[start..]);
}

/// Writes the digits at the end of `digits`; where they start.
#[inline]
fn decimal_into(digits: &mut [u8], mut number: u32) -> usize {
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + u8::try_from(number % 10).expect("a digit");
        number /= 10;
        if number == 0 {
            return start;
        }
    }
}

/// Writes the bracket and the name that an event's JSON begins with.
#[inline]
pub(in crate::wire) fn name(out: &mut Vec<u8>, event: &str) {
    out.extend_from_slice(b"[\"");
    if event.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        out.extend_from_slice(event.as_bytes());
        out.push(b'"');
    } else {
        out.pop();
        serde_json::to_writer(out, event).expect("a string is serializable");
    }
}

/// Makes the argument list that was written at `start` the rest of the array that the name begins.
#[inline]
pub(in crate::wire) fn join_list(out: &mut Vec<u8>, start: usize) {
    if out.len() == start + 2 {
        out.truncate(start);
        out.push(b']');
    } else {
        out[start] = b',';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits::new(1000, 8);

    fn parse(text: &str) -> Result<Packet<'_>, WireError> {
        let mut pending = None;
        let packet = packet(text, Version::V4, LIMITS, |waiting| pending = Some(waiting))?;
        let Some(mut pending) = pending else { return Ok(packet) };
        while !pending.add(b"bytes", LIMITS)? {}
        Ok(pending.into_packet())
    }

    fn event<'a>(namespace: &'a str, event: &'a str, id: Option<u32>, arguments: &'a str) -> Packet<'a> {
        let arguments = arguments.as_bytes().into();
        Packet::Event { namespace: namespace.into(), event: event.into(), id, arguments, meta: None }
    }

    #[test]
    fn each_packet_of_the_protocols_document_is_read() {
        assert_eq!(parse(r#"2["foo"]"#), Ok(event("/", "foo", None, "]")));
        assert_eq!(parse(r#"2/admin,["bar",1]"#), Ok(event("/admin", "bar", None, ",1]")));
        assert_eq!(parse(r#"212["foo",{"a":[]}]"#), Ok(event("/", "foo", Some(12), r#",{"a":[]}]"#)));
        assert_eq!(parse("2 [5]"), Err(PAYLOAD));
        assert_eq!(parse(r#"2[5,"x"]"#), Ok(event("/", "5", None, r#","x"]"#)));
        assert_eq!(parse(r#"2["a\n\u0062" , 1 ] "#), Ok(event("/", "a\nb", None, ", 1 ]")));
        assert_eq!(parse("3/admin,13[]"), Ok(Packet::Reply { id: 13, outcome: Ok(b"[]".into()) }));
        assert_eq!(parse("1/admin,"), Ok(Packet::Disconnect { namespace: "/admin".into(), reason: None }));
        assert_eq!(parse("0"), Ok(Packet::Connect { id: 0, namespace: "/".into(), auth: (&[]).into() }));
        assert_eq!(
            parse("0/custom"),
            Ok(Packet::Connect { id: 0, namespace: "/custom".into(), auth: (&[]).into() })
        );
        let auth = br#"{"token":"1"}"#.into();
        assert_eq!(
            parse(r#"0/a,{"token":"1"}"#),
            Ok(Packet::Connect { id: 0, namespace: "/a".into(), auth })
        );
    }

    #[test]
    fn attachments_go_where_their_placeholders_are() {
        let packet = parse(r#"51-/a,7["e",{"_placeholder":true,"num":0},2]"#).unwrap();
        let Packet::Event { namespace, event, id, arguments, .. } = packet else { panic!("{packet:?}") };
        assert_eq!((&*namespace, &*event, id), ("/a", "e", Some(7)));
        let (text, attachments) = crate::payload::json::parts(&arguments);
        assert_eq!(text, br#"[{"_placeholder":true,"num":0},2]"#);
        assert_eq!(attachments.collect::<Vec<_>>(), [b"bytes"]);
    }

    #[test]
    fn what_the_reference_closes_the_connection_for_is_refused() {
        for text in [
            "",
            "7",
            "2",
            "2[]",
            "2{}",
            "2[null]",
            "2[\"a\"",
            "2[\"a\"]x",
            "2[\"a\",]",
            "2\"a\"",
            "3[]",
            "31{}",
            "31",
            "1{}",
            "0[]",
            "0\"a\"",
            "4{}",
            "5[\"a\"]",
            "511-[\"a\"]",
            "599999999999-[\"a\"]",
            "51-[\"a\",{\"_placeholder\":true,\"num\":1}]",
            "51-[\"a\",{\"_placeholder\":true,\"num\":\"0\"}]",
            "299999999999[\"a\"]",
            "2[\"a\",[[[[[[[[[]]]]]]]]]]",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_attachments_may_be_announced() {
        assert_eq!(parse(r#"50-["x",1]"#), Ok(event("/", "x", None, ",1]")));
        assert_eq!(parse(r#"50-/a,7["x"]"#), Ok(event("/a", "x", Some(7), "]")));
        assert_eq!(parse(r#"60-7["x"]"#), Ok(Packet::Reply { id: 7, outcome: Ok(br#"["x"]"#.into()) }));
        assert!(parse(r#"5-["x"]"#).is_err());
    }

    #[test]
    fn half_a_surrogate_pair_in_a_name_is_the_replacement_character() {
        assert_eq!(parse(r#"2["a\ud83d",1]"#), Ok(event("/", "a\u{fffd}", None, ",1]")));
        let packet = parse(r#"51-["\udc00",{"_placeholder":true,"num":0},"\ud83d",1e999]"#).unwrap();
        assert!(matches!(packet, Packet::Event { event, .. } if event == "\u{fffd}"));
    }

    #[test]
    fn version_3_has_a_query_in_place_of_auth() {
        let packet = packet("0/admin?token=a%20b&n=1,", Version::V3, LIMITS, drop).unwrap();
        let Packet::Connect { namespace, auth, .. } = packet else { panic!("{packet:?}") };
        assert_eq!((&*namespace, &*auth), ("/admin", &br#"{"n":"1","token":"a b"}"#[..]));
    }

    #[test]
    fn heads_and_names_are_written_as_they_are_read() {
        let mut out = Vec::new();
        head(&mut out, b'2', 0, "/", Some(0));
        name(&mut out, "a\"b");
        assert_eq!(out, br#"20["a\"b""#);
        out.clear();
        head(&mut out, b'3', 2, "/a", Some(4_294_967_295));
        assert_eq!(out, b"62-/a,4294967295");
    }
}
