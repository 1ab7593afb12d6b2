//! The sections of the report: one for each protocol that jidda speaks, with its peers and its measures.

use crate::{peer::Column, plan::Measure};

/// A protocol of jidda's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Its own.
    Native,
    /// Socket.IO over WebSocket.
    SocketIo,
}

impl Section {
    /// All, in the order of the report.
    pub const ALL: [Self; 2] = [Self::Native, Self::SocketIo];

    /// The title.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Native => "jidda's own wire",
            Self::SocketIo => "Socket.IO over WebSocket",
        }
    }

    /// Those that jidda is compared to.
    pub fn others(self) -> &'static [Column] {
        match self {
            Self::Native => &[Column::Raw, Column::Tarpc, Column::Jsonrpsee],
            Self::SocketIo => &[Column::Raw, Column::Socketioxide, Column::Node],
        }
    }

    /// Where a measure belongs.
    pub fn of(measure: Measure) -> Self {
        match measure {
            Measure::Calls
            | Measure::CallsOnCurrentThread
            | Measure::Single
            | Measure::Idle
            | Measure::Broadcast => Self::Native,
            Measure::SocketioAck
            | Measure::SocketioAckOnCurrentThread
            | Measure::SocketioEcho
            | Measure::SocketioSingle
            | Measure::SocketioIdle
            | Measure::SocketioConnect
            | Measure::SocketioBroadcast => Self::SocketIo,
        }
    }
}
