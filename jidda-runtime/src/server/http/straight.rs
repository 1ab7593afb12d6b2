//! Requests for a WebSocket that are there as a whole: answered on the spot, by the task that has the stream and keeps
//! it. There are no buffers of HTTP, and the answer leaves with the first packet behind it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::head;
use super::serve::{Caller, Front};
use super::sessions::Entry;
use super::site::Site;
use super::websocket::Opened;
use crate::driver::Driver;
use crate::foreign::printable;
use crate::peer::Security;
use crate::polling::Attempt;
use crate::transport::Stream;
use crate::tunnel::Tunnel;

impl Front {
    /// Takes over an HTTP stream, of which `bytes` were read already. If they ask for a connection, the caller runs
    /// that connection; everything else runs in a task of its own. `serving` counts the stream until then.
    pub(in crate::server) async fn receive(
        self: &Arc<Self>,
        mut stream: Stream,
        bytes: Vec<u8>,
        caller: Caller,
        serving: TaskTrackerToken,
    ) -> Option<Driver> {
        let counted = self.connections.token();
        drop(serving);
        // Requests, responses and the frames of a WebSocket say where they end.
        stream.allow_abrupt_end();
        let bytes = Bytes::from(bytes);
        let asking = head::asking(&bytes).and_then(|(parts, length)| {
            let (site, parameters) = self.http.find_for_websocket(&parts.uri)?;
            Some((parts, length, site, parameters))
        });
        let Some((mut parts, length, site, parameters)) = asking else {
            self.accept(stream.with_rewind(bytes.into()), caller, None);
            return None;
        };
        if site.shows_requests() {
            parts.extensions.insert(caller.peer.clone());
        }
        if let Some(security) = &caller.security {
            parts.extensions.insert(Security::clone(security));
        }
        let mut rest = bytes[length..].to_vec();
        let (answer, opened) = tokio::select! {
            biased;
            answered = site.respond_at_once(&parts, parameters) => answered,
            () = self.aborted.cancelled() => return None,
            () = hung_up(&mut stream, &mut rest) => return None,
        };
        match opened {
            None => {
                // Hyper reads it once more, and sends the answer that is ready.
                let read = [&bytes[..length], &rest].concat();
                self.accept(stream.with_rewind(read), caller, Some(answer));
                None
            }
            Some(Opened::Connection(mut arrival, _serving)) => {
                arrival.preface = head::written(&answer);
                (arrival.peer, arrival.security) = (caller.peer, caller.security);
                let mut driver = site.connect(arrival, stream);
                drop(counted);
                if !rest.is_empty() {
                    driver.hear(Ok(rest)).boxed().await;
                }
                Some(driver)
            }
            Some(Opened::Native(mut arrival, _serving)) => {
                (arrival.peer, arrival.security) = (caller.peer, caller.security);
                let answer = head::written(&answer);
                let written = timeout(self.patience, say(&mut stream, &answer)).boxed().await;
                drop(counted);
                if !matches!(written, Ok(Ok(()))) {
                    tracing::debug!("a WebSocket was not opened");
                    return None;
                }
                Some(site.connect(arrival, Tunnel::of_server(stream.with_rewind(rest))))
            }
            Some(Opened::Successor(entry, attempt, _serving)) => {
                let answer = head::written(&answer);
                let opening = Successor { site, entry, attempt, stream, rest, answer };
                // Boxed: hardly anybody needs the room.
                opening.serve(self.patience, counted).boxed().await;
                None
            }
        }
    }
}

/// A WebSocket that takes a session over once its answer is written.
struct Successor {
    site: Arc<Site>,
    entry: Arc<Entry>,
    attempt: Option<Attempt>,
    stream: Stream,
    /// What was read behind the request.
    rest: Vec<u8>,
    answer: Vec<u8>,
}

impl Successor {
    async fn serve(self, patience: Duration, counted: TaskTrackerToken) {
        let Self { site, entry, attempt, mut stream, rest, answer } = self;
        let written = timeout(patience, say(&mut stream, &answer)).await;
        drop(counted);
        let error = match written {
            Ok(Ok(())) => {
                return site.succeed(&entry, attempt, stream.with_rewind(rest)).await;
            }
            Ok(Err(error)) => error,
            Err(_late) => io::ErrorKind::TimedOut.into(),
        };
        tracing::debug!(error = %printable(error), "a WebSocket was not opened");
    }
}

async fn say(stream: &mut Stream, words: &[u8]) -> io::Result<()> {
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
