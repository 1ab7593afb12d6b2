//! What a heartbeat policy is shown of a connection, and the signs of life of its peer.

use std::any::Any;
use std::sync::Arc;

use crate::handler::Origin;
use crate::id::ConnectionId;
use crate::objects::heartbeat::{Liveness, Watched};
use crate::objects::{Connection, Socket};
use crate::observe::report::Reporter;
use crate::peer::PeerAddress;
use crate::sync::atomic::Ordering;

impl Watched for Connection {
    fn id(&self) -> ConnectionId {
        self.id
    }

    fn peer(&self) -> PeerAddress {
        self.peer.to_address()
    }

    fn origins(&self) -> Vec<Arc<dyn Origin>> {
        self.sockets().into_iter().map(|socket| socket as Arc<dyn Origin>).collect()
    }

    fn reporter(&self) -> &Reporter {
        &self.hub.reporter
    }
}

impl Liveness<'_> {
    /// The connection's sockets, one a namespace: its identity, and a way to send something.
    pub fn sockets(&self) -> Vec<Socket> {
        let origins = self.watched().origins().into_iter().map(|origin| origin as Arc<dyn Any + Send + Sync>);
        origins.filter_map(|origin| origin.downcast().ok()).map(|inner| Socket { inner }).collect()
    }
}

impl Connection {
    /// The peer asked for a sign of life, or gave one.
    #[inline]
    pub(crate) fn heard_beat(&self) {
        // Where all that is read counts, it was counted when it was read.
        if !self.hub.heartbeat.traffic_counts && self.hub.heartbeat.beats_count {
            self.last_seen.store(self.heart_clock(), Ordering::Relaxed);
        }
    }
}
