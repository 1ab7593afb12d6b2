//! A server under test in a process of its own: this program, started once more as `bench server <peer>`.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Read as _},
    net::{Ipv4Addr, SocketAddr},
    process::{self, Child, Command, Stdio},
    thread,
};

use anyhow::{Context as _, Result};
use tokio::{net::TcpListener, runtime};

use crate::{machine, measure::cpu::CpuClock, peer::Peer};

/// A running server. Dropping it ends its process.
#[derive(Debug)]
pub struct Server {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts a server on `core`, and waits until it listens.
    pub fn start(peer: Peer, core: usize) -> Result<Self> {
        let mut process = Command::new(env::current_exe()?)
            .args(["server", &peer.argument(), "--core", &core.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let output = process.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse().with_context(|| format!("{} did not start", peer.name()))?;
        Ok(Self { process, address })
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The processor time it uses.
    pub fn clock(&self) -> Result<CpuClock> {
        CpuClock::of(self.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which its load has then reported.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the child does: serves on `core` until its parent ends it, or ends.
pub fn serve(peer: Peer, core: usize) -> Result<()> {
    machine::pin_to(core)?;
    // The other end of the standard input closes with the parent, however that ends.
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        process::exit(0);
    });
    // One thread for all: the pinned core has no use for a second one.
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("{}", listener.local_addr()?);
        peer.serve(listener).await
    })
}
