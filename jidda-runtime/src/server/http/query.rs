//! What a request's query says to Engine.IO.

use crate::wire::engine_io::Version;

/// The parameters that mean something. Of one that is repeated the last counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    version: String,
    pub(super) transport: String,
    /// The session's id; empty when there is none.
    pub(super) session: String,
    /// Whether bytes have to be sent as text.
    pub(super) base64: bool,
    /// Which function waits for a response: the client has nothing but scripts.
    pub(super) jsonp: Option<String>,
    /// What makes each request another one.
    time: String,
}

impl Query {
    pub(super) fn parse(query: &str) -> Self {
        let mut this = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "EIO" => this.version = value.into_owned(),
                "transport" => this.transport = value.into_owned(),
                "sid" => this.session = value.into_owned(),
                "b64" => this.base64 = !value.is_empty(),
                "j" => this.jsonp = Some(value.into_owned()),
                "t" => this.time = value.into_owned(),
                _ => {}
            }
        }
        this
    }

    /// The version of Engine.IO that is asked for, if there is such a version.
    pub(super) fn version(&self) -> Option<Version> {
        match &*self.version {
            "3" => Some(Version::V3),
            "4" => Some(Version::V4),
            _ => None,
        }
    }

    /// Whether a query is one of Engine.IO at all: all its requests name a transport.
    pub(super) fn is_engine_io(query: &str) -> bool {
        form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "transport" || name == "EIO")
    }

    /// Whether the client is one that reads nothing but the form of payloads that has bytes: it counts its requests
    /// as JavaScript's first clients did, which read that form as well.
    pub(super) fn wants_bytes(&self) -> bool {
        let Some((milliseconds, count)) = self.time.split_once('-') else { return false };
        milliseconds.len() == 13 && is_number(milliseconds) && is_number(count)
    }

    /// How many packets the client reads of one response: more than 16 end the connection for python-engineio, whose
    /// timestamp is in seconds.
    pub(super) fn most_packets(&self) -> usize {
        match self.time.split_once('.') {
            Some((seconds, fraction)) if is_number(seconds) && is_number(fraction) => 16,
            _ => usize::MAX,
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_repeated_parameters_the_last_counts() {
        let query = Query::parse("EIO=3&transport=polling&EIO=4&sid=a%2Bb&sid=&b64=1&x=y&j=0&t=N");
        assert_eq!((query.version(), &*query.transport, &*query.session), (Some(Version::V4), "polling", ""));
        assert_eq!((query.base64, query.jsonp.as_deref()), (true, Some("0")));
        let query = Query::parse("transport=websocket&b64=&EIO=abc");
        assert_eq!((query.version(), query.base64, query.jsonp), (None, false, None));
        assert_eq!(Query::parse(""), Query::default());
    }

    #[test]
    fn a_version_is_one_that_exists() {
        for (query, version) in [
            ("EIO=3", Some(Version::V3)),
            ("EIO=4", Some(Version::V4)),
            ("", None),
            ("EIO=", None),
            ("EIO=2", None),
            ("EIO=5", None),
            ("EIO=04", None),
            ("EIO=4.0", None),
            ("EIO=abc", None),
            ("EIO=4&EIO=5", None),
        ] {
            assert_eq!(Query::parse(query).version(), version, "{query}");
        }
    }

    #[test]
    fn queries_of_engine_io_are_distinguished_from_others() {
        for (query, is_one) in [
            ("EIO=4&transport=polling", true),
            ("a=b&transport=", true),
            ("EIO=4", true),
            ("", false),
            ("a=transport&eio=4", false),
        ] {
            assert_eq!(Query::is_engine_io(query), is_one, "{query}");
        }
    }

    #[test]
    fn old_clients_are_known_by_how_they_count() {
        for (time, wants) in [
            ("1700000000000-0", true),
            ("1700000000000-12", true),
            ("1700000000000", false),
            ("1700000000000-", false),
            ("170000000000-1", false),
            ("170000000000a-1", false),
            ("NxY8a1", false),
            ("1700000000000-1-1", false),
            ("", false),
        ] {
            assert_eq!(Query::parse(&format!("t={time}")).wants_bytes(), wants, "{time}");
        }
    }

    #[test]
    fn python_reads_few_packets_at_once() {
        for (time, most) in [
            ("1700000000.123456", 16),
            ("1700000000.0", 16),
            ("1700000000", usize::MAX),
            (".5", usize::MAX),
            ("5.", usize::MAX),
            ("NxY.a1", usize::MAX),
            ("1.2.3", usize::MAX),
            ("", usize::MAX),
        ] {
            assert_eq!(Query::parse(&format!("t={time}")).most_packets(), most, "{time}");
        }
    }
}
