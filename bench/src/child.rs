//! A server under test in a process of its own: this program, started once more as `bench server <peer>`.

use std::{
    env,
    io::{self, BufReader, Read as _},
    os::unix::process::CommandExt as _,
    process::{self, Child, Command, Stdio},
    thread,
};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use tokio::runtime::{self, Runtime};

use crate::{
    machine,
    measure::cpu::CpuClock,
    peer::{Endpoint, Peer, Setting},
};

/// The tokio runtime that a server runs on.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Scheduler {
    /// What `#[tokio::main]` sets up for a machine of one core: the multi-thread runtime with one worker.
    MultiThread,
    /// The current-thread runtime.
    CurrentThread,
}

impl Scheduler {
    fn build(self, workers: usize) -> io::Result<Runtime> {
        match self {
            Self::MultiThread => {
                runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()
            }
            Self::CurrentThread => runtime::Builder::new_current_thread().enable_all().build(),
        }
    }
}

/// A running server. Dropping it ends its process.
#[derive(Debug)]
pub struct Server {
    process: Child,
    /// Where it listens.
    pub endpoint: Endpoint,
}

impl Server {
    /// Starts a server on `core`, and waits until it listens.
    pub fn start(peer: Peer, scheduler: Scheduler, setting: Setting, core: usize) -> Result<Self> {
        let upstream = setting.upstream.map(|upstream| format!("--upstream={upstream}"));
        let workers = setting.workers.map(|workers| format!("--workers={workers}"));
        let mut process = Command::new(env::current_exe()?)
            .args(["server", &argument(&peer), &argument(&scheduler), &core.to_string()])
            .args(["--transport", &argument(&setting.transport)])
            .args(upstream)
            .args(workers)
            .args(["--events", &setting.events.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().expect("it is piped");
        let endpoint = Endpoint::read(BufReader::new(output), setting.transport);
        let endpoint = endpoint.with_context(|| format!("{} did not start", peer.name()))?;
        Ok(Self { process, endpoint })
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

/// A value as it is written on the command line.
fn argument(value: &impl ValueEnum) -> String {
    value.to_possible_value().expect("no value is skipped").get_name().to_owned()
}

/// What the child does: serves on `core`, or wherever it may, until its parent ends it, or ends.
pub fn serve(peer: Peer, scheduler: Scheduler, setting: Setting, core: usize) -> Result<()> {
    match setting.workers {
        None => machine::pin_to(core)?,
        Some(_) => machine::unpin()?,
    }
    if let Some(mut program) = peer.program(setting) {
        // It takes this process over, with its core and its pipes, and ends like the others.
        let error = program.exec();
        return Err(error).with_context(|| peer.name());
    }
    // The other end of the standard input closes with the parent, however that ends.
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        process::exit(0);
    });
    let runtime = scheduler.build(setting.workers.unwrap_or(1))?;
    runtime.block_on(peer.serve(setting, |endpoint| print!("{endpoint}")))
}
