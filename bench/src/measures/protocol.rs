//! The two wires under one name, for measures that are the same on both.

use std::any::Any;

use anyhow::Result;

use crate::{
    child::Server,
    load::{
        Shape,
        broadcast::{self, Gathering},
        pipeline,
    },
    measure::{Sample, Window},
    peer::Peer,
    wire::{called::Called, size::Size, socketio::SocketIo},
};

/// A wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// jidda's own, or that of a peer whose own client calls.
    Native,
    /// Socket.IO over WebSocket.
    SocketIo,
}

impl Protocol {
    /// One of two things.
    pub fn choose<T>(self, native: T, socketio: T) -> T {
        match self {
            Self::Native => native,
            Self::SocketIo => socketio,
        }
    }

    /// Calls, or events with an acknowledgement.
    pub fn call(
        self,
        peer: Peer,
        server: &Server,
        called: Called,
        shape: Shape,
        window: Window,
    ) -> Result<Sample> {
        let clock = server.clock()?;
        match self {
            Self::Native => peer.call(&server.endpoint, called, shape, window, clock),
            Self::SocketIo => {
                let wire = peer.socketio(SocketIo::ack(called, shape.size))?;
                pipeline::run(server.endpoint.address, wire, shape, window, clock)
            }
        }
    }

    /// Opens connections that have made one call each. They stay open until the result is dropped.
    pub fn open(self, peer: Peer, server: &Server, count: usize) -> Result<Box<dyn Any>> {
        match self {
            Self::Native => peer.open(&server.endpoint, count),
            Self::SocketIo => {
                let wire = peer.socketio(SocketIo::ack(Called::Echo, Size::Small))?;
                pipeline::open_many(server.endpoint.address, wire, count)
            }
        }
    }

    /// Opens connections that have joined their rooms. They stay open until the result is dropped.
    pub fn gather(self, peer: Peer, server: &Server, gathering: Gathering) -> Result<Box<dyn Any>> {
        let at = server.endpoint.address;
        match self {
            Self::Native => gathering.open(at, peer.native(Called::Echo, Size::Small)?),
            Self::SocketIo => gathering.open(at, peer.socketio(SocketIo::ack(Called::Echo, Size::Small))?),
        }
    }

    /// Events to many.
    pub fn broadcast(
        self,
        peer: Peer,
        server: &Server,
        gathering: Gathering,
        window: Window,
    ) -> Result<Sample> {
        let (at, clock) = (server.endpoint.address, server.clock()?);
        match self {
            Self::Native => {
                broadcast::run(at, peer.native(Called::Echo, Size::Small)?, gathering, window, clock)
            }
            Self::SocketIo => {
                let wire = peer.socketio(SocketIo::ack(Called::Echo, Size::Small))?;
                broadcast::run(at, wire, gathering, window, clock)
            }
        }
    }
}
