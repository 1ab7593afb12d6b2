//! The sections of the report: one for each protocol that jidda speaks, and one for what
//! lies around it, each with its peers and its measures.

use crate::{choice::Choice, measures::Protocol, peer::Column};

/// A section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Its own.
    Native,
    /// Socket.IO over WebSocket.
    SocketIo,
    /// Encryption, gateways and streams.
    Services,
}

impl Section {
    /// All, in the order of the report.
    pub const ALL: [Self; 3] = [Self::Native, Self::SocketIo, Self::Services];

    /// The title.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Native => "jidda's own wire",
            Self::SocketIo => "Socket.IO over WebSocket",
            Self::Services => "Services",
        }
    }

    /// Those that jidda is compared to.
    pub fn others(self) -> &'static [Column] {
        match self {
            Self::Native => &[Column::Raw, Column::Tarpc, Column::Jsonrpsee, Column::Tonic],
            Self::SocketIo => &[Column::Raw, Column::WebSocket, Column::Socketioxide, Column::Node],
            Self::Services => &[Column::Tarpc, Column::Tonic],
        }
    }

    /// Where a measure belongs.
    pub fn of(choice: Choice) -> Self {
        match choice {
            Choice::Measure(measure) => match measure.protocol() {
                Protocol::Native => Self::Native,
                Protocol::SocketIo => Self::SocketIo,
            },
            Choice::Comparison(_) => Self::Services,
        }
    }
}
