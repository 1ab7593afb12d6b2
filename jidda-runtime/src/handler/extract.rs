//! What a handler borrows: values that come from the connection.

use std::any::{Any, TypeId};
use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::route_id::RouteId;
use super::scope::Scope;
use crate::error::Error;
use crate::payload::Encoding;
use crate::peer::{Handshake, PeerAddress};

/// All that a handler may ask of the socket of an event.
pub trait Origin: Any + Send + Sync {
    /// The event of a route; `*` of a catch-all.
    fn event(&self, route: RouteId) -> &str;
    /// The service whose method the handler of a route is.
    fn service(&self, route: RouteId) -> Option<&(dyn Any + Send + Sync)>;
    /// A value of the server, kept by its type.
    fn state(&self, key: TypeId) -> Option<&(dyn Any + Send + Sync)>;
    /// A value of the socket, kept by its type.
    fn value(&self, key: TypeId) -> Option<Arc<dyn Any + Send + Sync>>;
    /// The namespace the socket joined, with its parameters filled in.
    fn namespace(&self) -> &str;
    /// The parameters of the namespace's pattern.
    fn parameters(&self) -> &[(Box<str>, Box<str>)];
    /// Whether the socket holds a permission.
    fn allows(&self, permission: &str) -> bool;
    /// What the peer said when it joined.
    fn handshake(&self) -> Handshake;
    /// The peer's address.
    fn peer(&self) -> PeerAddress;
    /// How values are written on this connection.
    fn encoding(&self) -> Encoding;
}

/// One event's origin and route: what [`FromConnection`] takes its values from.
#[derive(Clone)]
pub struct Context {
    origin: Arc<dyn Origin>,
    route: RouteId,
    event: Option<EventName>,
    scope: Option<Arc<Scope>>,
}

impl Context {
    /// The context of an event on `route`; `event` is its name if the route does not determine it (catch-alls).
    #[inline]
    pub fn new(origin: Arc<dyn Origin>, route: RouteId, event: Option<EventName>) -> Self {
        Self { origin, route, event, scope: None }
    }

    /// The same, with what the event was sent with.
    #[inline]
    pub(crate) fn within(mut self, scope: Option<Arc<Scope>>) -> Self {
        self.scope = scope;
        self
    }

    pub(crate) fn scope(&self) -> Option<&Scope> {
        self.scope.as_deref()
    }

    /// The socket's side of it.
    pub fn origin(&self) -> &Arc<dyn Origin> {
        &self.origin
    }

    /// Gives the socket's side of it back.
    #[inline]
    pub(crate) fn into_origin(self) -> Arc<dyn Origin> {
        self.origin
    }

    /// The route being run.
    pub fn route(&self) -> RouteId {
        self.route
    }

    /// The event's name.
    pub fn event(&self) -> &str {
        match &self.event {
            Some(event) => event,
            None => self.origin.event(self.route),
        }
    }

    /// The service whose method the handler is.
    ///
    /// # Panics
    ///
    /// When the route has no service of type `S`; the table is checked at start, so generated code cannot
    /// meet this.
    pub fn service<S: Any>(&self) -> &S {
        self.origin
            .service(self.route)
            .and_then(<dyn Any + Send + Sync>::downcast_ref)
            .expect("the table was checked at start")
    }

    /// The server's state of type `T`, if it has one.
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<&State<T>> {
        self.origin.state(TypeId::of::<T>())?.downcast_ref()
    }

    /// A clone of the value of type `T` kept with the socket.
    pub fn value<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.origin.value(TypeId::of::<T>())?.downcast_ref().cloned()
    }

    /// The value of type `T` kept with the socket, or the refusal for `#[derive(FromConnection)]` types.
    ///
    /// # Errors
    ///
    /// `denied` when there is no such value.
    pub fn require<T: Clone + Send + Sync + 'static>(&self) -> Result<T, Error> {
        self.value().ok_or_else(|| {
            let name = std::any::type_name::<T>();
            let name = name.rsplit("::").next().unwrap_or(name);
            Error::new("denied", format!("this socket has no {name} yet"))
        })
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("namespace", &self.origin.namespace())
            .field("event", &self.event())
            .finish_non_exhaustive()
    }
}

