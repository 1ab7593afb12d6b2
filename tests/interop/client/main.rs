//! Our client against a server of Socket.IO: `interop_client NAME`, with the server's command in `SERVER`.
//!
//! Each scenario runs over polling, over a WebSocket and over an upgrade from one to the other, with each parser that the
//! server has. The server has the handlers of `../servers/jidda.rs`; what it cannot do is in `target.rs`, and those
//! scenarios are not counted. Every other one has to pass: the program ends with 0 only then. `ONLY=text` runs the
//! scenarios whose name has that text in it.

mod certificates;
mod inbox;
mod relay;
mod runner;
mod scenarios;
mod server;
mod session;
mod target;

use runner::{Runner, Tally};
use session::Setting;
use target::Target;

#[tokio::main]
async fn main() -> jidda::Result<()> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let target = Target::named(&name)?;
    let mut runs = Vec::new();
    for setting in Setting::all(target) {
        runs.push(tokio::spawn(Runner::new(setting).run()));
    }
    let mut tally = Tally::default();
    for run in runs {
        tally += run.await??;
    }
    println!("{name}: {} passed, {} failed", tally.passed, tally.failed);
    if tally.failed > 0 || tally.passed == 0 {
        std::process::exit(1);
    }
    Ok(())
}
