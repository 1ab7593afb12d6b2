//! What happens to a connection that is kept.

use crate::reason::DisconnectReason;

/// What happens to a client's connections, see [`Client::events`](crate::Client::events).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// A connection was made for the first time.
    Connected,
    /// A connection that was shown as made has ended, for good or until it is back.
    Disconnected(DisconnectReason),
    /// A lost connection is going to be tried again.
    Reconnecting {
        /// How often it has been tried, from 0.
        attempt: u32,
        /// How long the client waits first.
        wait: std::time::Duration,
    },
    /// A lost connection is back: its namespaces are joined again and `connect` handlers have run again.
    Reconnected,
    /// The client gave a connection up, without having been asked to end it.
    GaveUp,
    /// The server says that a connection's credentials are about to expire. Where the client was given some, it
    /// presents them, or asks for newer ones, by itself; else [`Client::authenticate`](crate::Client::authenticate) is the way.
    CredentialsExpiring,
}
