//! The server under test, a process of its own.

use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use jidda::Error;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A process that ends with its handle.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    options: Vec<String>,
    /// `127.0.0.1:PORT`, or another address of this machine.
    pub(crate) address: String,
}

impl Server {
    /// Starts the command in `SERVER` at a free port. Its first line says where it listens.
    pub(crate) async fn start(options: &[&str]) -> jidda::Result<Self> {
        Self::start_at("127.0.0.1:0", options.iter().map(ToString::to_string).collect()).await
    }

    /// Starts one that can be started again, at a port that nobody else takes meanwhile: at an address of its own, since
    /// every connection to another server has a port of 127.0.0.1.
    pub(crate) async fn start_again_and_again(options: &[&str]) -> jidda::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let address =
            format!("127.{}.{low}.{}:0", 1 + high % 250, 1 + COUNT.fetch_add(1, Ordering::Relaxed) % 250);
        Self::start_at(&address, options.iter().map(ToString::to_string).collect()).await
    }

    async fn start_at(address: &str, options: Vec<String>) -> jidda::Result<Self> {
        let command =
            std::env::var("SERVER").map_err(|_| Error::new("usage", "SERVER is the server's command"))?;
        let mut words = command.split(' ');
        let mut child = Command::new(words.next().unwrap_or_default())
            .args(words)
            .arg(address)
            .args(&options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let first = lines.next_line().await?.unwrap_or_default();
        let Some((_, said)) = first.split_once(" listens on tcp://") else {
            return Err(Error::new("server", format!("the server did not start: {first:?}")));
        };
        let address = said.split(' ').next().unwrap_or_default().to_owned();
        // What it prints from now on is for nobody, but it must not find a closed pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, options, address })
    }

    /// Kills it.
    pub(crate) async fn kill(&mut self) -> jidda::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Kills it and starts another one at the same address.
    pub(crate) async fn restart(&mut self) -> jidda::Result<()> {
        self.kill().await?;
        let address = self.address.clone();
        *self = Self::start_at(&address, std::mem::take(&mut self.options)).await?;
        Ok(())
    }
}
