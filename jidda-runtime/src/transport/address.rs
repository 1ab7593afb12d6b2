//! Where to listen or to connect.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use super::web_address::{WebAddress, WebProtocol};
use crate::peer::{PeerAddress, Transport};

/// An address as it is written: `host:port`, `tcp://host:port`, `tls://host:port`, `noise://host:port`, `unix:/path`,
/// `mem:name`; for clients also `http://`, `https://`, `ws://` and `wss://` with `host:port/path?query`, where Socket.IO is
/// spoken, and `ws+native://` and `wss+native://` for the native wire in a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// A host and a port; the host may be a name.
    Tcp(String),
    /// A host and a port where TLS is spoken, with the feature `tls`.
    Tls(String),
    /// A host and a port where Noise is spoken, with the feature `noise`.
    Noise(String),
    /// The path of a Unix socket.
    Unix(PathBuf),
    /// A name in this process.
    Memory(String),
    /// A server that is reached by HTTP, with the feature `web-client`.
    Web(Box<WebAddress>),
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not an address: {problem}; write host:port, tcp://host:port, tls://host:port, noise://host:port, unix:/path, mem:name, or \
     https://host/path and wss://host/path for servers of Socket.IO"
)]
pub struct AddressError {
    text: String,
    problem: &'static str,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let error = |problem| AddressError { text: without_login(text), problem };
        if let Some(read) = WebAddress::parse(text) {
            let address = Self::Web(Box::new(read.map_err(error)?));
            return address.missing_feature().map_or(Ok(address), |missing| Err(error(missing)));
        }
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() {
                Err(error("the path is empty"))
            } else {
                Ok(Self::Unix(path.into()))
            };
        }
        if let Some(name) = text.strip_prefix("mem:") {
            return if name.is_empty() {
                Err(error("the name is empty"))
            } else {
                Ok(Self::Memory(name.to_owned()))
            };
        }
        let authority = match text.split_once("://") {
            None => text,
            Some(("tcp" | "tls" | "noise", authority)) => authority,
            Some(_) => return Err(error("this scheme is not known")),
        };
        let Some((host, port)) = authority.rsplit_once(':') else {
            return Err(error("the port is missing"));
        };
        if host.is_empty() {
            return Err(error("the host is missing"));
        }
        if host.contains(':') && !host.starts_with('[') {
            return Err(error("an IPv6 host is written in brackets"));
        }
        if port.parse::<u16>().is_err() {
            return Err(error("the port is not a number from 0 to 65535"));
        }
        let authority = authority.to_owned();
        let address = match text.split_once("://") {
            Some(("tls", _)) => Self::Tls(authority),
            Some(("noise", _)) => Self::Noise(authority),
            _ => Self::Tcp(authority),
        };
        address.missing_feature().map_or(Ok(address), |missing| Err(error(missing)))
    }
}

impl Address {
    /// What to do about an address that this build cannot serve.
    fn missing_feature(&self) -> Option<&'static str> {
        match self {
            Self::Tls(_) if !cfg!(feature = "tls") => Some("turn jidda's feature `tls` on for it"),
            Self::Noise(_) if !cfg!(feature = "noise") => Some("turn jidda's feature `noise` on for it"),
            Self::Web(_) if !cfg!(feature = "web-client") => {
                Some("turn jidda's feature `web-client` on for it")
            }
            Self::Web(address) if address.is_secure() && !cfg!(feature = "tls") => {
                Some("turn jidda's feature `tls` on for it")
            }
            _ => None,
        }
    }

    /// That this build, or this system, cannot serve the address.
    pub(super) fn unsupported(&self) -> io::Error {
        let why = self.missing_feature().unwrap_or(match self {
            Self::Web(_) => "only a client uses such an address: tcp:// and tls:// take HTTP, too",
            _ => "this system has none of these",
        });
        io::Error::new(io::ErrorKind::Unsupported, why)
    }
}

