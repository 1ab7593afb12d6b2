//! Who is here, for a program to ask and to watch.

use std::sync::Arc;

use super::handle::Server;
use crate::failure::Failure;
use crate::guard::Guarded;
use crate::observe::{FailureOrigin, Place};
use crate::room::{PresenceEvent, PresenceEvents};

/// The identities that are connected to an app of a server; see [`Server::presence`].
///
/// An identity is here from the moment its first socket is accepted until its last connection has ended. It counts once,
/// however many connections it has and namespaces they joined.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> jidda::Result<()> {
/// use jidda::Server;
/// use jidda::presence::PresenceEvent;
///
/// let server = Server::builder().start().await?;
/// assert!(server.presence().names().is_empty() && !server.presence().is_here("alice"));
///
/// // Sends the names of new users to the lobby.
/// server.presence().on_change(|server, event| async move {
///     if let PresenceEvent::Joined(name) = event {
///         server.to("lobby").emit("joined", &*name).await.ok();
///     }
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Presence {
    server: Server,
}

impl Server {
    /// Who is here: the identities that are connected.
    pub fn presence(&self) -> Presence {
        Presence { server: self.clone() }
    }
}

impl Presence {
    /// The names of all connected identities, in alphabetical order.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.server.hub().presence.names()
    }

    /// Whether this one is.
    pub fn is_here(&self, name: &str) -> bool {
        self.server.hub().presence.is_here(name)
    }

    /// How many are.
    pub fn count(&self) -> usize {
        self.server.hub().presence.count()
    }

    /// The identities that connect and disconnect, from now on. Ask for this first and for the [`names`](Self::names) then, so
    /// that no change is missed between the two.
    pub fn changes(&self) -> PresenceEvents {
        self.server.hub().presence.events()
    }

    /// Runs a closure for each change, one after the other, until the server is dropped. If it is too slow,
    /// it gets the number of changes that it has not seen as [`PresenceEvent::Missed`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn on_change<F, R>(&self, hook: F)
    where
        F: Fn(Server, PresenceEvent) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let mut changes = self.changes();
        // Weak: a hook must not keep the server it belongs to.
        let (inner, app) = (Arc::downgrade(&self.server.inner), self.server.app);
        tokio::spawn(async move {
            while let Some(event) = changes.next().await {
                let Some(inner) = inner.upgrade() else { return };
                let hub = Arc::clone(&inner.apps.all()[app].hub);
                let server = Server { inner, app };
                let place = Place::apart(FailureOrigin::Hook, "presence");
                let report = |failure: Box<Failure>| drop(hub.disclose(place.destructor(), *failure));
                if let Err(failure) = Guarded::new(async { hook(server, event).await }, report).await {
                    hub.disclose(place, *failure);
                }
            }
        });
    }
}
