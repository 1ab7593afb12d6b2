//! Accepting connections.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::http::Front;
use crate::connection::{Connection, Driver, Hub};
use crate::transport::Listener;

/// How long to wait after the system could not accept: usually it has no file handle left.
const PAUSE: Duration = Duration::from_millis(50);

/// Accepts until the server stops. Each connection is one task.
///
/// It is a native one until its first byte says otherwise, so that one that says nothing is looked after, and one
/// that is idle costs nothing for what it is not.
pub(super) async fn accept(
    mut listener: Listener,
    hub: Arc<Hub>,
    front: Arc<Front>,
    mut stopping: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = Connection::new(&hub, peer.clone(), stream.transport());
                let front = Arc::clone(&front);
                let stream = stream.unless_http(move |stream| front.accept(stream, peer));
                tokio::spawn(Driver::new(connection, stream));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
