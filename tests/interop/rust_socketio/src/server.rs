//! The server under test: the command in SERVER, which `run.sh` sets.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use crate::Failure;

pub struct Server {
    process: Mutex<Child>,
    options: Vec<String>,
    pub address: String,
}

impl Server {
    pub fn start(options: &[&str], address: &str) -> Result<Self, Failure> {
        let command = std::env::var("SERVER")?;
        let mut words = command.split(' ');
        let mut process = Command::new(words.next().ok_or("SERVER is empty")?)
            .args(words)
            .arg(address)
            .args(options)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let listening = line.split_whitespace().find_map(|word| word.strip_prefix("tcp://"));
        let address = listening.ok_or(format!("the server did not start: {line}"))?.to_owned();
        let options = options.iter().map(|&option| option.to_owned()).collect();
        Ok(Self { process: Mutex::new(process), options, address })
    }

    /// Ends the process; done when it is gone.
    pub fn end(&self, signal: &str) {
        let mut process = self.process.lock().unwrap();
        let id = process.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.is_ok_and(|status| status.success()), "cannot end the server");
        process.wait().unwrap();
    }

    /// The same server again, at the same address.
    pub fn again(&self) -> Result<Self, Failure> {
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        Self::start(&options, &self.address)
    }
}
