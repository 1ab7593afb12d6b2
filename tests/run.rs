//! How a program ends that `run` serves in: when it said that it would, whatever its own code does.
#![allow(missing_docs)]
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use jidda::error::StartProblem;
use jidda::prelude::*;

/// Far longer than anything takes, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
/// Says that the test binary is to be the program, and for how many milliseconds it grants grace.
const GRACE: &str = "JIDDA_TEST_GRACE";
/// Says that it serves in a runtime of its own.
const SERVE: &str = "JIDDA_TEST_SERVE";
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
    let builder = Server::builder().listen("127.0.0.1:0").grace(grace);
    if std::env::var_os(SERVE).is_none() {
        return builder.run().unwrap();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(builder.serve()).unwrap();
    println!("it has served");
    // As at the end of `main`: the runtime waits for its blocking threads.
}

#[on]
async fn stop(server: &Server) {
    let server = server.clone();
    tokio::spawn(async move { server.shutdown(LIMIT).await });
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
        Self::start_with(grace, &[]).await
    }

    /// Starts one that serves in a runtime of its own.
    async fn serve(grace: u64) -> Self {
        Self::start_with(grace, &[(SERVE, "1")]).await
    }

    async fn start_with(grace: u64, environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "program", "--nocapture"])
            .env(GRACE, grace.to_string())
            .env_remove("JIDDA_LISTEN")
            .envs(environment.iter().copied())
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_in_a_runtime_of_the_program_ends_after_its_grace() {
    let mut program = Program::serve(50).await;
    program.client.emit("wait", &()).await.unwrap();
    program.line("it waits");
    program.signal("TERM");
    program.line("jidda stops: running calls have 0 s");
    program.line("it has served");
    assert!(program.end().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_signal_ends_a_program_that_serves_and_one_that_has_served() {
    let mut program = Program::serve(LONG).await;
    program.client.emit("block_all_workers", &()).await.unwrap();
    program.line("it blocks");
    program.signal("INT");
    program.signal("INT");
    assert_eq!(program.end().code(), Some(130));

    let mut program = Program::serve(50).await;
    program.client.emit("block", &()).await.unwrap();
    program.line("it blocks");
    program.signal("TERM");
    program.line("it has served");
    // The runtime waits for the handler that blocks.
    program.signal("TERM");
    assert_eq!(program.end().code(), Some(130));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_the_program_shuts_down_has_served() {
    for mut program in [Program::serve(LONG).await, Program::start(LONG).await] {
        program.client.emit("stop", &()).await.unwrap();
        assert!(program.end().success());
    }
}

#[tokio::test]
async fn run_inside_a_runtime_is_an_error_that_says_what_to_write() {
    let error = Server::builder().listen("127.0.0.1:0").run().unwrap_err();
    assert!(matches!(error.problems(), [StartProblem::InsideRuntime]));
    assert!(error.to_string().contains("write `builder.build()?.serve().await?`"), "{error}");
}

#[test]
fn build_outside_a_runtime_is_an_error_that_says_what_to_do() {
    let error = Server::builder().build().unwrap_err();
    assert!(matches!(error.problems(), [StartProblem::OutsideRuntime]));
    assert!(error.to_string().contains("or use `run`, which makes one"), "{error}");
}

#[tokio::test]
async fn a_server_without_an_address_does_not_serve() {
    let error = Server::builder().serve().await.unwrap_err();
    assert!(matches!(error.problems(), [StartProblem::NoAddress]), "{error}");
    let error = Server::builder().listen("127.0.0.1:0").handlers([]).serve().await.unwrap_err();
    assert!(matches!(error.problems(), [StartProblem::NoHandlers]), "{error}");
}
