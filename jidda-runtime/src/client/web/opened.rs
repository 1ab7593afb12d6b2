//! What a connection to a server of Engine.IO begins with.

use std::sync::Arc;

use super::handshake::Handshake;
use crate::peer::{Security, Transport};
use crate::sync::atomic::AtomicBool;
use crate::transport::Stream;
use crate::wire::engine_io::Version;

/// Whether a WebSocket has taken the place of long polling.
pub(crate) type Upgraded = Arc<AtomicBool>;

/// A connection to a server of Engine.IO.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Carries the frames of a WebSocket: unmasked ones to read, masked ones to write.
    pub(crate) stream: Stream,
    /// The version of Engine.IO that the server speaks.
    pub(crate) version: Version,
    /// The server's first packet; it is not in the stream.
    pub(crate) handshake: Handshake,
    /// What the connection began with.
    pub(crate) transport: Transport,
    /// What the server proved in TLS.
    pub(crate) security: Option<Security>,
    /// Set when a WebSocket takes the place of long polling.
    pub(crate) upgraded: Upgraded,
}
