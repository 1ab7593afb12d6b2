//! A program under test: its lines are waited for, never slept for.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Far longer than anything takes, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
enum Printed {
    Out(String),
    Err(String),
}

/// A running example; it is ended with the test.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    printed: Receiver<Printed>,
    pub(crate) output: Vec<String>,
    pub(crate) errors: Vec<String>,
}

/// Cargo puts the examples beside the folder of the tests.
fn path(example: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let profile = test.parent().and_then(|folder| folder.parent()).expect("target/debug/deps");
    let path = profile.join("examples").join(format!("{example}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is missing: `cargo build --examples` makes it", path.display());
    path
}

impl Program {
    pub(crate) fn start(example: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(path(example))
            .args(arguments)
            .env_remove("JIDDA_LISTEN")
            .env_remove("JIDDA_HANDLERS")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let (send, printed) = channel();
        read(child.stdout.take().expect("it is piped"), Printed::Out, send.clone());
        read(child.stderr.take().expect("it is piped"), Printed::Err, send);
        Self { child, printed, output: Vec::new(), errors: Vec::new() }
    }

    /// A server on a port that the system chooses, and its address.
    pub(crate) fn serve(example: &str) -> (Self, String) {
        Self::serve_at(example, "127.0.0.1:0")
    }

    /// A server on this address, and the address as it tells it.
    pub(crate) fn serve_at(example: &str, address: &str) -> (Self, String) {
        let mut server = Self::start(example, &["server"], &[("JIDDA_LISTEN", address)]);
        let line = server.line("jidda listens on ");
        let address = line.split_whitespace().nth(3).expect("an address").to_owned();
        (server, address)
    }

    /// Waits for a line that contains `text`.
    pub(crate) fn line(&mut self, text: &str) -> String {
        let deadline = Instant::now() + LIMIT;
        loop {
            match self.printed.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(printed) => {
                    if let Some(line) = self.keep(printed)
                        && line.contains(text)
                    {
                        return line;
                    }
                }
                Err(error) => panic!("no line with `{text}` ({error}) from {self:#?}"),
            }
        }
    }

    fn keep(&mut self, printed: Printed) -> Option<String> {
        match printed {
            Printed::Out(line) => {
                self.output.push(line.clone());
                Some(line)
            }
            Printed::Err(line) => {
                self.errors.push(line);
                None
            }
        }
    }

    pub(crate) fn type_line(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("it is piped");
        writeln!(stdin, "{line}").expect("the program reads");
    }

    /// Asks the program to end, as a process manager does.
    pub(crate) fn terminate(&self) {
        let id = self.child.id();
        let status = Command::new("sh").args(["-c", &format!("kill -TERM {id}")]).status();
        assert!(status.expect("there is a shell").success());
    }

    /// Waits for the end and gives the exit code.
    pub(crate) fn end(&mut self) -> i32 {
        let deadline = Instant::now() + LIMIT;
        loop {
            match self.printed.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(printed) => {
                    self.keep(printed);
                }
                // Both its outputs are closed: it has ended.
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {self:#?}"),
            }
        }
        let status = self.child.wait().expect("it can be waited for");
        status.code().unwrap_or_else(|| panic!("it was killed: {status}"))
    }

    pub(crate) fn printed(&self, text: &str) -> bool {
        self.output.iter().any(|line| line.contains(text))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn read(source: impl Read + Send + 'static, kind: fn(String) -> Printed, send: Sender<Printed>) {
    std::thread::spawn(move || {
        for line in BufReader::new(source).lines().map_while(Result::ok) {
            if send.send(kind(line)).is_err() {
                return;
            }
        }
    });
}