/// A type that a handler can borrow: its value comes from the connection, not from the message.
///
/// Implement it for your own types to look them up, load them or refuse:
///
/// ```
/// use jidda::handler::Context;
/// use jidda::{Error, FromConnection, Result};
///
/// struct Tenant(String);
///
/// impl FromConnection for Tenant {
///     async fn from_connection(context: &Context) -> Result<Self> {
///         let tenant = context.origin().namespace().strip_prefix("/tenants/");
///         tenant.map(|name| Tenant(name.to_owned())).ok_or_else(|| Error::new("denied", "no tenant here"))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a handler cannot borrow `{Self}` from the connection",
    label = "`{Self}` does not implement `FromConnection`",
    note = "what a handler borrows comes from the connection, what it owns comes from the message",
    note = "to take it from the message, take it by value: `{Self}` instead of `&{Self}`",
    note = "to keep it with the socket, add `#[derive(Clone, FromConnection)]` and store it with `socket.insert(..)`"
)]
pub trait FromConnection: Sized + Send + Sync + 'static {
    /// Makes the value, or refuses the call with the error.
    fn from_connection(context: &Context) -> impl Future<Output = Result<Self, Error>> + Send;

    /// The value itself where the connection already holds one: saves making it anew for every event.
    fn borrow_from(context: &Context) -> Option<&Self> {
        let _ = context;
        None
    }

    /// Names what the server must have been given; what is missing is an error at start.
    fn needs(needs: &mut Needs) {
        let _ = needs;
    }
}

/// One thing that a handler needs of its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// The state's type.
    pub id: TypeId,
    /// Its name.
    pub name: &'static str,
}

/// Collects what handlers need; see [`FromConnection::needs`].
#[derive(Debug, Default)]
pub struct Needs {
    states: Vec<Need>,
    has_parameters: bool,
}

impl Needs {
    /// Says that state of type `T` is needed.
    pub fn state<T: 'static>(&mut self) {
        self.states.push(Need { id: TypeId::of::<T>(), name: std::any::type_name::<T>() });
    }

    /// Says that the parameters of the path are needed.
    pub fn parameters(&mut self) {
        self.has_parameters = true;
    }

    /// The state that is needed.
    pub fn all(&self) -> &[Need] {
        &self.states
    }

    pub(super) fn has_parameters(&self) -> bool {
        self.has_parameters
    }
}

/// A value that the server was built with: `Server::builder().state(db)`, then `db: &State<Db>`.
#[derive(Debug)]
pub struct State<T>(pub(crate) Arc<T>);

impl<T> State<T> {
    /// Wraps a value, as the builder does.
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Send + Sync + 'static> FromConnection for State<T> {
    async fn from_connection(context: &Context) -> Result<Self, Error> {
        context.state::<T>().cloned().ok_or_else(|| {
            Error::from(std::io::Error::other(format!(
                "the server has no state of type {}: give it one with `Server::builder().state(..)`",
                std::any::type_name::<T>()
            )))
        })
    }

    fn borrow_from(context: &Context) -> Option<&Self> {
        context.state::<T>()
    }

    fn needs(needs: &mut Needs) {
        needs.state::<T>();
    }
}

/// The name of the event being handled: for catch-all handlers, `event: &EventName`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventName(Cow<'static, str>);

impl EventName {
    /// Wraps a name.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self(name.into())
    }
}

impl Deref for EventName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for EventName {
    fn as_ref(&self) -> &str {
        self
    }
}

impl Borrow<str> for EventName {
    fn borrow(&self) -> &str {
        self
    }
}

impl From<&str> for EventName {
    fn from(name: &str) -> Self {
        Self::new(name.to_owned())
    }
}

impl From<String> for EventName {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl PartialEq<str> for EventName {
    fn eq(&self, other: &str) -> bool {
        &**self == other
    }
}

impl PartialEq<&str> for EventName {
    fn eq(&self, other: &&str) -> bool {
        &**self == *other
    }
}

impl FromConnection for EventName {
    async fn from_connection(context: &Context) -> Result<Self, Error> {
        Ok(match &context.event {
            Some(event) => event.clone(),
            None => Self::new(context.event().to_owned()),
        })
    }

    fn borrow_from(context: &Context) -> Option<&Self> {
        context.event.as_ref()
    }
}

impl FromConnection for Handshake {
    async fn from_connection(context: &Context) -> Result<Self, Error> {
        Ok(context.origin.handshake())
    }
}
