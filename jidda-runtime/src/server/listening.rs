//! What a server needs to listen.

use std::io;

use socket2::SockRef;

use crate::config::Config;
use crate::error::{StartError, StartProblem};
use crate::handler::{AppKey, RegisteredConfigureSocket};
use crate::objects::Hub;
use crate::observe::{FailureOrigin, Place};
use crate::transport::{Address, AddressError, KeepAlive, Listener, ServerSecrets};

pub(super) type ConfigureSocket = Box<dyn Fn(&SockRef<'_>) -> io::Result<()> + Send + Sync>;

/// The addresses of a server, and how its sockets are made.
pub(super) struct Listening {
    addresses: Vec<Address>,
    secrets: ServerSecrets,
    configure: Vec<ConfigureSocket>,
    keep_alive: KeepAlive,
}

impl Listening {
    /// Reads the addresses; what is wrong is added to the problems.
    pub(super) fn check(
        addresses: &[String],
        secrets: ServerSecrets,
        mut configure: Vec<ConfigureSocket>,
        app: AppKey,
        config: &Config,
        problems: &mut Vec<StartProblem>,
    ) -> Self {
        let linked = inventory::iter::<RegisteredConfigureSocket>();
        for RegisteredConfigureSocket(entry) in linked.filter(|entry| entry.0.app.id() == app.id()) {
            configure.insert(0, Box::new(entry.run));
        }
        let keep_alive = KeepAlive { after: config.tcp_keepalive, patience: config.slow_consumer };
        let mut listening = Self { addresses: Vec::new(), secrets, configure, keep_alive };
        problems.extend(listening.replace(addresses));
        listening
    }

    /// Takes other addresses.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    #[must_use]
    pub(super) fn replace(&mut self, addresses: &[String]) -> Vec<StartProblem> {
        let mut problems = Vec::new();
        self.addresses.clear();
        for address in addresses {
            match address.parse() {
                Ok(parsed) => self.addresses.push(parsed),
                Err(error) => {
                    let error: AddressError = error;
                    let (address, message) = (address.clone(), error.to_string());
                    problems.push(StartProblem::InvalidAddress { address, message });
                }
            }
        }
        if problems.is_empty() {
            let message = self.secrets.problem(&self.addresses, "");
            problems.extend(message.map(|message| StartProblem::Encryption { message }));
        }
        problems
    }

    pub(super) fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// Listens at all addresses. What the program's own functions do wrong is reported to `hub`.
    ///
    /// # Errors
    ///
    /// Each address that cannot be listened at; then none is.
    pub(super) async fn bind(&self, hub: &Hub) -> Result<(Vec<Listener>, Vec<Address>), StartError> {
        let configure = |socket: &SockRef<'_>| {
            let place = Place::apart(FailureOrigin::Hook, "configure_socket");
            let panicked = || Err(io::Error::other("a `configure_socket` hook panicked"));
            let run = |hook: &ConfigureSocket| hub.run(place, || hook(socket)).unwrap_or_else(panicked);
            self.configure.iter().try_for_each(run)
        };
        let (mut listeners, mut bound, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for address in &self.addresses {
            let listener = Listener::bind(address, &configure, &self.secrets, self.keep_alive).await;
            let listener = listener.and_then(|listener| Ok((listener.addresses()?, listener)));
            match listener {
                Ok((addresses, listener)) => {
                    bound.extend(addresses);
                    listeners.push(listener);
                }
                Err(error) => problems.push(StartProblem::Listen { address: address.to_string(), error }),
            }
        }
        StartError::check("server", problems)?;
        Ok((listeners, bound))
    }
}
