//! What a server of Engine.IO says first.

use std::time::Duration;

use serde::Deserialize;

use super::error::WebError;

/// The longest interval that a timer of a server can have: what JavaScript's can.
const LONGEST: u64 = i32::MAX as u64;
/// The longest name of a session. Those of servers have 20 characters or so.
const NAME: usize = 256;

/// The first packet of a server, read and found reasonable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handshake {
    /// The session's name.
    pub(crate) sid: Box<str>,
    /// How often there is a ping.
    pub(crate) ping_interval: Duration,
    /// How long its answer may take.
    pub(crate) ping_timeout: Duration,
    /// The most bytes of a message or of the body of a POST, where the server says so.
    pub(crate) max_payload: Option<usize>,
    /// Whether the session may change to a WebSocket.
    pub(crate) upgrades: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    sid: String,
    #[serde(default)]
    upgrades: Vec<String>,
    ping_interval: u64,
    ping_timeout: u64,
    max_payload: Option<u64>,
}

impl Handshake {
    /// Reads the JSON behind the packet's type.
    ///
    /// # Errors
    ///
    /// What no server says that means well.
    pub(super) fn read(json: &[u8]) -> Result<Self, WebError> {
        let lies = |what: &str| {
            WebError::lasting(format!(
                "the server's handshake has {what}: is it a server of Socket.IO, version 1 to 4?"
            ))
        };
        let fields: Fields =
            serde_json::from_slice(json).map_err(|_| lies("no session, or no times, that can be read"))?;
        if fields.sid.is_empty()
            || fields.sid.len() > NAME
            || !fields.sid.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(lies("a session whose name is empty, too long or not printable"));
        }
        for (name, value) in [("ping interval", fields.ping_interval), ("ping time-out", fields.ping_timeout)]
        {
            if value == 0 || value > LONGEST {
                return Err(lies(&format!("a {name} of {value} ms")));
            }
        }
        let max_payload = match fields.max_payload {
            Some(0) => return Err(lies("room for messages of 0 bytes only")),
            other => other.map(|most| usize::try_from(most).unwrap_or(usize::MAX)),
        };
        Ok(Self {
            sid: fields.sid.into(),
            ping_interval: Duration::from_millis(fields.ping_interval),
            ping_timeout: Duration::from_millis(fields.ping_timeout),
            max_payload,
            upgrades: fields.upgrades.iter().any(|name| name == "websocket"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_servers_are_read() {
        let now = br#"{"sid":"a","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
        let read = Handshake::read(now).unwrap();
        assert_eq!((&*read.sid, read.upgrades, read.max_payload), ("a", true, Some(1_000_000)));
        assert_eq!(
            (read.ping_interval, read.ping_timeout),
            (Duration::from_secs(25), Duration::from_secs(20))
        );
        let old = br#"{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":5000,"x":1}"#;
        let read = Handshake::read(old).unwrap();
        assert_eq!((read.upgrades, read.max_payload), (false, None));
    }

    #[test]
    fn those_that_lie_are_refused() {
        for (json, words) in [
            ("{}", "no session"),
            ("[]", "no session"),
            ("<html>", "no session"),
            (r#"{"sid":"","pingInterval":1,"pingTimeout":1}"#, "a session whose name is empty"),
            (r#"{"sid":"a\n","pingInterval":1,"pingTimeout":1}"#, "not printable"),
            (r#"{"sid":"a","pingInterval":0,"pingTimeout":1}"#, "a ping interval of 0 ms"),
            (
                r#"{"sid":"a","pingInterval":1,"pingTimeout":9007199254740992}"#,
                "a ping time-out of 9007199254740992 ms",
            ),
            (r#"{"sid":"a","pingInterval":-1,"pingTimeout":1}"#, "no times"),
            (r#"{"sid":"a","pingInterval":1,"pingTimeout":1,"maxPayload":0}"#, "0 bytes"),
        ] {
            let error = Handshake::read(json.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(words) && !error.is_temporary(), "{json}: {error}");
        }
        let long = format!(r#"{{"sid":"{}","pingInterval":1,"pingTimeout":1}}"#, "a".repeat(257));
        assert!(Handshake::read(long.as_bytes()).is_err());
    }
}
