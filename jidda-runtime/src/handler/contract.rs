//! What contracts and entries both name: the end that runs a handler, its app, and what a contract says of its events.

use std::any::TypeId;
use std::fmt;

/// Which end of a connection runs a handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The end that accepted the connection.
    Server,
    /// The end that opened it.
    Client,
}

impl Side {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The app a handler belongs to, so that one process can run several servers. The default app is `()`.
#[derive(Clone, Copy)]
pub struct AppKey {
    id: fn() -> TypeId,
    name: fn() -> &'static str,
}

impl AppKey {
    /// The key of the app marked by type `A`.
    pub const fn of<A: 'static>() -> Self {
        Self { id: TypeId::of::<A>, name: std::any::type_name::<A> }
    }

    /// The marker's identity.
    pub fn id(&self) -> TypeId {
        (self.id)()
    }

    /// The marker's name; `()` for the default app.
    pub fn name(&self) -> &'static str {
        (self.name)()
    }
}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a contract trait says of itself, for the `impl` blocks that fulfil it.
#[derive(Clone, Copy, Debug)]
pub struct Contract {
    /// The namespace, or family of namespaces.
    pub namespace: &'static str,
    /// The end that runs the handlers.
    pub side: Side,
    /// The app they belong to.
    pub app: AppKey,
}

/// What a contract trait says of one of its events.
#[derive(Clone, Copy, Debug)]
pub struct ContractEvent {
    /// The event's name.
    pub event: &'static str,
    /// The permissions of which a caller needs one; none for everyone.
    pub allow: &'static [&'static str],
    /// Whether calls wait for earlier ones.
    pub sequential: bool,
    /// How long the handler may run, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// The documentation of the method.
    pub docs: &'static str,
    /// Whether new callers should not use it.
    pub deprecated: bool,
}
