//! The kinds of messages whose cost is counted.

use clap::ValueEnum;

/// A kind of message, and how it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// Calls on the native wire, 32 at once.
    Call,
    /// Calls on the native wire, one after another.
    SingleCall,
    /// Calls on the native wire, encrypted by Noise, one after another.
    NoiseCall,
    /// Events on the native wire, 31 at once and a call that shows that they have come.
    Event,
    /// An event to 200 native connections.
    Broadcast,
    /// Socket.IO: events with an acknowledgement, 32 at once.
    SocketioAck,
    /// Socket.IO: events, 31 at once and one with an acknowledgement.
    SocketioEvent,
    /// Socket.IO: an event to 200 connections.
    SocketioBroadcast,
}

/// How many messages are sent at once, where it is more than one.
pub const BATCH: usize = 32;

/// How many connections get a broadcast.
pub const AUDIENCE: usize = 200;

impl Kind {
    /// The name on the command line and in the baseline.
    pub fn name(self) -> String {
        self.to_possible_value().expect("no kind is skipped").get_name().to_owned()
    }

    /// How many messages one exchange consists of: what is written at once, or who gets it.
    pub fn messages(self) -> usize {
        match self {
            Self::Call | Self::Event | Self::SocketioAck | Self::SocketioEvent => BATCH,
            Self::SingleCall | Self::NoiseCall => 1,
            Self::Broadcast | Self::SocketioBroadcast => AUDIENCE,
        }
    }

    /// How many exchanges the shorter of the two runs has.
    pub fn exchanges(self) -> usize {
        match self {
            Self::Call | Self::Event | Self::SocketioAck | Self::SocketioEvent => 500,
            Self::SingleCall | Self::NoiseCall => 2_000,
            Self::Broadcast | Self::SocketioBroadcast => 150,
        }
    }
}
