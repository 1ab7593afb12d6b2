//! A whole program in one call: a runtime, signals, a graceful end.

use tokio::runtime::{Builder, Handle};
use tokio::time::{Instant, timeout};

use super::builder::ServerBuilder;
use super::handle::{LAST_CALL, LAST_RESPONSE, Server};
use super::serve::{announce_end, is_asked_for_handlers, log_to_standard_error, system};
use super::signals::Signal;
use crate::deadline;
use crate::error::{StartError, StartProblem};

/// What `jidda::run!` does.
///
/// # Errors
///
/// As for [`ServerBuilder::run`].
pub fn run(address: &str, links: &[&'static str]) -> Result<(), StartError> {
    let builder = Server::builder().listen(address);
    links.iter().fold(builder, |builder, link| builder.link(link)).run()
}

impl ServerBuilder {
    /// Serves until Ctrl-C or SIGTERM, on a runtime of its own, as [`Server::serve`] does on the program's: it accepts
    /// no more then, lets running calls end for a while and returns. A second signal ends the process at once.
    ///
    /// It returns a few seconds after the [grace](Self::grace) at most, also when the program's own code blocks: a blocking
    /// handler that does not end, or a thread that reads standard input, is left behind, to end with the process.
    ///
    /// The environment is heeded, and warnings are logged, as by [`Server::serve`].
    ///
    /// # Errors
    ///
    /// As for [`build`](Self::build) and [`Server::serve`]; [`StartProblem::InsideRuntime`] inside a tokio runtime, such as
    /// that of `#[tokio::main]`.
    pub fn run(self) -> Result<(), StartError> {
        if Handle::try_current().is_ok() {
            return Err(StartError::new("server", vec![StartProblem::InsideRuntime]));
        }
        if is_asked_for_handlers() {
            let (tables, problems) = self.tables();
            StartError::check("server", problems)?;
            for (_, table) in &tables {
                print!("{table}");
            }
            return Ok(());
        }
        log_to_standard_error();
        let grace = self.grace;
        let runtime = Builder::new_multi_thread().enable_all().build().map_err(system)?;
        // Time has a runtime of its own, on this thread: the program may block all threads of the other.
        let clock = Builder::new_current_thread().enable_time().build().map_err(system)?;
        // Before any peer can know that the server is there: a signal must not end it the rough way.
        let mut signal = Signal::next().map_err(system)?;
        // The server gets it from here: one that has nothing left would end before this thread knows that it was for a signal.
        let (pass_on, for_server) = Signal::passed_on();
        let mut serving = runtime.spawn(async move { self.build()?.serve_until(for_server, |_| ()).await });
        let (served, end) = clock.block_on(async {
            tokio::select! {
                served = &mut serving => (Some(served), Instant::now()),
                () = signal.received() => {
                    // Here, since the threads of the other runtime may be blocked.
                    announce_end(grace);
                    // One that is over needs none.
                    let _ = pass_on.send(());
                    let end = deadline::after(grace);
                    let limit = deadline::bounded(grace) + LAST_CALL + LAST_RESPONSE;
                    (timeout(limit, &mut serving).await.ok(), end)
                }
            }
        });
        // Jobs on the blocking pool have what is left of the grace. Nothing can end them.
        runtime.shutdown_timeout(end.saturating_duration_since(Instant::now()));
        served.map_or(Ok(()), |served| {
            served.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
        })
    }
}
