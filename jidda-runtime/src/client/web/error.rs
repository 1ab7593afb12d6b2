//! Why a server cannot be reached by HTTP: one sentence that says what to do.

use std::borrow::Cow;
use std::error::Error as _;
use std::io;

use http::StatusCode;

use crate::foreign::{in_one_line, printable};

/// Why HTTP, a proxy or the handshake of Engine.IO led to no connection.
///
/// It prints as one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct WebError {
    text: Cow<'static, str>,
    is_temporary: bool,
    status: Option<StatusCode>,
    kind: Kind,
    #[source]
    source: Option<io::Error>,
}

/// What the error means for what is tried next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The network, TLS or a proxy: no other transport does better.
    Route,
    /// The server does not want this client.
    Refused,
    /// The server does not speak this version of Engine.IO.
    Version,
    /// Another transport may do better.
    Transport,
}

impl WebError {
    /// Returns whether a later attempt may succeed without a change to the program.
    pub fn is_temporary(&self) -> bool {
        self.is_temporary
    }

    /// Returns the status of the HTTP response, where there was one: 401 or 503, for example.
    pub fn status(&self) -> Option<u16> {
        self.status.map(|status| status.as_u16())
    }

    /// The same where the server worked before: what is there now may be there for a moment only.
    pub(super) fn after_success(self) -> Self {
        let is_temporary = self.is_temporary || matches!(self.kind, Kind::Transport | Kind::Version);
        Self { is_temporary, ..self }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    fn new(text: impl Into<Cow<'static, str>>, kind: Kind, is_temporary: bool) -> Self {
        Self { text: text.into(), is_temporary, status: None, kind, source: None }
    }

    /// The server, or what is before it, does something that it will do again.
    pub(super) fn lasting(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(text, Kind::Transport, false)
    }

    /// Something that may be over soon.
    pub(super) fn passing(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(text, Kind::Transport, true)
    }

    /// No transport gets there.
    pub(super) fn route(text: impl Into<Cow<'static, str>>, is_temporary: bool) -> Self {
        Self::new(text, Kind::Route, is_temporary)
    }

    /// The network or TLS failed before anything was asked.
    pub(super) fn network(error: io::Error) -> Self {
        let text = in_one_line(&error).to_string();
        Self { source: Some(error), ..Self::new(text, Kind::Route, true) }
    }

    /// The connection of HTTP broke while a response was waited for.
    pub(super) fn broken(error: &hyper::Error) -> Self {
        // Hyper can ask about it only in its server.
        if error.is_parse() && error.to_string().contains("too large") {
            return Self::lasting(
                "the head of the server's response has more than 64 KiB or 100 headers: does it set too many cookies?",
            );
        }
        if error.is_parse() {
            return Self::lasting("what answers there does not speak HTTP/1.1: is it the right port?");
        }
        let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
        let is_cut = cause.is_some_and(|cause| cause.kind() == io::ErrorKind::UnexpectedEof);
        if is_cut || error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            return Self::passing("the server closed the connection before its response was complete");
        }
        match cause {
            // TLS says what is wrong with a client's certificate only when a response is waited for.
            Some(cause) => Self::passing(in_one_line(cause).to_string()),
            None => Self::passing(format!("the response of the server broke off: {}", printable(error))),
        }
    }

    /// There was no connection in time.
    pub(super) fn unreachable() -> Self {
        Self::route("no connection in time: is the host right, and is there a proxy on the way?", true)
    }

    /// A step took too long.
    pub(super) fn late(step: &'static str) -> Self {
        Self::passing(format!("{step} took too long: is the server, or a proxy before it, overloaded?"))
    }

    /// The server speaks another version of Engine.IO than the program said.
    pub(super) fn other_version() -> Self {
        Self::new(
            "the server speaks another version of Engine.IO than `.engine_version(..)` says: leave that out, or name the other one",
            Kind::Version,
            false,
        )
    }

