//! The servers under test, each with the client that loads it.

mod column;
mod endpoint;
mod jidda;
mod jsonrpsee;
pub mod node;
mod raw;
mod socketioxide;
mod tarpc;
mod tls;
mod tonic;
mod websocket;
mod work;

use std::{any::Any, future, net::Ipv4Addr, process::Command};

use anyhow::{Result, bail, ensure};
use clap::ValueEnum;
use tokio::net::TcpListener;

use self::tls::Identity;
pub use self::{
    column::Column,
    endpoint::{Endpoint, Setting, Transport},
    jidda::Upstream,
};
use crate::{
    load::{
        Shape, callers,
        connect::{self, Crowd},
        pipeline,
        schedule::{self, Outcome},
        streams::{self, Audience, Flow},
        tasks,
    },
    measure::{Sample, Window, cpu::CpuClock},
    wire::{called::Called, native::Native, size::Size, socketio::SocketIo},
};

/// A server under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Peer {
    /// jidda over TCP: its native wire and Socket.IO on the same port.
    Jidda,
    /// Bytes come back as they came: what the system calls alone cost.
    Raw,
    /// The same in frames of WebSocket, by tungstenite.
    WebSocket,
    /// Like `raw`, and one message makes it write an event to every connection in a plain loop.
    Loop,
    /// tarpc, bincode.
    Tarpc,
    /// jsonrpsee over WebSocket.
    Jsonrpsee,
    /// tonic: gRPC over HTTP/2.
    Tonic,
    /// socketioxide on axum.
    Socketioxide,
    /// socket.io on Node.
    Node,
}

