//! Putting a dispatch table together, and saying everything that is wrong with it at once.

use std::any::TypeId;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::events::{Bound, Events};
use super::middleware::Chain;
use super::overloads::reachable;
use super::route_id::RouteId;
use super::table::{Names, NamespaceTable, Route, Service, Table};
use super::{
    AppKey, Arguments, Context, Dispatch, Glue, HandlerEntry, Location, Needs, Registered,
    RegisteredMiddleware, Reply, Side,
};
use crate::error::Error;
use crate::error::{StartError, StartProblem, similar};

/// Where a table's handlers come from.
#[derive(Clone, Debug)]
pub enum HandlerList {
    /// Everything linked into the program.
    Linked,
    /// Only these.
    Explicit(Vec<&'static HandlerEntry>),
    /// Only these, and the methods of the services that are provided.
    Named(Vec<&'static HandlerEntry>),
}

/// A crate that must have handlers in the program: it is given as `link = [..]`.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// The crate's name.
    pub crate_name: &'static str,
}

/// Collects what a table is made of, and says everything that is wrong with it at once.
///
/// Its clones share the services.
#[derive(Clone)]
pub struct TableBuilder {
    side: Side,
    app: AppKey,
    handlers: HandlerList,
    only_namespaces: Vec<String>,
    only_service: Option<TypeId>,
    services: HashMap<TypeId, Service>,
    /// Their types, with the names of those.
    states: Vec<(TypeId, &'static str)>,
    has_parameters: bool,
    links: Vec<Link>,
    /// Namespaces that are there without handlers.
    declared: Vec<&'static str>,
}

impl fmt::Debug for TableBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableBuilder")
            .field("side", &self.side)
            .field("app", &self.app)
            .finish_non_exhaustive()
    }
}

impl TableBuilder {
    /// All linked handlers of `side` in the default app.
    pub fn new(side: Side) -> Self {
        Self {
            side,
            app: AppKey::of::<()>(),
            handlers: HandlerList::Linked,
            only_namespaces: Vec::new(),
            only_service: None,
            services: HashMap::new(),
            states: Vec::new(),
            has_parameters: false,
            links: Vec::new(),
            declared: Vec::new(),
        }
    }

    /// Takes the handlers of another app.
    #[must_use]
    pub fn app(mut self, app: AppKey) -> Self {
        self.app = app;
        self
    }

    /// Takes these handlers instead of all linked ones.
    #[must_use]
    pub fn handlers(mut self, handlers: HandlerList) -> Self {
        self.handlers = handlers;
        self
    }

    /// Takes these handlers and the methods of the services that are provided, instead of all linked ones.
    #[must_use]
    pub fn only_named(self, handlers: Vec<&'static HandlerEntry>) -> Self {
        self.handlers(HandlerList::Named(handlers))
    }

