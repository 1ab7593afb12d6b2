//! What a handler may ask of the socket that its event was received on.

use std::any::{Any, TypeId};
use std::sync::Arc;

use crate::handler::{Origin, RouteId, Table};
use crate::objects::SocketInner;
use crate::payload::{Encoding, Value};
use crate::peer::{Handshake, PeerAddress};
use crate::wire::Protocol;

impl SocketInner {
    /// The handlers that its events are looked up in.
    #[inline]
    pub(crate) fn table(&self) -> &Table {
        &self.connection.hub.table
    }
}

impl Origin for SocketInner {
    fn event(&self, route: RouteId) -> &str {
        self.table().route(route).event()
    }

    fn service(&self, route: RouteId) -> Option<&(dyn Any + Send + Sync)> {
        self.table().route(route).service()
    }

    fn state(&self, key: TypeId) -> Option<&(dyn Any + Send + Sync)> {
        self.connection.hub.states.get(&key).map(|state| &**state)
    }

    fn value(&self, key: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        let own = self.state.lock().extra.as_ref().and_then(|extra| extra.values.get(key));
        let shared = || self.connection.value(key).or_else(|| self.connection.session_value(key));
        own.or_else(shared)
    }

    fn namespace(&self) -> &str {
        self.rooms.namespace()
    }

    fn parameters(&self) -> &[(Box<str>, Box<str>)] {
        self.parameters.as_ref().map_or(&[], |parameters| parameters)
    }

    fn allows(&self, permission: &str) -> bool {
        self.has_permission(permission)
    }

    fn handshake(&self) -> Handshake {
        let auth = self.state.lock().extra.as_ref().and_then(|extra| extra.auth.clone());
        self.connection.handshake(auth.and_then(|auth| auth.to_value().ok()).unwrap_or(Value::Nil))
    }

    fn peer(&self) -> PeerAddress {
        self.connection.peer.to_address()
    }

    fn encoding(&self) -> Encoding {
        self.connection.wire.encoding()
    }
}
