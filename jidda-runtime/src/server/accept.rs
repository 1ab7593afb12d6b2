//! Accepting connections.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::handshakes::Handshakes;
use super::lobby::Lobby;
use crate::connection::Hub;
use crate::transport::{Incoming, Listener};

/// How long to wait after the system could not accept: usually it has no file handle left.
const PAUSE: Duration = Duration::from_millis(50);

/// Accepts until the server stops. Each connection is one task; where it is encrypted, its handshake is one before.
pub(super) async fn accept(
    mut listener: Listener,
    hub: Arc<Hub>,
    lobby: Arc<Lobby>,
    mut stopping: watch::Receiver<bool>,
) {
    let limit = hub.config.handshake_timeout;
    let mut handshakes = Handshakes::new(limit, move || hub.metrics.handshake_failed());
    let mut stopped = pin!(stopping.wait_for(|stopping| *stopping));
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopped.as_mut() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((Incoming::Clear(stream), peer)) => lobby.admit(stream, peer, None),
            Ok((Incoming::Encrypted(handshaking), peer)) => {
                let lobby = Arc::clone(&lobby);
                handshakes.spawn(peer.clone(), handshaking.finish(), move |stream, security| {
                    lobby.admit(stream, peer, Some(Box::new(security)));
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