    /// The answer to a handshake is an error of HTTP. `body` is the beginning of what it says.
    pub(super) fn answered(status: StatusCode, body: &[u8]) -> Self {
        let said = Said::read(body);
        let words = said.words();
        let (text, kind, is_temporary) = match (status, said.code) {
            (_, Some(5)) => (format!("the server speaks another version of Engine.IO{words}"), Kind::Version, false),
            (StatusCode::UNAUTHORIZED, _) => (
                format!(
                    "the server wants to know who asks (401): give `.bearer_auth(..)`, `.basic_auth(..)` or a header{words}"
                ),
                Kind::Refused,
                false,
            ),
            (StatusCode::PROXY_AUTHENTICATION_REQUIRED, _) => (
                "the proxy wants a name and a password (407): write them in its address, http://name:password@host:port"
                    .to_owned(),
                Kind::Route,
                false,
            ),
            (StatusCode::FORBIDDEN, _) | (_, Some(4)) => {
                (format!("the server refuses this client ({}){words}", status.as_u16()), Kind::Refused, false)
            }
            (StatusCode::NOT_FOUND, _) => (
                "there is no Socket.IO at this path (404): write the path that the server has into the address".to_owned(),
                Kind::Transport,
                true,
            ),
            (_, Some(0)) => {
                (format!("the server does not offer this transport{words}: allow others with `.transports(..)`"), Kind::Transport, false)
            }
            (StatusCode::BAD_REQUEST, _) => (format!("the server refuses the request (400){words}"), Kind::Version, false),
            (StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS, _) => {
                (format!("the server takes no connection now ({}){words}", status.as_u16()), Kind::Transport, true)
            }
            (status, _) if status.is_server_error() => {
                (format!("the server, or a proxy before it, fails now ({status}){words}"), Kind::Transport, true)
            }
            (status, _) => {
                (format!("the server answers {status}, which no server of Socket.IO does{words}"), Kind::Transport, false)
            }
        };
        Self { status: Some(status), ..Self::new(text, kind, is_temporary) }
    }

    /// The answer to a WebSocket is that all is well, but it is none.
    pub(super) fn foreign_to_websockets(body: &[u8]) -> Self {
        let Self { text, .. } = Self::foreign(body);
        Self::lasting(format!("{text}, and whether a proxy before it passes WebSockets on"))
    }

    /// The body of a handshake is something else.
    pub(super) fn foreign(body: &[u8]) -> Self {
        let begins = String::from_utf8_lossy(&body[..body.len().min(40)]);
        let begins = begins.trim();
        if begins.is_empty() {
            return Self::lasting("what answers there is no server of Socket.IO: its response is empty");
        }
        Self::lasting(format!(
            "what answers there is no server of Socket.IO, since its response begins with `{}`: check host, port and path",
            printable(begins)
        ))
    }
}

/// What the body of an error says.
struct Said {
    /// As Engine.IO numbers errors.
    code: Option<u64>,
    message: Option<String>,
}

impl Said {
    fn read(body: &[u8]) -> Self {
        let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
        let message = match &json {
            Some(serde_json::Value::Object(fields)) => fields.get("message").and_then(|text| text.as_str()),
            Some(serde_json::Value::String(text)) => Some(&**text),
            Some(_) => None,
            // A page is nothing to read in an error.
            None => std::str::from_utf8(body).ok().filter(|text| !text.trim_start().starts_with('<')),
        };
        let code = json.as_ref().and_then(|json| json.get("code")).and_then(serde_json::Value::as_u64);
        let message = message.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let code = code.or_else(|| {
            let is_version = message
                .as_deref()
                .is_some_and(|text| text.contains("nsupported") && text.contains("version"));
            is_version.then_some(5)
        });
        Self { code, message }
    }

    fn words(&self) -> String {
        let short =
            |text: &String| format!(": \"{}\"", printable(text.chars().take(200).collect::<String>()));
        self.message.as_ref().map(short).unwrap_or_default()
    }
}
