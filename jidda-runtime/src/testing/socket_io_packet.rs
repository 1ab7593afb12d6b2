//! The packets of Socket.IO 5 that a test's client writes and reads, as text.

use serde_json::Value;

/// What the server sends in a namespace.
#[derive(Debug)]
pub(super) enum Packet {
    Connected {
        id: String,
    },
    Refused {
        message: String,
        data: Value,
    },
    Disconnected,
    Event {
        name: String,
        arguments: Vec<Value>,
    },
    Reply {
        id: u64,
        arguments: Vec<Value>,
    },
    /// One that has byte strings, or cannot be read.
    Unknown(String),
}

/// The beginning of a packet of this kind: what Engine.IO calls a message, and the namespace unless it is the root.
pub(super) fn head(kind: char, namespace: &str) -> String {
    if namespace == "/" { format!("4{kind}") } else { format!("4{kind}{namespace},") }
}

/// An event with these arguments, which are a JSON array.
pub(super) fn event(namespace: &str, id: Option<u64>, name: &str, arguments: &str) -> String {
    let mut packet = head('2', namespace);
    packet.extend(id.map(|id| id.to_string()));
    packet.push('[');
    packet.push_str(&Value::from(name).to_string());
    let inner = arguments.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or_default();
    if !inner.is_empty() {
        packet.push(',');
        packet.push_str(inner);
    }
    packet.push(']');
    packet
}

/// Reads what follows the `4` of Engine.IO.
pub(super) fn read(text: &str) -> Packet {
    parsed(text).unwrap_or_else(|| Packet::Unknown(text.to_owned()))
}

fn parsed(text: &str) -> Option<Packet> {
    let kind = text.chars().next()?;
    let mut rest = &text[kind.len_utf8()..];
    if rest.starts_with('/') {
        rest = rest.split_once(',').map_or("", |(_, rest)| rest);
    }
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (id, rest) = rest.split_at(digits);
    let json = || serde_json::from_str::<Value>(rest).ok();
    let list = || json().and_then(|value| Some(value.as_array()?.clone()));
    match kind {
        '0' => Some(Packet::Connected { id: json()?.get("sid")?.as_str()?.to_owned() }),
        '1' => Some(Packet::Disconnected),
        '2' => {
            let mut arguments = list()?;
            let name = (!arguments.is_empty()).then(|| arguments.remove(0))?.as_str()?.to_owned();
            Some(Packet::Event { name, arguments })
        }
        '3' => Some(Packet::Reply { id: id.parse().ok()?, arguments: list()? }),
        '4' => {
            let mut value = json()?;
            let message = value.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
            let data = value.get_mut("data").map(Value::take).unwrap_or_default();
            Some(Packet::Refused { message, data })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_written_with_namespace_and_number() {
        assert_eq!(event("/", None, "a", "[]"), r#"42["a"]"#);
        assert_eq!(event("/chat", Some(7), "a\"", r#"[1,"b"]"#), r#"42/chat,7["a\"",1,"b"]"#);
    }

    #[test]
    fn packets_are_read_whatever_their_namespace() {
        for text in [r#"2/chat,["a",1]"#, r#"2["a",1]"#, r#"2/chat,12["a",1]"#] {
            let Packet::Event { name, arguments } = read(text) else { panic!("{text} is an event") };
            assert_eq!((&*name, &*arguments), ("a", &[Value::from(1)][..]));
        }
        assert!(matches!(read("3/chat,12[]"), Packet::Reply { id: 12, arguments } if arguments.is_empty()));
        assert!(matches!(read(r#"0{"sid":"x"}"#), Packet::Connected { id } if id == "x"));
        assert!(matches!(read("1/chat,"), Packet::Disconnected));
        let refused = read(r#"4/chat,{"message":"no","data":{"code":"denied"}}"#);
        assert!(
            matches!(refused, Packet::Refused { message, data } if message == "no" && data["code"] == "denied")
        );
        for text in ["", "2", "2[]", "2[1]", "51-[\"a\",{}]", "é"] {
            assert!(matches!(read(text), Packet::Unknown(_)), "{text}");
        }
    }
}
