//! What a socket's peer may have run.

use std::collections::BTreeSet;

use crate::failure::Failure;
use crate::handler::{Origin, RouteId};
use crate::hub::selection::Selection;
use crate::identity::{Asker, Identity};
use crate::objects::socket_state::Extra;
use crate::socket::handle::{Socket, SocketInner};

/// What the program changed of a socket's initial permissions. They are not copied: the same ones are many sockets'.
#[derive(Debug, Default)]
pub(crate) struct Permissions {
    granted: BTreeSet<Box<str>>,
    revoked: BTreeSet<Box<str>>,
}

impl Permissions {
    pub(crate) fn are_initial(&self) -> bool {
        self.granted.is_empty() && self.revoked.is_empty()
    }

    fn grant(&mut self, permission: &str) {
        self.revoked.remove(permission);
        self.granted.insert(permission.into());
    }

    fn revoke(&mut self, permission: &str, is_initial: bool) -> bool {
        let was_granted = self.granted.remove(permission);
        let was_there = was_granted || (is_initial && !self.revoked.contains(permission));
        if is_initial {
            self.revoked.insert(permission.into());
        }
        was_there
    }

    fn contain(&self, permission: &str, is_initial: impl FnOnce() -> bool) -> bool {
        self.granted.contains(permission) || (!self.revoked.contains(permission) && is_initial())
    }

    fn all<'a>(&self, initial: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        let initial = initial.into_iter().filter(|permission| !self.revoked.contains(*permission));
        initial.map(ToOwned::to_owned).chain(self.granted.iter().map(ToString::to_string)).collect()
    }
}

/// What a peer without a permission is told: nothing else.
pub(crate) fn denied() -> Failure {
    Failure::new("denied", "denied")
}

impl SocketInner {
    /// The first of an event's handlers that the peer may have run; `first` is the event's route.
    #[inline]
    ///
    /// `asker` is for whom the peer asks, if not for itself: then that one's permissions count, and not the peer's.
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

impl Selection {
    /// Gives each socket a permission. How many there were.
    pub fn grant(&self, permission: &str) -> usize {
        self.sockets().iter().map(|socket| socket.grant(permission)).count()
    }

    /// Takes a permission away from each socket. How many had it.
    pub fn revoke(&self, permission: &str) -> usize {
        self.sockets().iter().filter(|socket| socket.revoke(permission)).count()
    }

    /// Has each socket go back to the permissions it had from the start. How many there were.
    pub fn reset_permissions(&self) -> usize {
        self.sockets().iter().map(Socket::reset_permissions).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INITIAL: [&str; 2] = ["reader", "writer"];

    fn all(permissions: &Permissions) -> Vec<String> {
        let all = permissions.all(INITIAL);
        for permission in ["admin", "reader", "writer"] {
            let has = permissions.contain(permission, || INITIAL.contains(&permission));
            assert_eq!(has, all.contains(permission));
        }
        all.into_iter().collect()
    }

    fn revoke(permissions: &mut Permissions, permission: &str) -> bool {
        permissions.revoke(permission, INITIAL.contains(&permission))
    }

    #[test]
    fn what_was_changed_lies_over_what_was_there() {
        let mut permissions = Permissions::default();
        assert_eq!(all(&permissions), INITIAL);
        permissions.grant("admin");
        assert_eq!(all(&permissions), ["admin", "reader", "writer"]);
        assert!(revoke(&mut permissions, "reader"));
        assert!(!revoke(&mut permissions, "reader"), "it was gone");
        assert!(!revoke(&mut permissions, "nothing"));
        assert_eq!(all(&permissions), ["admin", "writer"]);
        permissions.grant("reader");
        assert!(revoke(&mut permissions, "admin"));
        assert_eq!(all(&permissions), INITIAL);
        // Granted and initial at once: it takes one revocation, not two.
        assert!(revoke(&mut permissions, "reader"));
        assert_eq!(all(&permissions), ["writer"]);
        assert!(!permissions.are_initial());
        assert!(Permissions::default().are_initial());
    }
}
