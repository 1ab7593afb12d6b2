//! What is set on servers and clients alike: handlers, state, limits, hooks.

use std::any::TypeId;
use std::collections::HashMap;

use crate::config::Config;
use crate::handler::{HandlerEntry, HandlerList, Side, State, TableBuilder};
use crate::objects::{Extras, HeartbeatPolicy, Policies, Watch};
use crate::observe::{ErrorHook, ErrorReport};

/// The part that the builders of servers and of clients have in common.
pub(crate) struct ConnectionOptions {
    pub(crate) table: TableBuilder,
    pub(crate) config: Config,
    pub(crate) policies: Policies,
    pub(crate) states: States,
}

/// The values that handlers borrow as `&State<T>`, and those that a server keeps with its hubs for itself; each app of a
/// server has the same ones.
#[derive(Default)]
pub(crate) struct States(HashMap<TypeId, Box<dyn Fn() -> Extras + Send + Sync>>);

impl States {
    /// Adds state of the type `T`.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        let state = State::new(value);
        self.0.insert(TypeId::of::<T>(), Box::new(move || Box::new(state.clone())));
    }

    /// Adds a value that handlers cannot borrow.
    pub(crate) fn insert_own<T: Clone + Send + Sync + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Box::new(move || Box::new(value.clone())));
    }

    pub(crate) fn share(&self) -> HashMap<TypeId, Extras> {
        self.0.iter().map(|(id, state)| (*id, state())).collect()
    }
}

impl ConnectionOptions {
    pub(crate) fn new(side: Side) -> Self {
        Self {
            table: TableBuilder::new(side),
            config: Config::default(),
            policies: Policies::default(),
            states: States::default(),
        }
    }

    /// Changes the table.
    pub(crate) fn table(mut self, change: impl FnOnce(TableBuilder) -> TableBuilder) -> Self {
        self.table = change(self.table);
        self
    }

    pub(crate) fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.states.insert(value);
        self.table(TableBuilder::state::<T>)
    }

    pub(crate) fn handlers(self, handlers: impl IntoIterator<Item = &'static HandlerEntry>) -> Self {
        self.table(|table| table.handlers(HandlerList::Explicit(handlers.into_iter().collect())))
    }

    pub(crate) fn on_error(&mut self, hook: impl Fn(&ErrorReport) + Send + Sync + 'static) {
        self.policies.on_error = Some(ErrorHook::new(hook));
    }

    pub(crate) fn heartbeat_policy(&mut self, policy: impl HeartbeatPolicy) {
        self.policies.heartbeat = Some(Watch::new(policy));
    }
}

/// Writes setters of limits for a builder that has the `options`.
macro_rules! limits {
    ($($(#[$docs:meta])* $name:ident: $type:ty;)*) => {$(
        $(#[$docs])*
        pub fn $name(mut self, value: $type) -> Self {
            self.options.config.$name = value;
            self
        }
    )*};
}
pub(crate) use limits;

/// Writes the setters that servers and clients have in common, for a builder that has the `options`.
macro_rules! common_settings {
    ($builder:ty) => {
        impl $builder {
            /// Provides the service its handlers are methods of. On a server, one that implements `Default` needs no
            /// mention; a client runs the `side = client` handlers of the services it is given.
            pub fn service<S: Send + Sync + 'static>(mut self, service: S) -> Self {
                self.options = self.options.table(|table| table.service(service));
                self
            }

            /// Provides a value that handlers borrow as `&State<T>`.
            pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
                self.options = self.options.state(value);
                self
            }

            /// Runs these handlers instead of all that are linked into the program.
            pub fn handlers(
                mut self,
                handlers: impl IntoIterator<Item = &'static $crate::handler::HandlerEntry>,
            ) -> Self {
                self.options = self.options.handlers(handlers);
                self
            }

            /// Shows `hook` everything that fails in the program's own code: internal errors, panics, errors and
            /// refusals that handlers return, what runs out of time; of events, `connect`, `disconnect`, closures,
            /// hooks, jobs and destructors. [`ErrorReport::kind`](crate::ErrorReport::kind) is there to choose by. It
            /// replaces the log, where internal errors and panics would go; it runs where the failure happened and should
            /// be quick.
            ///
            /// ```
            /// # let builder = jidda::Server::builder();
            /// use jidda::report::FailureKind;
            ///
            /// let builder = builder.on_error(|report| {
            ///     if matches!(report.kind(), FailureKind::Internal | FailureKind::Panic) {
            ///         eprintln!("{report}");
            ///     }
            /// });
            /// ```
            pub fn on_error(mut self, hook: impl Fn(&$crate::ErrorReport) + Send + Sync + 'static) -> Self {
                self.options.on_error(hook);
                self
            }

            /// Watches whether peers are alive in another way; takes the place of [`heartbeat`](Self::heartbeat) and
            /// [`heartbeat_timeout`](Self::heartbeat_timeout).
            pub fn heartbeat_policy(mut self, policy: impl $crate::HeartbeatPolicy) -> Self {
                self.options.heartbeat_policy(policy);
                self
            }

            /// How long a call waits for its reply when the call itself does not say; `None` for no limit but the
            /// connection's life. Default: 30 s for a server's calls, since clients of Socket.IO answer nothing where they
            /// have no handler; `None` for a client's. Streams have no limit.
            pub fn call_timeout(mut self, limit: impl Into<Option<std::time::Duration>>) -> Self {
                self.options.config.call_timeout = limit.into();
                self
            }

            // `Duration::MAX` and `usize::MAX` stand for no limit; what nothing could keep is an error at start.
            $crate::connection_options::limits! {
                /// The largest message in bytes, either way. Default: 1,000,000; never more than 4 GiB. The limit of the
                /// other side is kept as well.
                max_message: usize;
                /// How deep arrays and maps may nest in one message. Default: 64; never more than 1024.
                max_depth: usize;
                /// How many events of one connection may run at once; their arguments together have no more bytes than
                /// sixteen messages. Default: 1024.
                max_in_flight: usize;
                /// How many bytes may wait for a peer to read them before `emit` waits. Default: 1 MiB.
                max_outbox: usize;
                /// How long a peer may read nothing of what waits for it. Default: 10 s.
                slow_consumer: std::time::Duration;
                /// How long a connection may be idle before the peer has to show that it is alive. Default: 25 s; at least
                /// a millisecond, and never more than 12 days.
                heartbeat: std::time::Duration;
                /// How long the answer to that may take. Default: 20 s, with the same bounds.
                heartbeat_timeout: std::time::Duration;
                /// How long a handler may run without waiting before the log names it: meanwhile it keeps all other
                /// connections of its thread waiting. Default: 500 ms.
                blocking_limit: std::time::Duration;
                /// How long a `disconnect` handler may run. Default: 30 s.
                disconnect_timeout: std::time::Duration;
            }
        }
    };
}
pub(crate) use common_settings;
