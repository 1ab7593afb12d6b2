//! Checks the client of the crate `rust_socketio`, blocking and not, with the server's command in SERVER.
//!
//! ONLY=text runs the checks whose name has that text in it. It cannot answer the server, has one buffer an event and
//! none in a call, and one namespace a connection. Each check is a process of its own: a blocking client that has
//! ended leaves a thread behind that turns for ever.

mod checks;
mod client;
mod server;

use std::process::Command;
use std::time::Duration;

use client::{Kind, Setting};
use rust_socketio::TransportType;
use server::Server;

/// Far longer than anything takes: it finds what never comes.
pub const LIMIT: Duration = Duration::from_secs(10);

/// What is wrong, for the line of a check that failed.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [kind, transport, check] => {
            let result = one(kind, transport, check);
            if let Err(error) = &result {
                print!("{error}");
            }
            std::process::exit(i32::from(result.is_err()));
        }
        _ => all(),
    }
}

fn all() {
    let only = std::env::var("ONLY").unwrap_or_default();
    let (mut passed, mut failed) = (0, 0);
    for kind in ["blocking", "asynchronous"] {
        for transport in ["polling", "websocket", "upgrade"] {
            for (check, _) in checks::all() {
                let name = format!("rust_socketio {kind} {transport}: {}", check.replace('_', " "));
                if !name.contains(&only) {
                    continue;
                }
                let program = std::env::current_exe().expect("this program has a path");
                let output = Command::new(program).args([kind, transport, check]).output();
                match output.expect("this program can be run again") {
                    output if output.status.success() => passed += 1,
                    output => {
                        failed += 1;
                        println!("FAILED {name}: {}", String::from_utf8_lossy(&output.stdout));
                    }
                }
            }
        }
    }
    println!("rust_socketio: {passed} passed, {failed} failed");
    std::process::exit(i32::from(failed > 0));
}

fn one(kind: &str, transport: &str, name: &str) -> Result<(), Failure> {
    let kind = if kind == "blocking" { Kind::Blocking } else { Kind::Asynchronous };
    let transport = match transport {
        "polling" => TransportType::Polling,
        "websocket" => TransportType::Websocket,
        _ => TransportType::WebsocketUpgrade,
    };
    let (_, check) = checks::all().find(|(check, _)| *check == name).ok_or("there is no such check")?;
    let heartbeat: &[&str] = if checks::needs_heartbeat(name) { &["--heartbeat", "200"] } else { &[] };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let server = Server::start(heartbeat, "127.0.0.1:0")?;
    let setting = Setting::new(kind, transport, server, runtime.handle().clone());
    let (done, result) = std::sync::mpsc::channel();
    let checked = setting.clone();
    // A blocking client may wait for ever: the thread that does is left behind then.
    std::thread::spawn(move || done.send(check(&checked)));
    let result = result.recv_timeout(2 * LIMIT);
    setting.server().end("KILL");
    result.unwrap_or_else(|_| Err("it never ended".into()))
}
