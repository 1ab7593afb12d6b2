//! The static entries that the macros write, one a handler, and how they reach the program that runs them.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;

use super::contract::{AppKey, Contract, ContractEvent, Side};
use super::{Glue, MiddlewareFunction, Needs};
use crate::location::Location;

/// The type whose methods are handlers, and how to make one when the program gave none.
#[derive(Clone, Copy)]
pub struct ServiceKey {
    id: fn() -> TypeId,
    name: fn() -> &'static str,
    default: fn() -> Option<Arc<dyn Any + Send + Sync>>,
}

impl ServiceKey {
    /// The key of service `S`; `default` makes one if `S` implements `Default`.
    pub const fn of<S: 'static>(default: fn() -> Option<Arc<dyn Any + Send + Sync>>) -> Self {
        Self { id: TypeId::of::<S>, name: std::any::type_name::<S>, default }
    }

    /// The type's identity.
    pub fn id(&self) -> TypeId {
        (self.id)()
    }

    /// The type's name.
    pub fn name(&self) -> &'static str {
        (self.name)()
    }

    /// A default instance, if the type has one.
    pub fn default_instance(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        (self.default)()
    }
}

impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One argument that a caller sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArgumentEntry {
    /// The argument's name in the handler's signature.
    pub name: &'static str,
    /// Its type as written.
    pub type_name: &'static str,
}

/// One handler: what it is called, what it takes and returns, where it stands, and how to run it.
///
/// The macros build one in a `static` and submit it, so that a program finds every handler linked into it.
// Independent things that a handler may say of itself.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Copy)]
pub struct HandlerEntry {
    pub(crate) event: &'static str,
    pub(crate) glue: Glue,
    pub(crate) location: Location,
    pub(crate) side: Side,
    pub(crate) app: AppKey,
    pub(crate) namespace: &'static str,
    pub(crate) service: Option<ServiceKey>,
    pub(crate) needs: Option<fn(&mut Needs)>,
    pub(crate) arguments: &'static [ArgumentEntry],
    pub(crate) reply: &'static str,
    pub(crate) error: Option<&'static str>,
    pub(crate) allow: &'static [&'static str],
    pub(crate) sequential: bool,
    pub(crate) blocking: bool,
    pub(crate) streaming: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) docs: &'static str,
    pub(crate) deprecated: bool,
}

impl HandlerEntry {
    /// A server's handler for `event` in the root namespace of the default app.
    pub const fn new(event: &'static str, glue: Glue, location: Location) -> Self {
        Self {
            event,
            glue,
            location,
            side: Side::Server,
            app: AppKey::of::<()>(),
            namespace: "/",
            service: None,
            needs: None,
            arguments: &[],
            reply: "()",
            error: None,
            allow: &[],
            sequential: false,
            blocking: false,
            streaming: false,
            timeout: None,
            docs: "",
            deprecated: false,
        }
    }

    /// The namespace, such as `/chat`, or a family, such as `/orders/{id}`.
    #[must_use]
    pub const fn namespaced(mut self, namespace: &'static str) -> Self {
        self.namespace = namespace;
        self
    }

    /// The end that runs the handler.
    #[must_use]
    pub const fn on_side(mut self, side: Side) -> Self {
        self.side = side;
        self
    }

    /// The app it belongs to.
    #[must_use]
    pub const fn in_app(mut self, app: AppKey) -> Self {
        self.app = app;
        self
    }

    /// Takes namespace, side, app and the event's options from a contract.
    #[must_use]
    pub const fn under(mut self, contract: Contract, event: ContractEvent) -> Self {
        self.namespace = contract.namespace;
        self.side = contract.side;
        self.app = contract.app;
        self.event = event.event;
        self.allow = event.allow;
        self.sequential = event.sequential;
        if let Some(milliseconds) = event.timeout_ms {
            self.timeout = Some(Duration::from_millis(milliseconds));
        }
        self.docs = event.docs;
        self.deprecated = event.deprecated;
        self
    }

    /// The type the handler is a method of.
    #[must_use]
    pub const fn of_service(mut self, service: ServiceKey) -> Self {
        self.service = Some(service);
        self
    }

    /// What the borrowed arguments need the server to have.
    #[must_use]
    pub const fn needing(mut self, needs: fn(&mut Needs)) -> Self {
        self.needs = Some(needs);
        self
    }

    /// What a caller sends.
    #[must_use]
    pub const fn taking(mut self, arguments: &'static [ArgumentEntry]) -> Self {
        self.arguments = arguments;
        self
    }

    /// The types of the reply and, for a fallible handler, of its error, as written.
    #[must_use]
    pub const fn returning(mut self, reply: &'static str, error: Option<&'static str>) -> Self {
        self.reply = reply;
        self.error = error;
        self
    }

