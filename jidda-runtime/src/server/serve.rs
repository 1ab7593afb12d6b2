//! Serving until a signal: what [`Server::serve`] and `run` have in common.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::builder::ServerBuilder;
use super::handle::{Idle, Server};
use super::signals::Signal;
use crate::error::{StartError, StartProblem};
use crate::foreign::printable;

/// The variable that replaces the addresses.
const LISTEN: &str = "JIDDA_LISTEN";
/// The variable that makes a server print its handlers and end.
const HANDLERS: &str = "JIDDA_HANDLERS";

impl Server {
    /// Listens and serves until Ctrl-C or SIGTERM, or until [`shutdown`](Self::shutdown) is called; then accepts no
    /// more, lets running calls end for a while and returns. It is what [`run`](ServerBuilder::run) does, for programs
    /// that have a runtime of their own.
    ///
    /// After the first signal running calls have the [grace](ServerBuilder::grace), and a second signal ends the process
    /// at once. Once a server has served, signals are not the system's any more: each later one ends the process, too.
    ///
    /// `JIDDA_LISTEN=host:port` replaces the addresses (several are separated by commas); `JIDDA_HANDLERS=1` prints the
    /// handlers and returns. Unless the program has installed a `tracing` subscriber, warnings and errors go to standard
    /// error; `RUST_LOG=debug` (or `info`, `trace`, `off`) makes that more or less.
    ///
    /// ```no_run
    /// use jidda::Server;
    ///
    /// # async fn connect_to_database() -> std::io::Result<()> { Ok(()) }
    /// #[tokio::main]
    /// async fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let database = connect_to_database().await?;
    ///     let server = Server::builder().listen("127.0.0.1:8000").state(database).build()?;
    ///     server.serve().await?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// No handlers, no address, and what [`listen`](Self::listen) can meet.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops this handle; with the last one the server accepts no more.
    pub async fn serve(self) -> Result<(), StartError> {
        if is_asked_for_handlers() {
            for app in self.inner.apps.all() {
                print!("{}", app.hub.table);
            }
            return Ok(());
        }
        log_to_standard_error();
        let signal = Signal::next().map_err(system)?;
        self.serve_until(signal, announce_end).await
    }

    /// Waits for Ctrl-C or SIGTERM and shuts the server down then, with its [grace](ServerBuilder::grace); a second
    /// signal ends the process at once. It is for servers whose port another server has:
    ///
    /// ```no_run
    /// # use jidda::Server;
    /// # async fn example(server: Server, listener: tokio::net::TcpListener, router: axum::Router) -> std::io::Result<()> {
    /// axum::serve(listener, router).with_graceful_shutdown(server.shutdown_on_signal()).await
    /// # }
    /// ```
    ///
    /// The future is also ready when a [`shutdown`](Self::shutdown) that was called elsewhere has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before the signal leaves the server as it is; after it, draining without a deadline.
    pub fn shutdown_on_signal(&self) -> impl Future<Output = ()> + Send + 'static {
        let (server, signal) = (self.clone(), Signal::next());
        async move {
            match signal {
                Ok(signal) => server.wait_for_end(signal, announce_end).await,
                Err(error) => {
                    tracing::error!(error = %printable(&error), "cannot watch for signals");
                    server.inner.ended.cancelled().await;
                }
            }
        }
    }

    /// Waits for the signal and shuts down then, after a call of `ending`; or until the server was shut down elsewhere.
    async fn wait_for_end(self, mut signal: Signal, ending: fn(Duration)) {
        tokio::select! {
            () = self.stopping() => {
                tokio::select! {
                    () = self.inner.ended.cancelled() => return,
                    () = signal.received() => {}
                }
            }
            () = signal.received() => {}
        }
        let grace = self.inner.grace;
        ending(grace);
        self.shutdown(grace).await;
    }

    /// Serves until the signal, and calls `ending` then.
    pub(super) async fn serve_until(
        self,
        mut signal: Signal,
        ending: fn(Duration),
    ) -> Result<(), StartError> {
        let about = self.prepare().await?;
        tokio::select! {
            started = self.listen() => started?,
            () = signal.received() => return Ok(()),
        }
        self.announce(&about);
        self.wait_for_end(signal, ending).await;
        Ok(())
    }

    /// Takes addresses from the environment, and checks that there is something to serve.
    async fn prepare(&self) -> Result<About, StartError> {
        let mut problems = Vec::new();
        let mut about = About { dials: Vec::new(), handlers: self.handlers_by_crate() };
        if let Some(Idle { listening, dials }) = &mut *self.inner.idle.lock().await {
            if let Ok(addresses) = std::env::var(LISTEN) {
                let addresses = addresses.split(',').map(|address| address.trim().into()).collect();
                problems.extend(listening.replace(addresses));
            } else if listening.is_empty() && dials.is_empty() {
                problems.push(StartProblem::NoAddress);
            }
            about.dials = dials.iter().map(|dial| dial.address().to_string()).collect();
        }
        let passes_on = self.inner.apps.native().passes_on();
        if about.handlers.is_empty() && !passes_on {
            problems.push(StartProblem::NoHandlers);
        }
        StartError::check("server", problems)?;
        Ok(about)
    }

    fn handlers_by_crate(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for handler in self.inner.apps.all().iter().flat_map(|app| app.hub.table.handlers()) {
            *counts.entry(handler.location().crate_name()).or_default() += 1;
        }
        counts
    }

    fn announce(&self, about: &About) {
        let addresses: Vec<_> = self.addresses().iter().map(ToString::to_string).collect();
        let listens = (!addresses.is_empty()).then(|| format!("listens on {}", addresses.join(", ")));
        let dials = about.dials.iter().map(|address| format!("dials {address}"));
        let what: Vec<_> = listens.into_iter().chain(dials).collect();
        println!("jidda {} {}", what.join(", "), about.handlers_in_words());
    }
}