impl Peer {
    /// The name in what the program says while it measures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jidda => "jidda",
            Self::Raw => "raw tokio echo",
            Self::WebSocket => "WebSocket echo",
            Self::Loop => "loop of writes",
            Self::Tarpc => "tarpc",
            Self::Jsonrpsee => "jsonrpsee",
            Self::Tonic => "tonic",
            Self::Socketioxide => "socketioxide",
            Self::Node => "socket.io on Node",
        }
    }

    /// The column of the table that its figures belong to.
    pub fn column(self) -> Column {
        match self {
            Self::Jidda => Column::Jidda,
            Self::Raw | Self::Loop => Column::Raw,
            Self::WebSocket => Column::WebSocket,
            Self::Tarpc => Column::Tarpc,
            Self::Jsonrpsee => Column::Jsonrpsee,
            Self::Tonic => Column::Tonic,
            Self::Socketioxide => Column::Socketioxide,
            Self::Node => Column::Node,
        }
    }

    /// Why it cannot be measured here, if it cannot.
    pub fn missing(self) -> Option<&'static str> {
        match self {
            Self::Node => node::versions().err(),
            _ => None,
        }
    }

    /// The program that it is, if it is not this one.
    pub fn program(self, setting: Setting) -> Option<Command> {
        (self == Self::Node).then(|| node::program(setting.events))
    }

    /// Serves until the process ends; says where once it listens.
    pub async fn serve(self, setting: Setting, listens: impl FnOnce(&Endpoint)) -> Result<()> {
        if self == Self::Jidda {
            let (_server, endpoint) = jidda::start(setting).await?;
            listens(&endpoint);
            return future::pending().await;
        }
        let tls = match setting.transport {
            Transport::Tcp => None,
            Transport::Tls => Some(Identity::generate()?),
            Transport::Noise => bail!("{} does not speak Noise", self.name()),
        };
        ensure!(
            tls.is_none() || matches!(self, Self::Tarpc | Self::Tonic),
            "{} is measured without TLS",
            self.name()
        );
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        listens(&Endpoint {
            address: listener.local_addr()?,
            transport: setting.transport,
            proof: tls.as_ref().map(|identity| identity.certificate.clone()).unwrap_or_default(),
        });
        // Spawned, so that a worker accepts the connections, and the main thread has nothing to do.
        match self {
            Self::Jidda => unreachable!("it binds its own listener"),
            Self::Raw => tokio::spawn(raw::echo(listener)),
            Self::WebSocket => tokio::spawn(websocket::serve(listener)),
            Self::Loop => tokio::spawn(raw::broadcast(listener)),
            Self::Tarpc => {
                let tls = tls.map(|identity| identity.acceptor()).transpose()?;
                tokio::spawn(tarpc::serve(listener, tls))
            }
            Self::Jsonrpsee => tokio::spawn(jsonrpsee::serve(listener)),
            Self::Tonic => tokio::spawn(tonic::serve(listener, tls)),
            Self::Socketioxide => tokio::spawn(socketioxide::serve(listener, setting.events)),
            Self::Node => bail!("it is a program of its own"),
        }
        .await?
    }

    /// Calls on the native wire, or on the peer's own, and measures the server.
    pub fn call(
        self,
        server: &Endpoint,
        called: Called,
        shape: Shape,
        window: Window,
        clock: CpuClock,
    ) -> Result<Sample> {
        match self {
            Self::Tarpc => tasks::run::<tarpc::Client>(server, called, shape, window, clock),
            Self::Jsonrpsee | Self::Tonic => self.call_by_client(server, shape, window, clock),
            _ => pipeline::run(server.address, self.native(called, shape.size)?, shape, window, clock),
        }
    }

    /// The same by the peer's own client, over whatever the server is reached by.
    pub fn call_by_client(
        self,
        server: &Endpoint,
        shape: Shape,
        window: Window,
        clock: CpuClock,
    ) -> Result<Sample> {
        match self {
            Self::Jidda => tasks::run::<jidda::Connection>(server, Called::Echo, shape, window, clock),
            Self::Tarpc => tasks::run::<tarpc::Client>(server, Called::Echo, shape, window, clock),
            Self::Jsonrpsee => tasks::run::<jsonrpsee::Client>(server, Called::Echo, shape, window, clock),
            Self::Tonic => tasks::run::<tonic::Client>(server, Called::Echo, shape, window, clock),
            _ => bail!("{} has no client", self.name()),
        }
    }

    /// Reads streams by the peer's own client, and measures the server, which is the process `id`.
    pub fn stream(
        self,
        server: &Endpoint,
        audience: Audience,
        window: Window,
        clock: CpuClock,
        id: u32,
    ) -> Result<Flow> {
        match self {
            Self::Jidda => streams::run::<jidda::Connection>(server, audience, window, clock, id),
            Self::Tonic => streams::run::<tonic::Client>(server, audience, window, clock, id),
            _ => bail!("{} has no streams", self.name()),
        }
    }

    /// Calls `echo` at times that are due, and tells how long that took.
    pub fn call_by_schedule(
        self,
        server: &Endpoint,
        connections: usize,
        window: Window,
        rate: f64,
    ) -> Result<Outcome> {
        match self {
            Self::Tarpc => callers::run::<tarpc::Client>(server, connections, window, rate),
            Self::Jsonrpsee => callers::run::<jsonrpsee::Client>(server, connections, window, rate),
            Self::Tonic => callers::run::<tonic::Client>(server, connections, window, rate),
            _ => {
                let wire = self.native(Called::Echo, Size::Small)?;
                schedule::run(server.address, wire, connections, window, rate)
            }
        }
    }

    /// Has clients connect, make one call and go, and measures the server.
    pub fn come_and_go(self, server: &Endpoint, crowd: Crowd, clock: CpuClock) -> Result<Sample> {
        match self {
            Self::Tarpc => tasks::come_and_go::<tarpc::Client>(server, crowd, clock),
            Self::Jsonrpsee => tasks::come_and_go::<jsonrpsee::Client>(server, crowd, clock),
            Self::Tonic => tasks::come_and_go::<tonic::Client>(server, crowd, clock),
            _ => connect::run(server.address, self.native(Called::Echo, Size::Small)?, crowd, clock),
        }
    }

    /// Opens connections that have made one such call each. They stay open until the result is dropped.
    pub fn open(self, server: &Endpoint, count: usize) -> Result<Box<dyn Any>> {
        match self {
            Self::Tarpc => tasks::open::<tarpc::Client>(server, count),
            Self::Jsonrpsee => tasks::open::<jsonrpsee::Client>(server, count),
            Self::Tonic => tasks::open::<tonic::Client>(server, count),
            _ => pipeline::open_many(server.address, self.native(Called::Echo, Size::Small)?, count),
        }
    }

    /// How the native wire is spoken with it.
    pub fn native(self, called: Called, size: Size) -> Result<Native> {
        match self {
            Self::Jidda => Ok(Native::answered(called, size)),
            Self::Raw | Self::Loop => Ok(Native::echoed(called, size)),
            _ => bail!("{} does not speak the native wire", self.name()),
        }
    }

    /// How Socket.IO is spoken with it.
    pub fn socketio(self, wire: SocketIo) -> Result<SocketIo> {
        match self {
            Self::Jidda | Self::Socketioxide | Self::Node => Ok(wire),
            Self::Raw | Self::Loop => Ok(wire.echoed()),
            Self::WebSocket => Ok(wire.upgraded()),
            _ => bail!("{} does not speak Socket.IO", self.name()),
        }
    }
}
