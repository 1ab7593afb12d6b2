//! Why a socket ended.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::foreign::{TEXT, cut, printable};

/// Why a socket ended, for its `disconnect` handler and `closed().await`. It is sent as its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The peer left the namespace.
    ClientDisconnect,
    /// This side left the namespace.
    ServerDisconnect,
    /// This side closed the connection.
    ForcedClose,
    /// This side closed the connection for something the peer may not do.
    ForcedServerClose,
    /// The peer closed the connection.
    TransportClose,
    /// The connection broke.
    TransportError,
    /// The peer did not answer pings in time.
    PingTimeout,
    /// The peer sent bytes that break the protocol, or more than is allowed.
    ParseError,
    /// The peer did not read what was sent to it.
    SlowConsumer,
    /// The peer did not say anything complete in time.
    HandshakeTimeout,
    /// The server is going down.
    ServerShuttingDown,
    /// The peer's credentials are not valid.
    AuthenticationFailed,
    /// The peer's credentials have expired, and new ones were not received in time.
    CredentialsExpired,
    /// A newer connection of the same identity took its place.
    Replaced,
    /// There are as many connections as there may be, in all or from this address.
    TooManyConnections,
    /// Nothing was said for too long by a peer that knows no heartbeat.
    IdleTimeout,
    /// The `connect` handler failed after the peer had been accepted, or a reason of the peer's own.
    Other(Cow<'static, str>),
}

const NAMED: [DisconnectReason; 16] = [
    DisconnectReason::ClientDisconnect,
    DisconnectReason::ServerDisconnect,
    DisconnectReason::ForcedClose,
    DisconnectReason::ForcedServerClose,
    DisconnectReason::TransportClose,
    DisconnectReason::TransportError,
    DisconnectReason::PingTimeout,
    DisconnectReason::ParseError,
    DisconnectReason::SlowConsumer,
    DisconnectReason::HandshakeTimeout,
    DisconnectReason::ServerShuttingDown,
    DisconnectReason::AuthenticationFailed,
    DisconnectReason::CredentialsExpired,
    DisconnectReason::Replaced,
    DisconnectReason::TooManyConnections,
    DisconnectReason::IdleTimeout,
];

impl DisconnectReason {
    /// The reason's text, in the words Socket.IO uses where it has some.
    pub fn as_str(&self) -> &str {
        match self {
            Self::ClientDisconnect => "client namespace disconnect",
            Self::ServerDisconnect => "server namespace disconnect",
            Self::ForcedClose => "forced close",
            Self::ForcedServerClose => "forced server close",
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::SlowConsumer => "slow consumer",
            Self::HandshakeTimeout => "handshake timeout",
            Self::ServerShuttingDown => "server shutting down",
            Self::AuthenticationFailed => "authentication failed",
            Self::CredentialsExpired => "credentials expired",
            Self::Replaced => "replaced by a newer connection",
            Self::TooManyConnections => "too many connections",
            Self::IdleTimeout => "idle timeout",
            Self::Other(text) => text,
        }
    }

    /// The reason in a word of a fixed set, whatever it says.
    #[cfg(feature = "metrics")]
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::ClientDisconnect => "client_disconnect",
            Self::ServerDisconnect => "server_disconnect",
            Self::ForcedClose => "forced_close",
            Self::ForcedServerClose => "forced_server_close",
            Self::TransportClose => "transport_close",
            Self::TransportError => "transport_error",
            Self::PingTimeout => "ping_timeout",
            Self::ParseError => "parse_error",
            Self::SlowConsumer => "slow_consumer",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::ServerShuttingDown => "server_shutting_down",
            Self::Replaced => "replaced",
            Self::AuthenticationFailed => "authentication_failed",
            Self::CredentialsExpired => "credentials_expired",
            Self::TooManyConnections => "too_many_connections",
            Self::IdleTimeout => "idle_timeout",
            Self::Other(_) => "other",
        }
    }

    /// Whether a client should reconnect after it: not when either side left on purpose, and not to take the place
    /// back from the connection that replaced it.
    pub(crate) fn invites_return(&self) -> bool {
        !matches!(
            self,
            Self::ClientDisconnect
                | Self::ServerDisconnect
                | Self::ForcedClose
                | Self::ForcedServerClose
                | Self::AuthenticationFailed
                | Self::Replaced
        )
    }
}

/// A reason of the peer's own is kept up to a kilobyte.
impl From<&str> for DisconnectReason {
    fn from(text: &str) -> Self {
        let known = NAMED.into_iter().find(|reason| reason.as_str() == text);
        known.unwrap_or_else(|| Self::Other(Cow::Owned(cut(text, TEXT).into_owned())))
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&printable(self.as_str()), f)
    }
}

impl Serialize for DisconnectReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for DisconnectReason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(&*String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_survives_its_text() {
        for reason in NAMED.into_iter().chain([DisconnectReason::Other("lunch".into())]) {
            assert_eq!(DisconnectReason::from(reason.as_str()), reason);
        }
    }
}