pub(super) fn announce_end(grace: Duration) {
    println!("jidda stops: running calls have {} s", grace.as_secs());
}

/// What a start line says.
struct About {
    dials: Vec<String>,
    handlers: BTreeMap<&'static str, usize>,
}

impl About {
    /// `with 3 handlers (1 in admin, 2 in chat)`: whoever misses one sees which crate is not linked.
    fn handlers_in_words(&self) -> String {
        let total: usize = self.handlers.values().sum();
        let mut text = format!("with {total} handler{}", if total == 1 { "" } else { "s" });
        for (place, (name, count)) in self.handlers.iter().enumerate() {
            let _ = write!(text, "{}{count} in {name}", if place == 0 { " (" } else { ", " });
        }
        if !self.handlers.is_empty() {
            text.push(')');
        }
        text
    }
}

impl ServerBuilder {
    /// [Builds](Self::build) a server and [serves](Server::serve).
    ///
    /// # Errors
    ///
    /// As for [`build`](Self::build) and [`Server::serve`].
    pub async fn serve(self) -> Result<(), StartError> {
        self.build()?.serve().await
    }
}

pub(super) fn is_asked_for_handlers() -> bool {
    std::env::var_os(HANDLERS).is_some_and(|value| !value.is_empty() && value != "0")
}

pub(super) fn system(error: std::io::Error) -> StartError {
    StartError::new("server", vec![StartProblem::System { error }])
}

/// Shows errors where the program has no subscriber of its own: the text of an internal error is only in the log.
pub(super) fn log_to_standard_error() {
    let level = std::env::var("RUST_LOG").ok().and_then(|level| level.parse().ok());
    let level = level.unwrap_or(tracing_subscriber::filter::LevelFilter::WARN);
    // It fails where there is one.
    let _ = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_line_names_the_crates_that_have_handlers() {
        let words = |handlers: &[(&'static str, usize)]| {
            About { dials: Vec::new(), handlers: handlers.iter().copied().collect() }.handlers_in_words()
        };
        assert_eq!(words(&[]), "with 0 handlers");
        assert_eq!(words(&[("chat", 1)]), "with 1 handler (1 in chat)");
        assert_eq!(words(&[("chat", 2), ("admin", 1)]), "with 3 handlers (1 in admin, 2 in chat)");
    }
}
