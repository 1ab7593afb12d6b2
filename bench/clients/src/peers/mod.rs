//! The clients that are compared.

mod jidda;
mod node;
mod rust_socketio;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::ValueEnum;

use crate::processor;

pub(crate) const CONNECTIONS: usize = 16;
pub(crate) const TEXT: &str = "sixteen byte txt";

/// One of the clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    Jidda,
    RustSocketio,
    Node,
}

impl Peer {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jidda => "jidda",
            Self::RustSocketio => "rust_socketio 0.6",
            Self::Node => "socket.io-client 4.8 on Node",
        }
    }

    /// Whether so many calls can be under way on one connection. `rust_socketio` draws the ids of acknowledgements from
    /// 999 numbers, and panics when two of them are the same.
    pub(crate) fn can(self, in_flight: usize) -> bool {
        self != Self::RustSocketio || in_flight == 1
    }

    /// Nanoseconds of processor time for each call, on 16 connections. Node's process is another one.
    pub(crate) async fn call(self, address: &str, in_flight: usize, span: Duration) -> Result<u64> {
        match self {
            Self::Jidda => jidda::call(address, in_flight, span).await,
            Self::RustSocketio => rust_socketio::call(address, in_flight, span).await,
            Self::Node => node::call(address, in_flight, span).await,
        }
    }
}

/// Counts calls between two moments of one process.
pub(crate) struct Meter {
    start: Instant,
    /// Not counted: what is warm only later costs more at first.
    warm: Option<(Duration, u64)>,
    span: Duration,
    pub(crate) calls: u64,
}

impl Meter {
    pub(crate) fn new(span: Duration) -> Self {
        Self { start: Instant::now(), warm: None, span, calls: 0 }
    }

    /// Counts a call, and says whether there is time for another one.
    pub(crate) fn count(&mut self) -> Result<bool> {
        self.calls += 1;
        let passed = self.start.elapsed();
        if self.warm.is_none() && passed > self.span / 5 {
            self.warm = Some((processor::time()?, self.calls));
        }
        Ok(passed < self.span)
    }

    /// Nanoseconds of processor time for each call.
    pub(crate) fn cost(&self) -> Result<u64> {
        let (before, calls) = self.warm.unwrap_or_default();
        ensure!(self.calls > calls, "no call was answered");
        let spent = processor::time()?.saturating_sub(before);
        Ok(u64::try_from(spent.as_nanos())? / (self.calls - calls))
    }
}
