//! The servers under test, each with the client that loads it.

mod jidda;
mod jsonrpsee;
mod raw;
mod tarpc;

use std::{
    any::Any,
    fmt::{self, Display, Formatter},
    future,
    net::{Ipv4Addr, SocketAddr},
};

use anyhow::{Result, bail};
use clap::ValueEnum;
use tokio::net::TcpListener;

use crate::{
    load::{Shape, broadcast, pipeline, tasks},
    measure::{Sample, Window, cpu::CpuClock},
};

/// A server under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Peer {
    /// jidda over TCP.
    Jidda,
    /// Bytes come back as they came: what the system calls alone cost.
    Raw,
    /// Like `raw`, and one message makes it write an event to every connection in a plain loop.
    Loop,
    /// tarpc over TCP, bincode.
    Tarpc,
    /// jsonrpsee over WebSocket.
    Jsonrpsee,
}

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The subject.
    Jidda,
    /// Bare tokio, which is the limit.
    Raw,
    /// tarpc.
    Tarpc,
    /// jsonrpsee.
    Jsonrpsee,
}

impl Column {
    /// The one that is compared to the others.
    pub const FIRST: Self = Self::Jidda;
    /// The others.
    pub const OTHERS: &[Self] = &[Self::Raw, Self::Tarpc, Self::Jsonrpsee];
}

impl Display for Column {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Jidda => "jidda",
            Self::Raw => "raw tokio",
            Self::Tarpc => "tarpc",
            Self::Jsonrpsee => "jsonrpsee",
        })
    }
}

impl Peer {
    /// The name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jidda => "jidda",
            Self::Raw => "raw tokio echo",
            Self::Loop => "loop of writes",
            Self::Tarpc => "tarpc",
            Self::Jsonrpsee => "jsonrpsee",
        }
    }

    /// The column of the table that its figures belong to.
    pub fn column(self) -> Column {
        match self {
            Self::Jidda => Column::Jidda,
            Self::Raw | Self::Loop => Column::Raw,
            Self::Tarpc => Column::Tarpc,
            Self::Jsonrpsee => Column::Jsonrpsee,
        }
    }

    /// Serves until the process ends; says where once it listens.
    pub async fn serve(self, listens: impl FnOnce(SocketAddr)) -> Result<()> {
        if self == Self::Jidda {
            let (_server, address) = jidda::start().await?;
            listens(address);
            return future::pending().await;
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        listens(listener.local_addr()?);
        // Spawned, so that a worker accepts the connections, and the main thread has nothing to do.
        match self {
            Self::Jidda => unreachable!("it binds its own listener"),
            Self::Raw => tokio::spawn(raw::echo(listener)),
            Self::Loop => tokio::spawn(raw::broadcast(listener)),
            Self::Tarpc => tokio::spawn(tarpc::serve(listener)),
            Self::Jsonrpsee => tokio::spawn(jsonrpsee::serve(listener)),
        }
        .await?
    }

    /// Calls `echo` and measures the server.
    pub fn call(self, server: SocketAddr, shape: Shape, window: Window, clock: CpuClock) -> Result<Sample> {
        match self {
            Self::Jidda => pipeline::run(server, jidda::reply_length(), shape, window, clock),
            Self::Raw | Self::Loop => pipeline::run(server, raw::reply_length(), shape, window, clock),
            Self::Tarpc => tasks::run::<tarpc::Client>(server, shape, window, clock),
            Self::Jsonrpsee => tasks::run::<jsonrpsee::Client>(server, shape, window, clock),
        }
    }

    /// Opens connections that have made one call each. They stay open until the result is dropped.
    pub fn open(self, server: SocketAddr, count: usize) -> Result<Box<dyn Any>> {
        match self {
            Self::Jidda => pipeline::open_many(server, jidda::reply_length(), count),
            Self::Raw | Self::Loop => pipeline::open_many(server, raw::reply_length(), count),
            Self::Tarpc => tasks::open::<tarpc::Client>(server, count),
            Self::Jsonrpsee => tasks::open::<jsonrpsee::Client>(server, count),
        }
    }

    /// Has an event sent to `count` connections, again and again, and measures the server.
    pub fn broadcast(
        self,
        server: SocketAddr,
        count: usize,
        window: Window,
        clock: CpuClock,
    ) -> Result<Sample> {
        match self {
            Self::Jidda => broadcast::run(server, jidda::reply_length(), count, window, clock),
            Self::Loop => broadcast::run(server, raw::reply_length(), count, window, clock),
            Self::Raw | Self::Tarpc | Self::Jsonrpsee => bail!("{} has no broadcast", self.name()),
        }
    }
}
