//! Requests for a WebSocket that are there as a whole: answered on the spot, by the task that has the stream and keeps
//! it. There are no buffers of HTTP, and the answer leaves with the first packet behind it.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::head;
use super::serve::Front;
use super::websocket::Opened;
use crate::connection::Driver;
use crate::peer::{PeerAddress, Security};
use crate::transport::Stream;

impl Front {
    /// Takes a stream on that speaks HTTP, and of which `bytes` were read. The connection that it asks for with them is
    /// the caller's to run; whatever else becomes of it is a task of its own. `serving` is what counts it until then.
    pub(in crate::server) async fn receive(
        self: &Arc<Self>,
        mut stream: Stream,
        bytes: Vec<u8>,
        peer: PeerAddress,
        security: Option<Box<Security>>,
        serving: TaskTrackerToken,
    ) -> Option<Driver> {
        let counted = self.connections.token();
        drop(serving);
        let bytes = Bytes::from(bytes);
        let asking = head::asking(&bytes).and_then(|(parts, length)| {
            let (site, parameters) = self.http.find_for_websocket(parts.uri.path())?;
            Some((parts, length, site, parameters))
        });
        let Some((mut parts, length, site, parameters)) = asking else {
            self.accept(stream.with_ahead(bytes.into()), peer, security, None);
            return None;
        };
        parts.extensions.insert(peer.clone());
        if let Some(security) = &security {
            parts.extensions.insert(Security::clone(security));
        }
        let mut rest = bytes[length..].to_vec();
        let (answer, opened) = tokio::select! {
            biased;
            answered = site.respond_at_once(parts, parameters) => answered,
            () = self.aborted.cancelled() => return None,
            () = hung_up(&mut stream, &mut rest) => return None,
        };
        match opened {
            None => {
                // Hyper reads it once more, and is told the answer.
                let read = [&bytes[..length], &rest].concat();
                self.accept(stream.with_ahead(read), peer, security, Some(answer));
                None
            }
            Some(Opened::Connection(mut arrival)) => {
                arrival.preface = head::written(&answer);
                let mut driver = site.serve(Opened::Connection(arrival), stream).await?;
                drop(counted);
                if !rest.is_empty() {
                    driver.hear(Ok(rest)).await;
                }
                Some(driver)
            }
            Some(successor) => {
                let written = timeout(self.patience, say(&mut stream, &head::written(&answer))).await;
                drop(counted);
                match written {
                    Ok(Ok(())) => site.serve(successor, stream.with_ahead(rest)).await,
                    Ok(Err(error)) => {
                        tracing::debug!(%error, "a WebSocket was not opened");
                        None
                    }
                    Err(_late) => None,
                }
            }
        }
    }
}

async fn say(stream: &mut Stream, words: &[u8]) -> std::io::Result<()> {
    stream.write_all(words).await?;
    stream.flush().await
}

/// Waits for the peer to hang up. It need not wait for its answer before it goes on: `rest` is what it says.
async fn hung_up(stream: &mut Stream, rest: &mut Vec<u8>) {
    if rest.is_empty() && matches!(stream.read_buf(rest).await, Ok(0) | Err(_)) {
        return;
    }
    std::future::pending::<()>().await;
}
