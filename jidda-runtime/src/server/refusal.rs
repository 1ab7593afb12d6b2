//! Connections beyond the limits: they are sent the reason, as long as that is cheap.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::admission::{Admission, Limit};
use super::lobby::poll_first;
use crate::driver::Driver;
use crate::foreign::printable;
use crate::objects::{Connection, Hub};
use crate::peer::PeerAddress;
use crate::reason::DisconnectReason;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::transport::{Incoming, Stream};

/// How many refusals are sent at once; other connections are closed without one.
const MOST: usize = 64;
/// How long a refused peer may take to send its first bytes and to read the reason.
const PATIENCE: Duration = Duration::from_secs(2);

/// The answer to an HTTP request.
const HTTP: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Retry-After: 5\r\n\
    Content-Type: text/plain; charset=UTF-8\r\n\
    Content-Length: 21\r\n\
    Connection: close\r\n\
    \r\n\
    too many connections\n";

/// The refusals of a server.
pub(super) struct Refusals {
    hub: Arc<Hub>,
    admission: Option<Arc<Admission>>,
    going: Arc<AtomicUsize>,
}

/// One refusal that is being sent.
struct Sending(Arc<AtomicUsize>);

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Refusals {
    pub(super) fn new(hub: &Arc<Hub>, admission: Option<Arc<Admission>>) -> Arc<Self> {
        Arc::new(Self { hub: Arc::clone(hub), admission, going: Arc::default() })
    }

    /// Closes a stream that is beyond a limit. The peer receives the reason only on an unencrypted stream: a handshake
    /// for it would cost too much.
    pub(super) fn refuse(&self, incoming: Incoming, peer: PeerAddress, limit: Limit) {
        if let Some(admission) = &self.admission {
            admission.refused(limit, &peer);
        }
        let Incoming::Clear(stream) = incoming else { return };
        let counted = Sending(Arc::clone(&self.going));
        if self.going.fetch_add(1, Ordering::Relaxed) >= MOST {
            return;
        }
        let sending = send_reason(stream, peer, Arc::clone(&self.hub));
        tokio::spawn(async move {
            let _sending = counted;
            if let Ok(Err(error)) = timeout(PATIENCE, sending).await {
                tracing::debug!(error = %printable(&error), "a refused connection failed before it received the reason");
            }
        });
    }
}

async fn send_reason(mut stream: Stream, peer: PeerAddress, hub: Arc<Hub>) -> io::Result<()> {
    let first = poll_fn(|cx| poll_first(&mut stream, cx)).await?;
    if matches!(first.first(), Some(b'A'..=b'Z')) {
        stream.write_all(HTTP).await?;
        stream.shutdown().await?;
        // If bytes stay unread, the system resets the connection and the peer may lose the answer.
        while stream.read(&mut [0; 512]).await? > 0 {}
        return Ok(());
    }
    let connection = Connection::new(&hub, peer, stream.medium(), None);
    let driver = Driver::new(connection, stream);
    driver.connection().close(DisconnectReason::TooManyConnections);
    driver.await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_as_long_as_it_says() {
        let (_, body) = std::str::from_utf8(HTTP).unwrap().split_once("\r\n\r\n").unwrap();
        assert_eq!(body.len(), 21);
    }
}
