//! What a peer presents, read from wherever its wire puts it.

use crate::payload::Value;
use crate::peer::Handshake;

/// What is at a name of a map.
pub(super) fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let entries = value.as_map()?;
    entries.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
}

/// A header by its name.
pub(super) fn header<'a>(handshake: &'a Handshake, name: &str) -> Option<&'a str> {
    handshake.headers.get(name)?.to_str().ok().map(str::trim)
}

/// What follows the scheme in the header `authorization`, if it is of that scheme.
pub(super) fn authorization<'a>(handshake: &'a Handshake, scheme: &str) -> Option<&'a str> {
    let (named, rest) = header(handshake, "authorization")?.split_once(' ')?;
    named.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::peer::{PeerAddress, Time, Transport};

    pub(crate) fn handshake() -> Handshake {
        Handshake {
            headers: http::HeaderMap::new(),
            query: Vec::new(),
            time: Time(SystemTime::UNIX_EPOCH),
            auth: Value::Nil,
            credentials: Value::Nil,
            claimed_identity: None,
            transport: Transport::Memory,
            protocol: "msgpack-rpc",
            peer: PeerAddress::Unknown,
            security: None,
        }
    }

    pub(crate) fn with_credentials(credentials: Value) -> Handshake {
        Handshake { credentials, ..handshake() }
    }

    pub(crate) fn with_header(name: &str, value: &str) -> Handshake {
        let name: http::HeaderName = name.parse().expect("a header's name");
        let headers = [(name, value.parse().expect("a header's value"))].into_iter().collect();
        Handshake { headers, ..handshake() }
    }

    pub(crate) fn map(entries: &[(&str, Value)]) -> Value {
        Value::Map(entries.iter().map(|(name, value)| (Value::from(*name), value.clone())).collect())
    }

    #[test]
    fn a_scheme_is_found_whatever_its_case() {
        let handshake = with_header("Authorization", "bEARER  abc ");
        assert_eq!(authorization(&handshake, "Bearer"), Some("abc"));
        assert_eq!(authorization(&handshake, "Basic"), None);
        assert_eq!(authorization(&with_header("authorization", "Bearer"), "Bearer"), None);
    }
}