impl Address {
    /// Whether Socket.IO is spoken there.
    pub(crate) fn is_socket_io(&self) -> bool {
        matches!(self, Self::Web(address) if address.protocol() == WebProtocol::SocketIo)
    }

    /// The peer's address for a client that connects, and the medium.
    pub(crate) fn peer(&self) -> (PeerAddress, Transport) {
        match self {
            Self::Tcp(authority) => (PeerAddress::Name(authority.as_str().into()), Transport::Tcp),
            Self::Tls(authority) => (PeerAddress::Name(authority.as_str().into()), Transport::Tls),
            Self::Noise(authority) => (PeerAddress::Name(authority.as_str().into()), Transport::Noise),
            Self::Unix(_) => (PeerAddress::Unix, Transport::Unix),
            Self::Memory(name) => (PeerAddress::Memory(name.as_str().into()), Transport::Memory),
            Self::Web(address) => (PeerAddress::Name(address.authority().into()), Transport::WebSocket),
        }
    }
}

/// The text of an address for an error, which a password is not to be in.
fn without_login(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => text.to_owned(),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(authority) => write!(f, "tcp://{authority}"),
            Self::Tls(authority) => write!(f, "tls://{authority}"),
            Self::Noise(authority) => write!(f, "noise://{authority}"),
            // Two slashes in front of a path are left out when it is read.
            Self::Unix(path) if path.as_os_str().as_encoded_bytes().starts_with(b"//") => {
                write!(f, "unix://{}", path.display())
            }
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Memory(name) => write!(f, "mem:{name}"),
            Self::Web(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read() {
        assert_eq!("127.0.0.1:80".parse(), Ok(Address::Tcp("127.0.0.1:80".into())));
        assert_eq!("tcp://localhost:80".parse(), Ok(Address::Tcp("localhost:80".into())));
        assert_eq!("[::1]:80".parse(), Ok(Address::Tcp("[::1]:80".into())));
        assert_eq!("unix:/run/a.sock".parse(), Ok(Address::Unix("/run/a.sock".into())));
        assert_eq!("mem:a".parse(), Ok(Address::Memory("a".into())));
        #[cfg(feature = "noise")]
        assert_eq!("noise://a:1".parse(), Ok(Address::Noise("a:1".into())));
        #[cfg(feature = "tls")]
        assert_eq!("tls://[::1]:443".parse(), Ok(Address::Tls("[::1]:443".into())));
        let slashes: Address = "unix:////run/a.sock".parse().unwrap();
        assert_eq!(slashes.to_string().parse(), Ok(slashes));
    }

    #[test]
    fn one_of_another_build_names_the_feature() {
        for (text, feature, is_on) in [
            ("tls://a:1", "`tls`", cfg!(feature = "tls")),
            ("noise://a:1", "`noise`", cfg!(feature = "noise")),
            ("http://a:1/socket.io/", "`web-client`", cfg!(feature = "web-client")),
        ] {
            match text.parse::<Address>() {
                Ok(address) => assert!(is_on && address.to_string() == text),
                Err(error) => assert!(!is_on && error.to_string().contains(feature), "{error}"),
            }
        }
    }

    #[test]
    fn a_password_is_in_no_error() {
        let error = "ws://me:secret@a:x/".parse::<Address>().unwrap_err().to_string();
        assert!(error.starts_with("`ws://a:x/` is not an address: ") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn a_bad_one_says_what_is_wrong() {
        for (text, problem) in [
            ("localhost", "the port is missing"),
            (":80", "the host is missing"),
            ("a:port", "the port is not a number"),
            ("a:99999", "the port is not a number"),
            ("ftp://a:1", "this scheme is not known"),
            ("::1:80", "an IPv6 host is written in brackets"),
            ("unix:", "the path is empty"),
            ("mem:", "the name is empty"),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
            assert!(error.contains(text), "{error}");
        }
    }
}
