//! Accepting connections.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::handshakes::Handshakes;
use super::lobby::Lobby;
use super::refusal::Refusals;
use crate::foreign::printable;
use crate::objects::Hub;
use crate::source::Source;
use crate::transport::{Incoming, Listener};

/// How long to wait after the system could not accept: usually it has no descriptor left.
const PAUSE: Duration = Duration::from_millis(50);
/// How many descriptors are wanted back then.
const WANTED: usize = 16;

/// Accepts until the server stops. Each connection is one task; where it is encrypted, its handshake is one before.
pub(super) async fn accept(
    mut listener: Listener,
    hub: Arc<Hub>,
    lobby: Arc<Lobby>,
    refusals: Arc<Refusals>,
    mut stopping: watch::Receiver<bool>,
) {
    let limit = hub.config.handshake_timeout;
    let handshakes = Handshakes::new(limit, move || hub.metrics.handshake_failed());
    let mut stopped = pin!(stopping.wait_for(|stopping| *stopping));
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopped.as_mut() => return,
            accepted = listener.accept() => accepted,
        };
        let (incoming, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(error = %printable(&error), "cannot accept a connection");
                if is_out_of_descriptors(&error) {
                    // Those that hold one and have said nothing.
                    (0..WANTED).take_while(|_| lobby.pending.make_room(None)).count();
                }
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let source = Source::of(&peer);
        let permit = match lobby.admit(source) {
            Ok(permit) => permit,
            Err(limit) => {
                refusals.refuse(incoming, peer, limit);
                continue;
            }
        };
        let place = lobby.pending.enter(source, permit);
        match incoming {
            Incoming::Clear(stream) => lobby.receive(stream, peer, None, place),
            Incoming::Encrypted(handshaking) => {
                let (lobby, mark, from) = (Arc::clone(&lobby), place.activity_mark(), peer.clone());
                let handshake = async move {
                    handshaking.heard().await?;
                    mark.set_active();
                    handshaking.finish().await
                };
                handshakes.spawn(peer, place, handshake, move |stream, security, place| {
                    lobby.receive(stream, from, Some(Box::new(security)), place);
                });
            }
        }
    }
}

/// Whether the process, or the system, has as many files open as it may.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    // `EMFILE` and `ENFILE`, which have no kind of their own.
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}
