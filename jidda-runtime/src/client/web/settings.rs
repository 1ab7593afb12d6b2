//! What a program says about how its client reaches servers by HTTP.

use std::fmt;

use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::options::{ProxyChoice, WebTransport};
use super::route::basic;
use crate::client::builder::ClientBuilder;
use crate::error::StartProblem;
use crate::transport::WebAddress;
use crate::wire::engine_io::Version;

/// What requests are made of; a program that changed it would break them.
const OWN: [HeaderName; 6] =
    [ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, UPGRADE];

impl ClientBuilder {
    /// Adds a header to each request of HTTP, for addresses that begin with `http` or `ws`. A second one of the same name
    /// is sent beside the first.
    ///
    /// Another server, to which the first one redirects, is not shown `Authorization`, `Cookie` and `Host`.
    ///
    /// ```
    /// # use jidda::Client;
    /// let builder = Client::builder("https://chat.example.com").header("x-tenant", "blue");
    /// # let _ = builder;
    /// ```
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName> + fmt::Debug + Clone,
        V: TryInto<HeaderValue>,
    {
        let shown = name.clone();
        match (name.try_into(), value.try_into()) {
            (Ok(name), Ok(value)) => self.add_header(name, value),
            (Err(_), _) => self.refuse_setting("header", shown, "it is no name of a header"),
            (_, Err(_)) => {
                self.refuse_setting("header", shown, "its value has characters that no header may have");
            }
        }
        self
    }

    /// Adds these headers to each request of HTTP, as [`header`](Self::header) does.
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        for name in headers.keys() {
            for value in headers.get_all(name) {
                self.add_header(name.clone(), value.clone());
            }
        }
        self
    }

    /// Sends `Authorization: Bearer` with this token in each request of HTTP.
    pub fn bearer_auth(mut self, token: impl fmt::Display) -> Self {
        match HeaderValue::try_from(format!("Bearer {token}")) {
            Ok(value) => self.authorize(value),
            Err(_) => {
                self.refuse_setting("bearer_auth", "..", "a token has no line breaks or control characters");
            }
        }
        self
    }

    /// Sends a name and a password in each request of HTTP (RFC 7617), as an address with `name:password@` does.
    pub fn basic_auth(mut self, user: impl fmt::Display, password: impl fmt::Display) -> Self {
        if let Some(value) = basic(&user.to_string(), &password.to_string()) {
            self.authorize(value);
        }
        self
    }

    /// Adds a parameter to the query of each request of HTTP, beside those in the address. `EIO`, `transport`, `sid`, `t`
    /// and `b64` are the client's own.
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        if WebAddress::is_own_key(&name) {
            self.refuse_setting("query", &name, "the client itself says this to the server");
        } else {
            self.web.query.push((name, value.into()));
        }
        self
    }

    /// Reaches servers of HTTP through this proxy: `http://host:port`, `socks5://host:port`, `socks5h://host:port` (the
    /// proxy looks the server's name up) or `socks4a://host:port`, with `name:password@` before the host where it wants
    /// that.
    ///
    /// Without it the environment says what is used: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in upper or
    /// lower case. Servers on this machine are reached straight then.
    pub fn proxy(mut self, address: impl Into<String>) -> Self {
        self.web.proxy = ProxyChoice::Address(address.into());
        self
    }

    /// Uses no proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.web.proxy = ProxyChoice::Direct;
        self
    }

    /// The transports of Socket.IO that are tried, in this order. Default: a WebSocket, and HTTP requests where none can
    /// be opened.
    ///
    /// A connection that begins with [`Polling`](WebTransport::Polling) changes to a WebSocket later, if that is among
    /// them and the server offers it. What worked is tried first when the connection is made again.
    pub fn transports(mut self, transports: impl IntoIterator<Item = WebTransport>) -> Self {
        self.web.transports.clear();
        for transport in transports {
            if !self.web.transports.contains(&transport) {
                self.web.transports.push(transport);
            }
        }
        if self.web.transports.is_empty() {
            self.refuse_setting("transports", [(); 0], "there is at least one");
        }
        self
    }

    /// The version of Engine.IO that the server speaks: [`Version::V3`] for Socket.IO 1 and 2, [`Version::V4`] for later
    /// ones. Without it the client finds out by trying, which takes a moment longer.
    pub fn engine_version(mut self, version: Version) -> Self {
        self.web.version = Some(version);
        self
    }

    /// How many redirects a handshake follows. Default: 10. A redirect from `https` to `http` is never followed.
    pub fn max_redirects(mut self, count: usize) -> Self {
        self.web.redirects = count;
        self
    }

    fn add_header(&mut self, name: HeaderName, value: HeaderValue) {
        if OWN.contains(&name) || name.as_str().starts_with("sec-websocket-") {
            self.refuse_setting("header", name, "the client itself sends this header");
        } else {
            self.web.headers.append(name, value);
        }
    }

    fn authorize(&mut self, mut value: HeaderValue) {
        value.set_sensitive(true);
        self.web.headers.insert(AUTHORIZATION, value);
    }

    fn refuse_setting(&mut self, name: &'static str, value: impl fmt::Debug, rule: &str) {
        self.problems.push(StartProblem::setting(name, value, rule));
    }
}
