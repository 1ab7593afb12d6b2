//! The columns of the tables: whose figures they are.

use std::fmt::{self, Display, Formatter};

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The subject, which is compared to the others.
    Jidda,
    /// Bare tokio, which is the limit.
    Raw,
    /// A WebSocket and nothing in it, which is the limit of Socket.IO.
    WebSocket,
    /// tarpc.
    Tarpc,
    /// jsonrpsee.
    Jsonrpsee,
    /// tonic.
    Tonic,
    /// socketioxide.
    Socketioxide,
    /// socket.io on Node.
    Node,
}

impl Display for Column {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Jidda => "jidda",
            Self::Raw => "raw tokio",
            Self::WebSocket => "WebSocket echo",
            Self::Tarpc => "tarpc",
            Self::Jsonrpsee => "jsonrpsee",
            Self::Tonic => "tonic",
            Self::Socketioxide => "socketioxide",
            Self::Node => "socket.io",
        })
    }
}
