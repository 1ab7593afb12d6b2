//! How long a program takes from its start until it listens.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result};

/// The milliseconds until a program has said where it listens, which it does as soon as it does.
pub fn until_it_listens(mut program: Command) -> Result<f64> {
    let begin = Instant::now();
    let mut started = Started(program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?);
    let output = started.0.stdout.take().context("it is not piped")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let milliseconds = begin.elapsed().as_secs_f64() * 1e3;
    let address = line.trim().rsplit('/').next().unwrap_or_default();
    let _: SocketAddr = address.parse().with_context(|| format!("{program:?} says: {line}"))?;
    Ok(milliseconds)
}

/// A program that ends with this.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended by itself, and then has not said what it should.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_prints_an_address_listens() {
        let mut echo = Command::new("echo");
        echo.arg("127.0.0.1:8000");
        assert!(until_it_listens(echo).unwrap() > 0.0);
    }

    #[test]
    fn a_program_that_prints_something_else_does_not_listen() {
        let mut echo = Command::new("echo");
        echo.arg("no address is free");
        assert!(until_it_listens(echo).is_err());
    }
}
