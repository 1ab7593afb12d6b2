//! The server in a process of its own, under callgrind.

use std::{
    env,
    io::{self, BufReader, Read as _},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{kind::Kind, load, server::Endpoints};

/// What precedes the total in what callgrind says at the end.
const TOTAL: &str = "Collected : ";

/// How many instructions a message of a kind takes.
pub fn instructions_of(kind: Kind) -> Result<u64> {
    eprintln!("{}", kind.name());
    let exchanges = kind.exchanges();
    let (few, many) = (total(kind, exchanges)?, total(kind, 2 * exchanges)?);
    let more = many.checked_sub(few).context("twice the load has taken fewer instructions")?;
    let messages = u64::try_from(exchanges * kind.messages())?;
    Ok((more + messages / 2) / messages)
}

/// All the instructions of a server that lives for so many exchanges.
fn total(kind: Kind, exchanges: usize) -> Result<u64> {
    let mut server = Server::start()?;
    let output = server.0.stdout.take().expect("it is piped");
    let done =
        Endpoints::read(BufReader::new(output)).and_then(|endpoints| load::run(kind, &endpoints, exchanges));
    // It ends with its standard input.
    drop(server.0.stdin.take());
    let mut said = String::new();
    server.0.stderr.take().expect("it is piped").read_to_string(&mut said)?;
    let status = server.0.wait()?;
    done.with_context(|| format!("{}: {}", kind.name(), said.trim()))?;
    ensure!(status.success(), "the server ended with {status}: {}", said.trim());
    total_in(&said)
}

fn total_in(said: &str) -> Result<u64> {
    let total = said.lines().find_map(|line| line.split_once(TOTAL));
    let (_, total) = total.with_context(|| format!("callgrind tells no total: {}", said.trim()))?;
    Ok(total.trim().parse()?)
}

/// A server that does not outlive this.
struct Server(Child);

impl Server {
    fn start() -> Result<Self> {
        let child = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(env::current_exe()?)
            .arg("server")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        match child {
            Err(error) if error.kind() == io::ErrorKind::NotFound => bail!("valgrind is not installed"),
            child => Ok(Self(child?)),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It usually has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found() {
        let said = "==7== Events    : Ir\n==7== Collected : 2166417\n==7== \n";
        assert_eq!(total_in(said).unwrap(), 2_166_417);
        assert!(total_in("==7== Events    : Ir\n").is_err());
    }
}
