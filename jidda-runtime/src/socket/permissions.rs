//! What a socket's peer may have run.

use crate::failure::Failure;
use crate::foreign::printable;
use crate::handler::{Origin, RouteId};
use crate::identity::{Asker, Identity};
use crate::objects::permissions::Permissions;
use crate::objects::socket_state::Extra;
use crate::objects::{Socket, SocketInner};

impl SocketInner {
    /// The refusal of a handler for which a permission is missing. The log names it; the peer does not receive its name.
    #[cold]
    pub(crate) fn denied(&self, first: RouteId) -> Failure {
        let table = self.table();
        tracing::debug!(
            namespace = %printable(self.namespace()),
            event = table.route(first).event(),
            needs = table.permissions(first).join(" or "),
            "denied: the socket has no permission for it"
        );
        Failure::new("denied", "denied")
    }

    /// The first of an event's handlers that the peer may have run; `first` is the event's route.
    ///
    /// `asker` is the identity on whose behalf the peer acts, if not its own: then that one's permissions count, and not the peer's.
    #[inline]
    pub(crate) fn permitted(&self, first: RouteId, asker: Option<&Asker>) -> Option<RouteId> {
        self.table().permitted(first, |permission| self.lets(asker, permission))
    }

    fn lets(&self, asker: Option<&Asker>, permission: &str) -> bool {
        asker.map_or_else(|| self.allows(permission), |asker| asker.allows(permission))
    }

    /// Whether the peer may have this handler run.
    pub(crate) fn may_run(&self, route: RouteId, asker: Option<&Asker>) -> bool {
        self.table().route(route).is_allowed(&|permission: &str| self.lets(asker, permission))
    }

    /// Whose permissions the socket has from the beginning.
    fn initial(&self, extra: Option<&Extra>) -> Option<Identity> {
        let own = extra.and_then(|extra| extra.identity.clone());
        own.or_else(|| self.connection.identity())
    }

    /// Whether the peer has a permission now.
    pub(crate) fn has_permission(&self, permission: &str) -> bool {
        let state = self.state.lock();
        let extra = state.extra.as_deref();
        let initial = || self.initial(extra).is_some_and(|identity| identity.allows(permission));
        match extra {
            Some(extra) => extra.permissions.contain(permission, initial),
            None => initial(),
        }
    }
}

impl Socket {
    /// Gives the socket a permission, which handlers marked `allow = ".."` need.
    ///
    /// Permissions are each namespace's own: `socket.of("/chat")` is the socket of the same connection in
    /// another one.
    ///
    /// ```no_run
    /// # fn example(socket: &jidda::Socket) {
    /// if let Some(chat) = socket.of("/chat") {
    ///     chat.grant("moderator");
    /// }
    /// # }
    /// ```
    pub fn grant(&self, permission: &str) {
        self.inner.extra(|extra| extra.permissions.grant(permission));
    }

    /// Takes a permission away, also one that the socket had from the start. Whether the socket had it.
    ///
    /// What runs already goes on; what waits for its turn is refused.
    pub fn revoke(&self, permission: &str) -> bool {
        let mut state = self.inner.state.lock();
        let initial = self.inner.initial(state.extra.as_deref());
        let is_initial = initial.is_some_and(|identity| identity.allows(permission));
        state.extra().permissions.revoke(permission, is_initial)
    }

    /// Goes back to the permissions the socket had from the start, which are those of the identity that was
    /// proved; without one, none.
    pub fn reset_permissions(&self) {
        self.inner.extra(|extra| extra.permissions = Permissions::default());
    }

    /// Whether the socket has a permission.
    pub fn allows(&self, permission: &str) -> bool {
        Origin::allows(&*self.inner, permission)
    }

    /// All permissions of the socket, in alphabetical order.
    pub fn permissions(&self) -> Vec<String> {
        let state = self.inner.state.lock();
        let extra = state.extra.as_deref();
        let initial = self.inner.initial(extra);
        let initial = initial.iter().flat_map(Identity::permissions);
        match extra {
            Some(extra) => extra.permissions.all(initial).into_iter().collect(),
            None => Permissions::default().all(initial).into_iter().collect(),
        }
    }
}
