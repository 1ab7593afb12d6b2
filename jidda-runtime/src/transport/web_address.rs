//! Addresses of servers that are reached by HTTP: of Socket.IO, or of the native wire in a WebSocket.

use std::fmt;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

/// Where servers of Socket.IO are, unless an address has a path.
const PATH: &str = "/socket.io/";
/// What the client itself says in the query.
const OWN_KEYS: [&str; 5] = ["EIO", "transport", "sid", "t", "b64"];

/// The protocol that is spoken to a server of the web.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WebProtocol {
    /// Socket.IO.
    SocketIo,
    /// The native wire, in the frames of a WebSocket.
    Native,
}

/// The address of a server that is reached by HTTP.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct WebAddress {
    protocol: WebProtocol,
    /// `http` or `https`, with a path; the name and password are not in it.
    uri: Uri,
    /// A name and a password, percent-encoded.
    login: Option<String>,
    /// The scheme as it was written.
    scheme: &'static str,
}

/// The schemes, whether TLS is spoken, and the protocol.
const SCHEMES: [(&str, bool, WebProtocol); 6] = [
    ("http", false, WebProtocol::SocketIo),
    ("https", true, WebProtocol::SocketIo),
    ("ws", false, WebProtocol::SocketIo),
    ("wss", true, WebProtocol::SocketIo),
    ("ws+native", false, WebProtocol::Native),
    ("wss+native", true, WebProtocol::Native),
];

impl WebAddress {
    /// Reads an address; `None` when its scheme is not one of the web.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Option<Result<Self, &'static str>> {
        let (scheme, rest) = text.split_once("://")?;
        let (scheme, is_secure, protocol) =
            SCHEMES.into_iter().find(|(name, ..)| name.eq_ignore_ascii_case(scheme))?;
        Some(Self::read(scheme, is_secure, protocol, rest))
    }

    fn read(
        scheme: &'static str,
        is_secure: bool,
        protocol: WebProtocol,
        rest: &str,
    ) -> Result<Self, &'static str> {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let target = target.split_once('#').map_or(target, |(target, _)| target);
        let (login, host) = match authority.rsplit_once('@') {
            Some((login, host)) => (Some(login.to_owned()), host),
            None => (None, authority),
        };
        if host.is_empty() || host.starts_with(':') {
            return Err("the host is missing");
        }
        let authority: Authority = host.parse().map_err(|_| {
            if host.is_ascii() {
                "the host cannot be read"
            } else {
                "a host that is not ASCII is written in Punycode, as xn--…"
            }
        })?;
        if authority.port().is_none() && host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']')) {
            return Err("the port is not a number from 0 to 65535");
        }
        let (path, query) = target.split_once('?').map_or((target, ""), |(path, query)| (path, query));
        let mut target = match path {
            "" | "/" => PATH.to_owned(),
            // Servers compare the beginning of a path with theirs, which ends in a slash.
            path if path.ends_with('/') => path.to_owned(),
            path => format!("{path}/"),
        };
        let is_own = |pair: &&str| Self::is_own_key(pair.split('=').next().unwrap_or_default());
        let query: Vec<_> = query.split('&').filter(|pair| !pair.is_empty() && !is_own(pair)).collect();
        if !query.is_empty() {
            target.push('?');
            target.push_str(&query.join("&"));
        }
        let target: PathAndQuery = target
            .parse()
            .map_err(|_| "the path or the query has a character that is to be percent-encoded")?;
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(if is_secure { Scheme::HTTPS } else { Scheme::HTTP });
        parts.authority = Some(authority);
        parts.path_and_query = Some(target);
        let uri = Uri::from_parts(parts).map_err(|_| "it cannot be read")?;
        Ok(Self { protocol, uri, login, scheme })
    }

    /// Whether a parameter of the query is what the client itself says.
    pub(crate) fn is_own_key(name: &str) -> bool {
        OWN_KEYS.contains(&name)
    }

    /// The protocol that is spoken there.
    pub fn protocol(&self) -> WebProtocol {
        self.protocol
    }

    /// Where requests go: `http` or `https`, host and port, path and query. The name and password of a login are not in it.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The name and password that the address has, still percent-encoded: `name:password`.
    pub(crate) fn login(&self) -> Option<&str> {
        self.login.as_deref()
    }

    /// Whether TLS is spoken.
    pub fn is_secure(&self) -> bool {
        self.uri.scheme() == Some(&Scheme::HTTPS)
    }

    /// The host and the port.
    pub(crate) fn authority(&self) -> String {
        authority(&self.uri)
    }
}

/// The host and the port of a URI, as TCP wants them.
pub(crate) fn authority(uri: &Uri) -> String {
    let usual = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    format!("{}:{}", uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(usual))
}

/// Without name and password, which are secret.
impl fmt::Display for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.uri.authority().map_or("", Authority::as_str);
        let target = self.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        write!(f, "{}://{authority}{target}", self.scheme)
    }
}

impl fmt::Debug for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebAddress({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<WebAddress, &'static str> {
        WebAddress::parse(text).expect("a scheme of the web")
    }

    #[test]
    fn each_form_is_read() {
        for (text, uri, authority) in [
            ("http://a", "http://a/socket.io/", "a:80"),
            ("https://a/", "https://a/socket.io/", "a:443"),
            ("ws://a:3000", "http://a:3000/socket.io/", "a:3000"),
            ("wss://[::1]:8443/chat", "https://[::1]:8443/chat/", "[::1]:8443"),
            ("https://[::1]/x/y/?a=1&b=%20#part", "https://[::1]/x/y/?a=1&b=%20", "[::1]:443"),
            ("HTTP://a?token=x&EIO=4&transport=websocket", "http://a/socket.io/?token=x", "a:80"),
            ("wss+native://a/jidda", "https://a/jidda/", "a:443"),
            ("http://user:p%40ss@a", "http://a/socket.io/", "a:80"),
        ] {
            let address = read(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
            assert_eq!(address.uri().to_string(), uri, "{text}");
            assert_eq!(address.authority(), authority, "{text}");
            assert_eq!(read(&address.to_string()).map(|again| again.uri), Ok(address.uri.clone()), "{text}");
        }
        assert_eq!(read("ws+native://a").unwrap().protocol(), WebProtocol::Native);
        assert_eq!(read("ws://a").unwrap().protocol(), WebProtocol::SocketIo);
        assert!(read("wss://a").unwrap().is_secure() && !read("ws://a").unwrap().is_secure());
    }

    #[test]
    fn a_login_is_kept_but_not_shown() {
        let address = read("https://user:p%40ss@a").unwrap();
        assert_eq!(address.login(), Some("user:p%40ss"));
        assert!(!format!("{address} {address:?}").contains("p%40ss"));
    }

    #[test]
    fn a_bad_one_says_what_is_wrong() {
        for (text, problem) in [
            ("http://", "the host is missing"),
            ("http://:80", "the host is missing"),
            ("http:///path", "the host is missing"),
            ("http://user@", "the host is missing"),
            ("http://a:port", "the port is not a number"),
            ("http://a:99999", "the port is not a number"),
            ("http://a:", "the port is not a number"),
            ("http://a b", "cannot be read"),
            ("http://müller.example", "Punycode"),
            ("http://a/b c", "percent-encoded"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(problem), "{text}: {error}");
        }
        assert!(WebAddress::parse("ftp://a").is_none());
        assert!(WebAddress::parse("a:80").is_none());
    }
}
