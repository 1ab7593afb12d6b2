//! Where a server listens, how it is reached, and what its clients have to know.

use std::{
    fmt::{self, Display, Formatter},
    io::BufRead,
    net::SocketAddr,
};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

/// What carries the bytes of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// TCP as it is.
    #[default]
    Tcp,
    /// TLS 1.3.
    Tls,
    /// Noise, which only jidda speaks.
    Noise,
}

/// What a server is started with.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Setting {
    /// How it is reached
    #[arg(long, value_enum, default_value_t)]
    pub transport: Transport,

    /// Where it passes calls on to, instead of handling them
    #[arg(long)]
    pub upstream: Option<SocketAddr>,

    /// How many threads it has, which may use every core; otherwise it has one, on the core it is given
    #[arg(long)]
    pub workers: Option<usize>,

    /// How many events are registered beside those that measures need
    #[arg(long, default_value_t)]
    pub events: usize,
}

/// Where a server listens, as its process says it: the address in the first line, then the proof and an empty line if
/// there is one.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The address.
    pub address: SocketAddr,
    /// How it is reached.
    pub transport: Transport,
    /// What it is believed by: its certificate in PEM, or its public key. The server makes the secret itself, and it
    /// never leaves its process. Empty in clear text.
    pub proof: String,
}

impl Endpoint {
    /// Reads what a server that was started for `transport` says.
    pub fn read(output: impl BufRead, transport: Transport) -> Result<Self> {
        let mut lines = output.lines();
        let address = lines.next().context("it says nothing")??.trim().parse()?;
        let mut proof = String::new();
        // Others keep their pipe open and say nothing more.
        while transport != Transport::Tcp
            && let Some(line) = lines.next().transpose()?
            && !line.is_empty()
        {
            proof.push_str(&line);
            proof.push('\n');
        }
        Ok(Self { address, transport, proof })
    }
}

impl Display for Endpoint {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{}", self.address)?;
        match self.transport {
            Transport::Tcp => Ok(()),
            Transport::Tls | Transport::Noise => writeln!(formatter, "{}\n", self.proof.trim()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_read() {
        for (transport, proof) in [(Transport::Tcp, ""), (Transport::Tls, "BEGIN\nab+/=\nEND\n")] {
            let said =
                Endpoint { address: ([127, 0, 0, 1], 8000).into(), transport, proof: proof.to_owned() };
            let read = Endpoint::read(said.to_string().as_bytes(), transport).unwrap();
            assert_eq!((read.address, &read.proof), (said.address, &said.proof));
        }
    }
}
