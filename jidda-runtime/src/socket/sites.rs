//! The part of an error report that says at which socket something failed.

use std::any::Any;
use std::panic::Location;
use std::sync::Arc;

use crate::failure::Failure;
use crate::handler::{Origin, RouteId};
use crate::id::{ConnectionId, SocketId};
use crate::objects::{Connection, Socket, SocketInner};
use crate::observe::handled_by::{EventLabel, Handled};
use crate::observe::report::{ErrorReport, FailureOrigin, Place, ReportedSocket};

impl ReportedSocket for Arc<SocketInner> {
    fn origin(&self) -> Arc<dyn Origin> {
        Arc::clone(self) as Arc<dyn Origin>
    }

    fn id(&self) -> SocketId {
        SocketInner::id(self, &self.state.lock())
    }

    fn connection_id(&self) -> ConnectionId {
        self.connection.id
    }
}

impl ErrorReport {
    /// The socket it happened on, if it is still there.
    pub fn socket(&self) -> Option<Socket> {
        let origin: Arc<dyn Any + Send + Sync> = Arc::clone(self.origin_socket()?) as _;
        origin.downcast().ok().map(|inner| Socket { inner })
    }
}

impl<'a> Place<'a> {
    /// A handler of the table; `event` is its name as it was received, where the table does not have it.
    pub(crate) fn route(socket: &'a Arc<SocketInner>, route: RouteId, event: Option<&'a str>) -> Self {
        let route = socket.table().route(route);
        let entry = route.entry();
        let location = entry.map(|entry| (entry.location().file, entry.location().line));
        let event = Some(event.unwrap_or_else(|| route.event()));
        let origin = FailureOrigin::Handler;
        Self { origin, namespace: socket.namespace(), event, entry, location, socket: Some(socket) }
    }

    /// Something that is kept with a socket.
    pub(crate) fn kept(socket: &'a Arc<SocketInner>) -> Self {
        let origin = FailureOrigin::Destructor;
        Self { namespace: socket.namespace(), event: None, socket: Some(socket), ..Self::apart(origin, "") }
    }

    /// A closure or a hook of a socket.
    pub(crate) fn closure(origin: FailureOrigin, socket: &'a Arc<SocketInner>, event: &'a str) -> Self {
        Self { namespace: socket.namespace(), socket: Some(socket), ..Self::apart(origin, event) }
    }

    /// A job, which may outlive its socket a little.
    pub(crate) fn job(
        namespace: &'a str,
        socket: Option<&'a Arc<SocketInner>>,
        started: &'static Location<'static>,
    ) -> Self {
        Self {
            origin: FailureOrigin::Job,
            namespace,
            event: None,
            entry: None,
            location: Some((started.file(), started.line())),
            socket: socket.map(|socket| socket as &dyn ReportedSocket),
        }
    }
}

impl Connection {
    /// Reports a failure of a hook that belongs to the whole connection.
    pub(crate) fn report_hook(&self, hook: &str, failure: Failure) -> Failure {
        self.hub.disclose(Place::apart(FailureOrigin::Hook, hook), failure)
    }
}

impl EventLabel {
    /// What handles the event.
    pub(crate) fn place<'a>(&'a self, socket: &'a Arc<SocketInner>) -> Place<'a> {
        match &self.handled {
            Handled::Route(route) => Place::route(socket, *route, None),
            Handled::Caught(route, name) => Place::route(socket, *route, Some(name)),
            Handled::Listener(name) => Place::closure(FailureOrigin::Listener, socket, name),
        }
    }
}