    /// The permissions of which a caller needs one.
    #[must_use]
    pub const fn allowing(mut self, permissions: &'static [&'static str]) -> Self {
        self.allow = permissions;
        self
    }

    /// Calls of this socket's sequential handlers run one after the other.
    #[must_use]
    pub const fn sequentially(mut self) -> Self {
        self.sequential = true;
        self
    }

    /// The handler runs on the blocking pool (its glue sees to it; this is for listings).
    #[must_use]
    pub const fn on_blocking_pool(mut self) -> Self {
        self.blocking = true;
        self
    }

    /// The handler replies with a stream: the type of the reply is the one of its items.
    #[must_use]
    pub const fn with_stream(mut self) -> Self {
        self.streaming = true;
        self
    }

    /// How long the handler may run, in milliseconds.
    #[must_use]
    pub const fn within_ms(mut self, milliseconds: u64) -> Self {
        self.timeout = Some(Duration::from_millis(milliseconds));
        self
    }

    /// The handler's documentation.
    #[must_use]
    pub const fn documented(mut self, docs: &'static str) -> Self {
        self.docs = docs;
        self
    }

    /// Marks the handler as one that new callers should not use.
    #[must_use]
    pub const fn marked_deprecated(mut self) -> Self {
        self.deprecated = true;
        self
    }

    /// The event's name; `*` for a catch-all.
    pub fn event(&self) -> &'static str {
        self.event
    }

    /// The namespace, or family of namespaces.
    pub fn namespace(&self) -> &'static str {
        self.namespace
    }

    /// The end that runs it.
    pub fn side(&self) -> Side {
        self.side
    }

    /// The app it belongs to.
    pub fn app(&self) -> AppKey {
        self.app
    }

    /// What a caller sends, in order.
    pub fn arguments(&self) -> &'static [ArgumentEntry] {
        self.arguments
    }

    /// The reply's type as written.
    pub fn reply(&self) -> &'static str {
        self.reply
    }

    /// The error's type as written, for a fallible handler.
    pub fn error(&self) -> Option<&'static str> {
        self.error
    }

    /// Whether it may be run right away: there is nothing that its caller needs, and no limit.
    pub(super) fn is_unbound(&self) -> bool {
        self.allow.is_empty() && !self.sequential && !self.streaming && self.timeout.is_none()
    }

    /// The permissions of which a caller needs one; none when everyone may call it.
    pub fn allow(&self) -> &'static [&'static str] {
        self.allow
    }

    /// Whether calls wait for earlier ones of the same socket.
    pub fn is_sequential(&self) -> bool {
        self.sequential
    }

    /// Whether it runs on the blocking pool.
    pub fn is_blocking(&self) -> bool {
        self.blocking
    }

    /// Whether it replies with a stream; [`reply`](Self::reply) is then the type of its items.
    pub fn is_streaming(&self) -> bool {
        self.streaming
    }

    /// How long it may run.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Its documentation.
    pub fn docs(&self) -> &'static str {
        self.docs
    }

    /// Whether new callers should not use it.
    pub fn is_deprecated(&self) -> bool {
        self.deprecated
    }

    /// Where it is written.
    pub fn location(&self) -> Location {
        self.location
    }
}

impl fmt::Debug for HandlerEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} at {}", self.namespace, self.event, self.location)
    }
}

/// One middleware: where it applies, in which order, and how to run it.
#[derive(Clone, Copy)]
pub struct MiddlewareEntry {
    pub(crate) name: &'static str,
    pub(crate) run: MiddlewareFunction,
    pub(crate) location: Location,
    pub(crate) side: Side,
    pub(crate) app: AppKey,
    pub(crate) namespace: Option<&'static str>,
    pub(crate) order: i32,
}

impl MiddlewareEntry {
    /// A middleware around every call of a server of the default app.
    pub const fn new(name: &'static str, run: MiddlewareFunction, location: Location) -> Self {
        Self { name, run, location, side: Side::Server, app: AppKey::of::<()>(), namespace: None, order: 0 }
    }

    /// Only for this namespace or family.
    #[must_use]
    pub const fn namespaced(mut self, namespace: &'static str) -> Self {
        self.namespace = Some(namespace);
        self
    }

    /// The end that runs it.
    #[must_use]
    pub const fn on_side(mut self, side: Side) -> Self {
        self.side = side;
        self
    }

    /// The app it belongs to.
    #[must_use]
    pub const fn in_app(mut self, app: AppKey) -> Self {
        self.app = app;
        self
    }

    /// Lower runs first, outermost; equal ones in the order of file and line.
    #[must_use]
    pub const fn ordered(mut self, order: i32) -> Self {
        self.order = order;
        self
    }
}

impl fmt::Debug for MiddlewareEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "middleware {} at {}", self.name, self.location)
    }
}

/// One hook that sees a listening socket before it listens.
#[derive(Clone, Copy)]
pub struct ConfigureSocketEntry {
    pub(crate) run: fn(&SockRef<'_>) -> std::io::Result<()>,
    pub(crate) location: Location,
    pub(crate) app: AppKey,
}

impl ConfigureSocketEntry {
    /// A hook of the default app.
    pub const fn new(run: fn(&SockRef<'_>) -> std::io::Result<()>, location: Location) -> Self {
        Self { run, location, app: AppKey::of::<()>() }
    }

    /// The app it belongs to.
    #[must_use]
    pub const fn in_app(mut self, app: AppKey) -> Self {
        self.app = app;
        self
    }
}

impl fmt::Debug for ConfigureSocketEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "configure_socket at {}", self.location)
    }
}

/// A handler as submitted to the program's inventory.
#[derive(Clone, Copy, Debug)]
pub struct Registered(pub &'static HandlerEntry);

/// A middleware as submitted to the program's inventory.
#[derive(Clone, Copy, Debug)]
pub struct RegisteredMiddleware(pub &'static MiddlewareEntry);

/// A socket hook as submitted to the program's inventory.
#[derive(Clone, Copy, Debug)]
pub struct RegisteredConfigureSocket(pub &'static ConfigureSocketEntry);

inventory::collect!(Registered);
inventory::collect!(RegisteredMiddleware);
inventory::collect!(RegisteredConfigureSocket);