    /// Keeps only the handlers of this namespace (and of others named the same way).
    #[must_use]
    pub fn only_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.only_namespaces.push(namespace.into());
        self
    }

    /// Keeps only the handlers that are methods of `S`.
    #[must_use]
    pub fn only_service<S: 'static>(mut self) -> Self {
        self.only_service = Some(TypeId::of::<S>());
        self
    }

    /// Provides the service its handlers are methods of.
    #[must_use]
    pub fn service<S: Send + Sync + 'static>(mut self, service: S) -> Self {
        self.services.insert(TypeId::of::<S>(), Arc::new(service));
        self
    }

    /// Says that state of this type will be there.
    #[must_use]
    pub fn state<T: 'static>(mut self) -> Self {
        self.states.push((TypeId::of::<T>(), std::any::type_name::<T>()));
        self
    }

    /// Every connection may have path parameters: those of its resource.
    #[must_use]
    pub fn parameters(mut self, has_parameters: bool) -> Self {
        self.has_parameters = has_parameters;
        self
    }

    /// Requires a crate to have handlers.
    #[must_use]
    pub fn link(mut self, link: Link) -> Self {
        self.links.push(link);
        self
    }

    /// Says that a namespace is there, whether or not it has handlers.
    #[must_use]
    pub fn declare(mut self, namespace: &'static str) -> Self {
        self.declared.push(namespace);
        self
    }

    /// Takes back what was declared.
    #[must_use]
    pub fn nothing_declared(mut self) -> Self {
        self.declared.clear();
        self
    }

    /// Sorts, checks and freezes.
    ///
    /// # Errors
    ///
    /// Every duplicate, missing service or state, malformed namespace and crate without handlers, with file and line.
    pub fn build(self) -> Result<Table, StartError> {
        let mut problems = Vec::new();
        let mut entries = self.entries();
        entries.sort_by_key(|entry| {
            // Those of one event, in the order in which they are tried: the one that is open to all callers is last.
            let Location { file, line, .. } = entry.location;
            (entry.namespace, entry.event, entry.allow.is_empty(), file, line, entry.allow)
        });
        let entries = reachable(&entries, &mut problems);
        self.check_links(&mut problems);

        let services = self.instantiate(&entries, &mut problems);
        let table = self.freeze(&entries, &services, &mut problems);
        StartError::check(self.side.name(), problems)?;
        Ok(table)
    }

    fn entries(&self) -> Vec<&'static HandlerEntry> {
        let mut entries: Vec<_> = match &self.handlers {
            HandlerList::Linked => inventory::iter::<Registered>().map(|registered| registered.0).collect(),
            HandlerList::Explicit(entries) => entries.clone(),
            HandlerList::Named(entries) => {
                let linked = inventory::iter::<Registered>().map(|registered| registered.0);
                let provided = linked.filter(|entry| {
                    entry.service.is_some_and(|service| self.services.contains_key(&service.id()))
                });
                // Named and provided is once.
                let named = entries.iter().filter(|entry| {
                    entry.service.is_none_or(|service| !self.services.contains_key(&service.id()))
                });
                provided.chain(named.copied()).collect()
            }
        };
        entries.retain(|entry| {
            entry.side == self.side
                && entry.app.id() == self.app.id()
                && (self.only_namespaces.is_empty()
                    || self.only_namespaces.iter().any(|namespace| namespace == entry.namespace))
                && self.only_service.is_none_or(|only| entry.service.is_some_and(|service| service.id() == only))
                // A client runs the services it was given; it is not the program's only client.
                && (self.side == Side::Server
                    || entry.service.is_none_or(|service| self.services.contains_key(&service.id())))
        });
        entries
    }

    fn check_links(&self, problems: &mut Vec<StartProblem>) {
        for link in &self.links {
            let linked = |registered: &&Registered| {
                registered.0.location.crate_name() == link.crate_name.replace('-', "_")
            };
            if inventory::iter::<Registered>().find(linked).is_none() {
                problems.push(StartProblem::MissingCrate { crate_name: link.crate_name });
            }
        }
    }

    /// Finds or makes each service; one problem a missing service or state.
    fn instantiate(
        &self,
        entries: &[&'static HandlerEntry],
        problems: &mut Vec<StartProblem>,
    ) -> HashMap<TypeId, Service> {
        let mut services = self.services.clone();
        let mut missing = Vec::new();
        for entry in entries {
            if let Some(key) = entry.service
                && !services.contains_key(&key.id())
                && !missing.contains(&key.id())
            {
                if let Some(instance) = key.default_instance() {
                    services.insert(key.id(), instance);
                } else {
                    missing.push(key.id());
                    let service = key.name();
                    problems.push(StartProblem::MissingService { service, location: entry.location });
                }
            }
            let mut needs = Needs::default();
            if let Some(collect) = entry.needs {
                collect(&mut needs);
            }
            for need in needs.all() {
                let is_given = self.states.iter().any(|(id, _)| *id == need.id);
                if !is_given && !missing.contains(&need.id) {
                    missing.push(need.id);
                    let given: Vec<_> = self.states.iter().map(|(_, name)| *name).collect();
                    problems.push(StartProblem::MissingState {
                        state: need.name,
                        location: entry.location,
                        similar: similar(need.name, &given),
                    });
                }
            }
            if needs.has_parameters() && !self.has_parameters && !entry.namespace.contains('{') {
                problems.push(StartProblem::MissingParameters {
                    event: entry.event,
                    namespace: entry.namespace,
                    location: entry.location,
                });
            }
        }
        services
    }

    fn middleware(&self, namespace: &str) -> Chain {
        let mut found: Vec<_> = inventory::iter::<RegisteredMiddleware>()
            .map(|registered| registered.0)
            .filter(|entry| {
                entry.side == self.side
                    && entry.app.id() == self.app.id()
                    && entry.namespace.is_none_or(|only| only == namespace)
            })
            .collect();
        found.sort_by_key(|entry| (entry.order, entry.location.file, entry.location.line));
        found.into_iter().map(|entry| entry.run).collect()
    }

    fn freeze(
        &self,
        entries: &[&'static HandlerEntry],
        services: &HashMap<TypeId, Service>,
        problems: &mut Vec<StartProblem>,
    ) -> Table {
        let mut table = Table {
            routes: Vec::new(),
            namespaces: Vec::new(),
            exact: Names::default(),
            families: matchit::Router::new(),
        };
        let mut groups: Vec<(&'static str, &[&'static HandlerEntry])> = entries
            .chunk_by(|a, b| a.namespace == b.namespace)
            .map(|group| (group[0].namespace, group))
            .collect();
        for namespace in self.declared.iter().chain(&["/"]) {
            if groups.iter().all(|(other, _)| other != namespace) {
                groups.push((namespace, &[]));
            }
        }
        groups.sort_by_key(|(namespace, _)| *namespace);
        for (pattern, group) in groups {
            let index = table.namespaces.len();
            let namespace = self.freeze_namespace(pattern, group, services, &mut table.routes);
            table.namespaces.push(namespace);
            if pattern.contains('{') {
                if let Err(error) = table.families.insert(pattern, index) {
                    problems.push(StartProblem::InvalidNamespace {
                        namespace: pattern,
                        location: group.first().map(|entry| entry.location),
                        message: error.to_string(),
                    });
                }
            } else {
                table.exact.insert(pattern, index);
            }
        }
        table
    }

    fn freeze_namespace(
        &self,
        pattern: &'static str,
        entries: &[&'static HandlerEntry],
        services: &HashMap<TypeId, Service>,
        routes: &mut Vec<Route>,
    ) -> NamespaceTable {
        let middleware = self.middleware(pattern);
        // Those of one event stand one after the other; `has_next` says that this is not the last of them.
        let mut add =
            |entry: Option<&'static HandlerEntry>, event: &'static str, glue: Glue, has_next: bool| {
                let service = entry.and_then(|entry| services.get(&entry.service?.id()).cloned());
                let place = u32::try_from(routes.len()).expect("fewer than 4 billion handlers");
                let middleware = Arc::clone(&middleware);
                let next = has_next.then_some(RouteId(place + 1));
                routes.push(Route { entry, event, glue, service, middleware, next });
                RouteId(place)
            };
        let (mut connect, mut disconnect, mut fallback) = (None, None, None);
        let mut events = Events::default();
        for handlers in entries.chunk_by(|a, b| a.event == b.event) {
            let mut ids = handlers
                .iter()
                .enumerate()
                .map(|(index, entry)| add(Some(entry), entry.event, entry.glue, index + 1 < handlers.len()));
            let id = ids.next().expect("a chunk has an element");
            ids.for_each(drop);
            match handlers[0].event {
                "connect" => connect = Some(id),
                "disconnect" => disconnect = Some(id),
                "*" => fallback = Some(id),
                event => {
                    let is_plain = middleware.is_empty() && handlers[0].is_unbound();
                    events.insert(event, Bound { route: id, plain: is_plain.then_some(handlers[0].glue) });
                }
            }
        }
        NamespaceTable {
            pattern,
            events,
            connect: connect.unwrap_or_else(|| add(None, "connect", accept, false)),
            disconnect,
            fallback: fallback.unwrap_or_else(|| add(None, "*", not_found, false)),
        }
    }
}

/// `connect` without a handler.
fn accept(context: &Context, _: Arguments<'_>) -> Dispatch {
    Dispatch::Ready(Reply::value(&(), context.origin().encoding()))
}

/// Every event without a handler.
fn not_found(context: &Context, _: Arguments<'_>) -> Dispatch {
    let message = format!(
        "there is no handler for `{}` in the namespace `{}`",
        context.event(),
        context.origin().namespace()
    );
    Dispatch::refused(Error::new("not_found", message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::ServiceKey;

    const fn at(line: u32) -> Location {
        Location { file: "src/a.rs", line, module: "a::b", package: "a" }
    }

    struct Chat;
    struct Db;

    static ECHO: HandlerEntry = HandlerEntry::new("echo", accept, at(1));
    static ECHO_AGAIN: HandlerEntry = HandlerEntry::new("echo", accept, at(2));
    static POST: HandlerEntry = HandlerEntry::new("post", accept, at(3))
        .namespaced("/chat")
        .of_service(ServiceKey::of::<Chat>(|| None));
    static LOAD: HandlerEntry =
        HandlerEntry::new("load", accept, at(4)).needing(super::super::extract::Needs::state::<Db>);
    static ORDER: HandlerEntry = HandlerEntry::new("order", accept, at(5)).namespaced("/orders/{id}");
    static CLIENT: HandlerEntry = HandlerEntry::new("ask", accept, at(6)).on_side(Side::Client);

    fn builder(entries: &[&'static HandlerEntry]) -> TableBuilder {
        TableBuilder::new(Side::Server).handlers(HandlerList::Explicit(entries.to_vec()))
    }

    #[test]
    fn one_error_lists_every_problem_with_its_place() {
        let error = builder(&[&ECHO, &ECHO_AGAIN, &POST, &LOAD])
            .link(Link { crate_name: "absent" })
            .build()
            .unwrap_err();
        assert_eq!(error.problems().len(), 4);
        let text = error.to_string();
        assert!(
            text.contains("src/a.rs:1: `echo` in namespace `/` is handled again at src/a.rs:2"),
            "{text}"
        );
        assert!(text.contains("src/a.rs:3: the service `"), "{text}");
        assert!(text.contains("`.service(Chat { .. })`"), "{text}");
        assert!(text.contains("src/a.rs:4: the state `"), "{text}");
        assert!(text.contains("the crate `absent` is listed in `link`"), "{text}");
    }

    #[test]
    fn events_are_found_by_namespace_and_name() {
        let table = builder(&[&ECHO, &POST, &ORDER]).service(Chat).build().unwrap();
        let (root, _) = table.find("/").unwrap();
        let route = table.route(table.namespace(root).event("echo").unwrap());
        assert_eq!(route.entry().unwrap().event(), "echo");
        assert!(table.namespace(root).event("post").is_none());
        let (chat, _) = table.find("/chat").unwrap();
        let route = table.route(table.namespace(chat).event("post").unwrap());
        assert!(route.service().unwrap().is::<Chat>());
        let (orders, parameters) = table.find("/orders/7").unwrap();
        assert_eq!(table.namespace(orders).pattern(), "/orders/{id}");
        assert_eq!(&*parameters, [("id".into(), "7".into())]);
        assert!(table.find("/nowhere").is_none());
        assert_eq!(table.handlers().count(), 3);
    }

    #[test]
    fn a_clients_handlers_are_never_a_servers() {
        let table = builder(&[&ECHO, &CLIENT]).build().unwrap();
        assert_eq!(table.handlers().count(), 1);
    }

    #[test]
    fn only_namespace_leaves_the_rest_out() {
        let table = builder(&[&ECHO, &POST]).only_namespace("/").build().unwrap();
        assert_eq!(
            table.handlers().map(super::super::entry::HandlerEntry::event).collect::<Vec<_>>(),
            ["echo"]
        );
        assert!(table.find("/chat").is_none());
    }
}
