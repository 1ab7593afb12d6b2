//! Accepted streams whose protocol has not been detected yet.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::admission::{Admission, Limit, Permit};
use super::http::{Caller, Front};
use super::pending::{Pending, Place};
use crate::driver::Driver;
use crate::objects::{Connection, Hub};
use crate::peer::{PeerAddress, Security};
use crate::reason::DisconnectReason;
use crate::source::Source;
use crate::transport::Stream;

/// How many bytes are read first from a new peer: most heads of requests are much shorter.
const READ: usize = 16 * 1024;

/// The lobby of a server. Nothing in it is a connection yet.
pub(super) struct Lobby {
    hub: Arc<Hub>,
    front: Arc<Front>,
    /// What connections count against, where they are limited.
    admission: Option<Arc<Admission>>,
    /// All that have said nothing yet, or are in a handshake.
    pub(super) pending: Pending,
    draining: CancellationToken,
}

/// One stream: a task from its first byte to its last.
enum Visit {
    Greeting(BoxFuture<'static, Option<(Driver, Option<Permit>)>>),
    Serving(Driver),
    /// The same where connections are counted.
    Counted(Box<(Driver, Permit)>),
}

impl Lobby {
    /// `hub` serves native peers, `front` those that send HTTP.
    pub(super) fn new(hub: &Arc<Hub>, front: &Arc<Front>, admission: Option<Arc<Admission>>) -> Arc<Self> {
        let (hub, front) = (Arc::clone(hub), Arc::clone(front));
        let pending = Pending::new(hub.config.max_pending);
        Arc::new(Self { hub, front, admission, pending, draining: CancellationToken::new() })
    }

    /// Counts one more connection, where they are counted. One that has said nothing makes room for it.
    ///
    /// # Errors
    ///
    /// The limit that it would be beyond.
    pub(super) fn admit(&self, source: Source) -> Result<Option<Permit>, Limit> {
        let Some(admission) = &self.admission else { return Ok(None) };
        let limit = match admission.admit(source) {
            Ok(permit) => return Ok(Some(permit)),
            Err(limit) => limit,
        };
        let of = (limit == Limit::Address).then_some(source);
        if self.pending.make_room(of) { admission.admit(source).map(Some) } else { Err(limit) }
    }

    /// Takes a stream in. From now on a server that ends waits for it.
    pub(super) fn receive(
        self: &Arc<Self>,
        stream: Stream,
        peer: PeerAddress,
        security: Option<Box<Security>>,
        place: Place,
    ) {
        let detecting = Arc::clone(self).detect_protocol(stream, peer, security, place, self.hub.serving());
        tokio::spawn(Visit::Greeting(detecting.boxed()));
    }

    /// Accepts no more peers. Called before the connections are closed, so that none is missed.
    pub(super) fn drain(&self) {
        self.draining.cancel();
    }

    /// Makes a connection of a stream, or hands the stream to the HTTP server if its peer uses HTTP.
    async fn detect_protocol(
        self: Arc<Self>,
        mut stream: Stream,
        peer: PeerAddress,
        security: Option<Box<Security>>,
        mut place: Place,
        serving: TaskTrackerToken,
    ) -> Option<(Driver, Option<Permit>)> {
        let accepted_at = self.hub.clock();
        let first = tokio::select! {
            biased;
            first = self.first_bytes(&mut stream) => first,
            () = place.given_up() => {
                self.hub.metrics.handshake_failed();
                tracing::debug!(%peer, "a silent peer was evicted: too many connections are pending");
                return None;
            }
        };
        let permit = place.leave().ok()?;
        let driver = match first {
            // A method's name begins with an uppercase letter, as no native message does.
            Some(Ok(bytes)) if matches!(bytes.first(), Some(b'A'..=b'Z')) => {
                let caller = Caller { peer, security, permit: permit.clone() };
                self.front.receive(stream, bytes, caller, serving).boxed().await?
            }
            first => {
                let connection = Connection::new(&self.hub, peer, stream.medium(), security);
                let mut driver = Driver::new(connection, stream).since(accepted_at);
                match first {
                    Some(first) => driver.hear(first).await,
                    None => driver.connection().close(DisconnectReason::HandshakeTimeout),
                }
                driver
            }
        };
        if self.draining.is_cancelled() {
            driver.connection().drain(DisconnectReason::ServerShuttingDown);
        }
        Some((driver, permit))
    }

    /// What is read first; `None` when there was nothing for too long, or no time is left for it.
    async fn first_bytes(&self, stream: &mut Stream) -> Option<io::Result<Vec<u8>>> {
        tokio::select! {
            biased;
            first = poll_fn(|cx| poll_first(stream, cx)) => Some(first),
            () = self.draining.cancelled() => None,
            () = sleep(self.hub.config.handshake_timeout) => None,
        }
    }
}

pub(super) fn poll_first(stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<Vec<u8>>> {
    let mut buffer = [MaybeUninit::uninit(); READ];
    let mut read = ReadBuf::uninit(&mut buffer);
    ready!(Pin::new(stream).poll_read(cx, &mut read))?;
    Poll::Ready(Ok(read.filled().to_vec()))
}

impl Future for Visit {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            match this {
                Self::Greeting(detecting) => match ready!(detecting.as_mut().poll(cx)) {
                    Some((driver, None)) => *this = Self::Serving(driver),
                    Some((driver, Some(permit))) => *this = Self::Counted(Box::new((driver, permit))),
                    None => return Poll::Ready(()),
                },
                Self::Serving(driver) => return Pin::new(driver).poll(cx).map(|_| ()),
                Self::Counted(counted) => return Pin::new(&mut counted.0).poll(cx).map(|_| ()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocol_detection_adds_no_size_to_a_connection() {
        assert_eq!(size_of::<Visit>(), size_of::<Driver>());
    }
}
