//! Accepting connections.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::handshakes::Handshakes;
use super::http::Front;
use crate::connection::{Connection, Driver, Hub};
use crate::peer::{PeerAddress, Security};
use crate::transport::{Incoming, Listener, Stream};

/// How long to wait after the system could not accept: usually it has no file handle left.
const PAUSE: Duration = Duration::from_millis(50);

/// Accepts until the server stops. Each connection is one task; where it is encrypted, its handshake is one before.
pub(super) async fn accept(
    mut listener: Listener,
    hub: Arc<Hub>,
    front: Arc<Front>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut handshakes = {
        let hub = Arc::clone(&hub);
        Handshakes::new(hub.config.handshake_timeout, move || hub.metrics.handshake_failed())
    };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => return,
        };
        match accepted {
            Ok((Incoming::Clear(stream), peer)) => serve(&hub, &front, stream, peer, None),
            Ok((Incoming::Encrypted(handshaking), peer)) => {
                let (hub, front) = (Arc::clone(&hub), Arc::clone(&front));
                handshakes.spawn(peer.clone(), handshaking.finish(), move |stream, security| {
                    serve(&hub, &front, stream, peer, Some(Box::new(security)));
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// It is a native connection until its first byte says otherwise, so that one that says nothing is looked after, and
/// one that is idle costs nothing for what it is not.
fn serve(
    hub: &Arc<Hub>,
    front: &Arc<Front>,
    stream: Stream,
    peer: PeerAddress,
    security: Option<Box<Security>>,
) {
    let connection = Connection::new(hub, peer.clone(), stream.medium(), security.clone());
    let front = Arc::clone(front);
    let stream = stream.unless_http(move |stream| front.accept(stream, peer, security));
    tokio::spawn(Driver::new(connection, stream));
}
