//! The server whose instructions are counted.

use std::{
    fmt::{self, Display, Formatter},
    io::{self, BufRead, Read as _},
    process, thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use jidda::noise::{KeyPair, NoiseServer};
use jidda::peer::Address;
use jidda::prelude::*;
use tokio::runtime;

/// Under callgrind everything takes fifty times as long. No timer is to end sooner than the load, because what it then
/// does would be counted.
const NEVER: Duration = Duration::from_secs(3_600);

/// Returns its argument.
#[on]
async fn echo(text: String) -> String {
    text
}

/// Takes its argument.
#[on]
async fn note(_text: String) {}

/// Sends its argument to everybody.
#[on]
async fn announce(server: &Server, text: String) -> jidda::Result<()> {
    server.emit("news", &text).await?;
    Ok(())
}

/// Where the server listens.
#[derive(Debug)]
pub struct Endpoints {
    /// Native and Socket.IO.
    pub tcp: String,
    /// Noise.
    pub noise: String,
    /// What the server is known by there.
    pub key: String,
}

impl Endpoints {
    /// Reads what a server says in its first line.
    pub fn read(mut output: impl BufRead) -> Result<Self> {
        let mut line = String::new();
        output.read_line(&mut line)?;
        let mut words = line.split_whitespace().map(ToOwned::to_owned);
        let mut word = || words.next().context("the server has not started");
        Ok(Self { tcp: word()?, noise: word()?, key: word()? })
    }
}

impl Display for Endpoints {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{} {} {}", self.tcp, self.noise, self.key)
    }
}

/// Serves until the standard input ends.
pub fn serve() -> Result<()> {
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        process::exit(0);
    });
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let noise = NoiseServer::new(KeyPair::generate());
        let key = noise.public().to_string();
        let server = Server::builder()
            .listen("127.0.0.1:0")
            .listen("noise://127.0.0.1:0")
            .noise(noise)
            .heartbeat(NEVER)
            .heartbeat_timeout(NEVER)
            .handshake_timeout(NEVER)
            .connect_timeout(NEVER)
            .slow_consumer(NEVER)
            .start()
            .await
            .map_err(|error| anyhow!("{error}"))?;
        match server.addresses() {
            [Address::Tcp(tcp), Address::Noise(noise)] => {
                print!("{}", Endpoints { tcp: tcp.clone(), noise: noise.clone(), key });
            }
            others => bail!("it listens at {others:?}"),
        }
        std::future::pending().await
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_read() {
        let said =
            Endpoints { tcp: "127.0.0.1:1".to_owned(), noise: "127.0.0.1:2".to_owned(), key: "k".to_owned() };
        let read = Endpoints::read(said.to_string().as_bytes()).unwrap();
        assert_eq!((read.tcp, read.noise, read.key), (said.tcp, said.noise, said.key));
        assert!(Endpoints::read(&b"127.0.0.1:1\n"[..]).is_err());
    }
}
