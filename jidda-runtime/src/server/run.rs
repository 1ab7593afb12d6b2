//! A whole program in one call: runtime, signals, graceful end.

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::{LAST_CALL, LAST_RESPONSE, Server, ServerBuilder};
use crate::deadline;
use crate::error::Error;

/// The variable that replaces the address of [`run`](ServerBuilder::run).
const LISTEN: &str = "JIDDA_LISTEN";
/// The variable that makes `run` print the handlers and end.
const HANDLERS: &str = "JIDDA_HANDLERS";

/// The exit code of a program that a second signal ended.
const INTERRUPTED: i32 = 130;

/// What `jidda::run!` does.
///
/// # Errors
///
/// As for [`ServerBuilder::run`].
pub fn run(address: &str, links: &[&'static str]) -> Result<(), Error> {
    let builder = Server::builder().listen(address);
    links.iter().fold(builder, |builder, link| builder.link(link)).run()
}

impl ServerBuilder {
    /// Serves until Ctrl-C or SIGTERM, on a runtime of its own; then accepts no more, lets running calls end
    /// for a while and returns. A second signal ends the process at once.
    ///
    /// It returns a few seconds after the [grace](Self::grace) at most, also when the program's own code blocks: a blocking
    /// handler that does not end, or a thread that reads standard input, is left behind, to end with the process.
    ///
    /// `JIDDA_LISTEN=host:port` replaces the addresses; `JIDDA_HANDLERS=1` prints the handlers and returns.
    /// Unless the program has installed a `tracing` subscriber, warnings and errors go to standard error;
    /// `RUST_LOG=debug` (or `info`, `trace`, `off`) makes that more or less.
    ///
    /// # Errors
    ///
    /// No handlers, no address, and what [`start`](Self::start) can meet.
    ///
    /// # Panics
    ///
    /// Inside a tokio runtime.
    pub fn run(mut self) -> Result<(), Error> {
        if let Ok(address) = std::env::var(LISTEN) {
            self.listen = vec![address];
        }
        if std::env::var_os(HANDLERS).is_some_and(|value| !value.is_empty() && value != "0") {
            for (_, table) in self.tables()? {
                print!("{table}");
            }
            return Ok(());
        }
        log_to_standard_error();
        let grace = self.grace;
        let runtime = Builder::new_multi_thread().enable_all().build()?;
        // Signals and the end have a runtime of their own, on this thread: the program may block all threads of the other.
        let watching = Builder::new_current_thread().enable_all().build()?;
        let outcome = watching.block_on(async {
            // Before anyone can know that the server is there: a signal must not end it the rough way.
            let mut signals = Signals::new()?;
            let Some(server) = self.serve(runtime.handle(), &mut signals).await? else { return Ok(None) };
            println!("jidda stops: running calls have {} s", grace.as_secs());
            let end = deadline::after(grace);
            let shutdown = runtime.spawn(async move { server.shutdown(grace).await });
            // Its own time-outs are those of the other runtime, which may be blocked.
            let limit = deadline::bounded(grace) + LAST_CALL + LAST_RESPONSE;
            tokio::select! {
                _ = timeout(limit, shutdown) => {}
                () = signals.next() => std::process::exit(INTERRUPTED),
            }
            Ok(Some((end, signals)))
        });
        let Ok(Some((end, mut signals))) = outcome else {
            runtime.shutdown_background();
            return outcome.map(|_| ());
        };
        // Jobs on the blocking pool have what is left of the grace. Nothing can end them.
        let (ended, end_of_jobs) = oneshot::channel();
        std::thread::spawn(move || {
            runtime.shutdown_timeout(end.saturating_duration_since(Instant::now()));
            let _ = ended.send(());
        });
        watching.block_on(async {
            tokio::select! {
                _ = end_of_jobs => {}
                () = signals.next() => std::process::exit(INTERRUPTED),
            }
        });
        Ok(())
    }

    /// Starts the server and waits for the first signal. There is no server when that came before.
    async fn serve(self, runtime: &Handle, signals: &mut Signals) -> Result<Option<Server>, Error> {
        if self.listen.is_empty() && self.dials.is_empty() {
            return Err(Error::new(
                "start",
                "there is no address to listen at: add `.listen(\"host:port\")`",
            ));
        }
        let has_proxies = !self.proxies.is_empty();
        let dials: Vec<_> = self.dials.iter().map(|dial| format!("dials {dial}")).collect();
        let starting = runtime.spawn(self.start());
        let started = tokio::select! {
            started = starting => started,
            () = signals.next() => return Ok(None),
        };
        let server = started.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        let apps = server.inner.apps.all();
        let handlers: usize = apps.iter().map(|app| app.hub.table.handlers().count()).sum();
        if handlers == 0 && !has_proxies {
            return Err(Error::new(
                "start",
                "there are no handlers: annotate a function with `#[on]`, and if it is in another crate name \
                 that crate in `link = [..]`",
            ));
        }
        let addresses: Vec<_> = server.addresses().iter().map(ToString::to_string).collect();
        let listens = (!addresses.is_empty()).then(|| format!("listens on {}", addresses.join(", ")));
        let what: Vec<_> = listens.into_iter().chain(dials).collect();
        let plural = if handlers == 1 { "" } else { "s" };
        println!("jidda {} with {handlers} handler{plural}", what.join(", "));
        signals.next().await;
        Ok(Some(server))
    }
}

/// An internal error is told to its caller by an id; its text must not end nowhere.
fn log_to_standard_error() {
    let level = std::env::var("RUST_LOG").ok().and_then(|level| level.parse().ok());
    let level = level.unwrap_or(tracing_subscriber::filter::LevelFilter::WARN);
    // The program may have one of its own; then that one it is.
    let _ = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).try_init();
}

/// Ctrl-C and, where there is such a thing, SIGTERM.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    #[allow(clippy::unnecessary_wraps)]
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
