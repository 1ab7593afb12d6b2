//! How a program ends that `run` serves in: when it said that it would, whatever its own code does.
#![allow(missing_docs)]
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use jidda::prelude::*;

/// Far longer than anything takes, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
/// Says that the test binary is to be the program, and for how many milliseconds it grants grace.
const GRACE: &str = "JIDDA_TEST_GRACE";
const LONG: u64 = 3_600_000;

/// Holds a thread for ever.
fn hold() {
    loop {
        std::thread::park();
    }
}

#[on(blocking)]
fn block() {
    println!("it blocks");
    hold();
}

/// What a program must not do, and some do.
#[on]
async fn block_all_workers() {
    for _ in 0..4 * workers() {
        tokio::spawn(async {
            println!("it blocks");
            hold();
        });
    }
}

/// How many threads the runtime of `run` has.
fn workers() -> usize {
    std::thread::available_parallelism().unwrap().get()
}

#[on]
async fn read_a_line() {
    tokio::task::spawn_blocking(|| {
        println!("it reads");
        std::io::stdin().read_line(&mut String::new())
    });
}

#[on]
async fn wait() {
    println!("it waits");
    std::future::pending::<()>().await;
}

/// No test: what the tests start.
#[test]
fn program() {
    let Ok(grace) = std::env::var(GRACE) else { return };
    let grace = Duration::from_millis(grace.parse().unwrap());
    Server::builder().listen("127.0.0.1:0").grace(grace).run().unwrap();
}

struct Program {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
    /// Open, so that who reads it waits.
    _stdin: ChildStdin,
    client: Client,
}

impl Program {
    async fn start(grace: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "program", "--nocapture"])
            .env(GRACE, grace.to_string())
            .env_remove("JIDDA_LISTEN")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (send, lines) = std::sync::mpsc::channel();
        let (stdout, stdin) = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        let listens = line(&lines, "jidda listens on ");
        let address = listens.split("listens on ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
        let client = Client::builder(address).no_reconnect().connect().await.unwrap();
        Self { child, lines, _stdin: stdin, client }
    }

    /// Waits for a line of the program's.
    fn line(&self, text: &str) -> String {
        line(&self.lines, text)
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status();
        assert!(status.unwrap().success());
    }

    fn end(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < LIMIT, "it does not end");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn line(lines: &std::sync::mpsc::Receiver<String>, text: &str) -> String {
    loop {
        let line = lines.recv_timeout(LIMIT).unwrap_or_else(|error| panic!("no line with `{text}`: {error}"));
        if line.contains(text) {
            return line;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_does_not_hold_the_process_after_the_grace() {
    let mut program = Program::start(50).await;
    program.client.emit("block", &()).await.unwrap();
    program.line("it blocks");
    program.signal("TERM");
    assert!(program.end().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_standard_input_does_not_hold_the_process_after_the_grace() {
    let mut program = Program::start(50).await;
    program.client.emit("read_a_line", &()).await.unwrap();
    program.line("it reads");
    program.signal("TERM");
    assert!(program.end().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_a_process_whose_jobs_go_on() {
    // Nothing but a job on the blocking pool is left: no connection holds the server.
    let mut program = Program::start(LONG).await;
    program.client.emit("read_a_line", &()).await.unwrap();
    program.line("it reads");
    program.client.disconnect().await;
    program.signal("TERM");
    program.line("jidda stops: running calls have 3600 s");
    program.signal("INT");
    assert_eq!(program.end().code(), Some(130));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_a_process_all_of_whose_threads_are_blocked() {
    let mut program = Program::start(LONG).await;
    program.client.emit("block_all_workers", &()).await.unwrap();
    for _ in 0..workers() {
        program.line("it blocks");
    }
    program.signal("TERM");
    program.line("jidda stops");
    program.signal("TERM");
    assert_eq!(program.end().code(), Some(130));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_goes_on_is_ended_by_the_second_signal() {
    let mut program = Program::start(LONG).await;
    program.client.emit("wait", &()).await.unwrap();
    program.line("it waits");
    program.signal("INT");
    program.line("jidda stops");
    program.signal("TERM");
    assert_eq!(program.end().code(), Some(130));
}
