//! What a server needs to listen.

use std::io;

use socket2::SockRef;

use super::listen::{Listen, Target};
use crate::config::Config;
use crate::error::{StartError, StartProblem};
use crate::handler::{AppKey, RegisteredConfigureSocket};
use crate::objects::Hub;
use crate::observe::{self, FailureOrigin};
use crate::transport::{Address, AddressError, Adopted, KeepAlive, Listener, ServerSecrets};

pub(super) type ConfigureSocket = Box<dyn Fn(&SockRef<'_>) -> io::Result<()> + Send + Sync>;

/// Where a server listens.
struct Place {
    address: Address,
    /// The socket, where one was given that listens already.
    socket: Option<Adopted>,
}

/// The addresses of a server, and how its sockets are made.
pub(super) struct Listening {
    places: Vec<Place>,
    secrets: ServerSecrets,
    configure: Vec<ConfigureSocket>,
    keep_alive: KeepAlive,
}

impl Listening {
    /// Reads the addresses; what is wrong is added to the problems.
    pub(super) fn check(
        targets: Vec<Listen>,
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
        let mut listening = Self { places: Vec::new(), secrets, configure, keep_alive };
        problems.extend(listening.replace(targets));
        listening
    }

    /// Takes other addresses. Gives what is wrong with them.
    #[must_use]
    pub(super) fn replace(&mut self, targets: Vec<Listen>) -> Vec<StartProblem> {
        let (mut problems, mut places) = (Vec::new(), Vec::new());
        for target in targets {
            match Place::of(target) {
                Ok(place) => places.push(place),
                Err(problem) => problems.push(problem),
            }
        }
        self.places = places;
        if problems.is_empty() {
            let addresses: Vec<_> = self.places.iter().map(|place| place.address.clone()).collect();
            let message = self.secrets.problem(&addresses, "");
            problems.extend(message.map(|message| StartProblem::Encryption { message }));
        }
        problems
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Listens at all addresses. What the program's own functions do wrong is reported to `hub`.
    ///
    /// # Errors
    ///
    /// Each address that cannot be listened at; then none is.
    pub(super) async fn bind(&self, hub: &Hub) -> Result<(Vec<Listener>, Vec<Address>), StartError> {
        let configure = |socket: &SockRef<'_>| {
            let place = observe::Place::apart(FailureOrigin::Hook, "configure_socket");
            let panicked = || Err(io::Error::other("a `configure_socket` hook panicked"));
            let run = |hook: &ConfigureSocket| hub.run(place, || hook(socket)).unwrap_or_else(panicked);
            self.configure.iter().try_for_each(run)
        };
        let (mut listeners, mut bound, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for Place { address, socket } in &self.places {
            let listener = match socket {
                None => Listener::bind(address, &configure, &self.secrets, self.keep_alive).await,
                Some(socket) => Listener::adopt(socket, &configure, &self.secrets, self.keep_alive),
            };
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

impl Place {
    fn of(target: Listen) -> Result<Self, StartProblem> {
        let shown = target.to_string();
        let wrong = |message: String| StartProblem::InvalidAddress { address: shown, message };
        match target.0 {
            Target::Address(address) => Ok(Self { address, socket: None }),
            Target::Text(text) => {
                let address = text.parse().map_err(|error: AddressError| wrong(error.to_string()))?;
                Ok(Self { address, socket: None })
            }
            Target::Socket(socket) => {
                let address =
                    socket.address().map_err(|error| wrong(format!("cannot use a socket: {error}")))?;
                Ok(Self { address, socket: Some(socket) })
            }
        }
    }
}
