//! The dispatch table: every handler of one side and app, checked once and then read without locks.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::entry::HandlerEntry;
use super::events::Events;
use super::middleware::{Chain, Glue};
use super::route_id::RouteId;
use crate::guard::discard;

pub(super) type Names<V> = HashMap<&'static str, V, foldhash::fast::RandomState>;
pub(super) type Service = Arc<dyn Any + Send + Sync>;

/// One event's way: the function to run, what is around it and what it needs.
pub struct Route {
    pub(super) entry: Option<&'static HandlerEntry>,
    pub(super) event: &'static str,
    pub(super) glue: Glue,
    pub(super) service: Option<Service>,
    pub(super) middleware: Chain,
    /// The same event's handler for callers that may not run this one.
    pub(super) next: Option<RouteId>,
}

/// The last route of a service drops it.
impl Drop for Route {
    fn drop(&mut self) {
        discard("the destructor of a service", self.service.take());
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("event", &self.event).finish_non_exhaustive()
    }
}

impl Route {
    /// The handler's entry; `None` for what jidda itself answers (no handler, a plain `connect`).
    pub fn entry(&self) -> Option<&'static HandlerEntry> {
        self.entry
    }

    /// The event's name, `*` for a catch-all.
    pub fn event(&self) -> &'static str {
        self.event
    }

    /// The function to run.
    #[inline]
    pub fn glue(&self) -> Glue {
        self.glue
    }

    /// The service whose method it is.
    #[inline]
    pub fn service(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.service.as_deref()
    }

    /// The middlewares around it, outermost first.
    #[inline]
    pub(crate) fn middleware(&self) -> &Chain {
        &self.middleware
    }

    /// The permissions of which a caller needs one; none when everyone may call it.
    #[inline]
    pub fn allow(&self) -> &'static [&'static str] {
        self.entry.map_or(&[], |entry| entry.allow)
    }

    /// Whether a caller with these permissions may have it run.
    #[inline]
    pub fn is_allowed(&self, allows: &impl Fn(&str) -> bool) -> bool {
        self.allow().is_empty() || self.allow().iter().any(|permission| allows(permission))
    }

    /// Whether calls wait for earlier ones of the same socket.
    #[inline]
    pub fn is_sequential(&self) -> bool {
        self.entry.is_some_and(|entry| entry.sequential)
    }

    /// Whether it replies with a stream.
    #[inline]
    pub fn is_streaming(&self) -> bool {
        self.entry.is_some_and(|entry| entry.streaming)
    }

    /// How long the handler may run.
    #[inline]
    pub fn timeout(&self) -> Option<Duration> {
        self.entry.and_then(|entry| entry.timeout)
    }
}

/// The routes of one namespace, or of one family of namespaces.
pub struct NamespaceTable {
    pub(super) pattern: &'static str,
    pub(super) events: Events,
    pub(super) connect: RouteId,
    pub(super) disconnect: Option<RouteId>,
    pub(super) fallback: RouteId,
}

impl NamespaceTable {
    /// The namespace as it was written.
    pub fn pattern(&self) -> &'static str {
        self.pattern
    }

    /// The route of an event that has a handler of its own: the first one, if there are several, see
    /// [`Table::permitted`].
    #[inline]
    pub fn event(&self, name: &str) -> Option<RouteId> {
        self.events.find(name).map(|bound| bound.route)
    }

    /// The same with the function to run, if there is nothing but that: no middleware, nothing that its caller needs, no
    /// limit.
    #[inline]
    pub(crate) fn plain_event(&self, name: &str) -> Option<(RouteId, Glue)> {
        let bound = self.events.find(name)?;
        Some((bound.route, bound.plain?))
    }

    /// The route of `connect`.
    pub fn connect(&self) -> RouteId {
        self.connect
    }

    /// The route of `disconnect`, if it is handled.
    pub fn disconnect(&self) -> Option<RouteId> {
        self.disconnect
    }

    /// The route of events without a handler.
    pub fn fallback(&self) -> RouteId {
        self.fallback
    }
}

impl fmt::Debug for NamespaceTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} events)", self.pattern, self.events.len())
    }
}

/// Every route of one side and app. Immutable once built.
pub struct Table {
    pub(super) routes: Vec<Route>,
    pub(super) namespaces: Vec<NamespaceTable>,
    pub(super) exact: Names<usize>,
    pub(super) families: matchit::Router<usize>,
}

/// The parameters of a namespace's pattern, by name.
pub type Parameters = Box<[(Box<str>, Box<str>)]>;

impl Table {
    /// A route by its place.
    #[inline]
    pub fn route(&self, id: RouteId) -> &Route {
        &self.routes[id.0 as usize]
    }

    /// The first of an event's handlers that a caller with these permissions may have run; `None` when there is
    /// none. `first` is the event's route.
    #[inline]
    pub fn permitted(&self, first: RouteId, allows: impl Fn(&str) -> bool) -> Option<RouteId> {
        // The one that is open to everyone is the last of several: as the first it is the only one.
        if self.route(first).allow().is_empty() { Some(first) } else { self.choose(first, &allows) }
    }

    #[cold]
    fn choose(&self, first: RouteId, allows: &impl Fn(&str) -> bool) -> Option<RouteId> {
        let mut routes = std::iter::successors(Some(first), |route| self.route(*route).next);
        routes.find(|route| self.route(*route).is_allowed(allows))
    }

    /// The permissions of which an event's callers need one; `first` is the event's route.
    pub(crate) fn permissions(&self, first: RouteId) -> Vec<&'static str> {
        let routes = std::iter::successors(Some(first), |route| self.route(*route).next);
        routes.flat_map(|route| self.route(route).allow().iter().copied()).collect()
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn route_count(&self) -> usize {
        self.routes.len()
    }

    /// A namespace's table by its place, as [`Table::find`] gave it.
    #[inline]
    pub fn namespace(&self, index: usize) -> &NamespaceTable {
        &self.namespaces[index]
    }

    /// Looks a namespace up; `None` when there is none of that name and no family fits.
    pub fn find(&self, namespace: &str) -> Option<(usize, Parameters)> {
        if let Some(&index) = self.exact.get(namespace) {
            return Some((index, Parameters::default()));
        }
        let found = self.families.at(namespace).ok()?;
        let parameters = found.params.iter().map(|(name, value)| (name.into(), value.into())).collect();
        Some((*found.value, parameters))
    }

    /// Every handler in the table, by namespace and event.
    pub fn handlers(&self) -> impl Iterator<Item = &'static HandlerEntry> {
        self.routes.iter().filter_map(|route| route.entry)
    }

    /// The namespaces in the table.
    pub fn namespaces(&self) -> impl Iterator<Item = &NamespaceTable> {
        self.namespaces.iter()
    }
}

/// Prints one line a handler: `/chat  post(text: String) -> u64  src/chat.rs:12`.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in self.handlers() {
            write!(f, "{}  {}(", entry.namespace, entry.event)?;
            for (index, argument) in entry.arguments.iter().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                write!(f, "{comma}{}: {}", argument.name, argument.type_name)?;
            }
            let form = if entry.streaming { "stream of " } else { "" };
            write!(f, ") -> {form}{}", entry.reply)?;
            if let Some(error) = entry.error {
                write!(f, " or {error}")?;
            }
            if !entry.allow.is_empty() {
                write!(f, "  needs {}", entry.allow.join(" or "))?;
            }
            writeln!(f, "  {}", entry.location)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.handlers()).finish()
    }
}
