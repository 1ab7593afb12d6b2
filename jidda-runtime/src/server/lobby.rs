//! Where those are who have come, until their first bytes tell what they speak.

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

use super::http::Front;
use crate::connection::{Connection, Driver, Hub};
use crate::peer::{PeerAddress, Security};
use crate::reason::DisconnectReason;
use crate::transport::Stream;

/// How much is read of one who has said nothing before: most heads of requests have much less.
const READ: usize = 16 * 1024;

/// The lobby of a server. Nobody in it is a connection yet.
#[derive(Debug)]
pub(super) struct Lobby {
    hub: Arc<Hub>,
    front: Arc<Front>,
    draining: CancellationToken,
}

/// One who has come: a task from its first byte to its last.
enum Visit {
    Greeting(BoxFuture<'static, Option<Driver>>),
    Serving(Driver),
}

impl Lobby {
    /// `hub` is for those who are native, `front` for those who speak HTTP.
    pub(super) fn new(hub: &Arc<Hub>, front: &Arc<Front>) -> Arc<Self> {
        let (hub, front) = (Arc::clone(hub), Arc::clone(front));
        Arc::new(Self { hub, front, draining: CancellationToken::new() })
    }

    /// Takes somebody in. From now on it is one that a server which ends waits for.
    pub(super) fn admit(
        self: &Arc<Self>,
        stream: Stream,
        peer: PeerAddress,
        security: Option<Box<Security>>,
    ) {
        let greeting = Arc::clone(self).greet(stream, peer, security, self.hub.serving());
        tokio::spawn(Visit::Greeting(greeting.boxed()));
    }

    /// Tells everyone that no more is to come. Before the connections are told: none is missed then.
    pub(super) fn drain(&self) {
        self.draining.cancel();
    }

    /// Makes a connection of one who has come, unless it speaks HTTP and asks for something else.
    async fn greet(
        self: Arc<Self>,
        mut stream: Stream,
        peer: PeerAddress,
        security: Option<Box<Security>>,
        serving: TaskTrackerToken,
    ) -> Option<Driver> {
        let came = self.hub.clock();
        let driver = match self.first_bytes(&mut stream).await {
            // A method's name begins with an uppercase letter, as no native message does.
            Some(Ok(bytes)) if matches!(bytes.first(), Some(b'A'..=b'Z')) => {
                self.front.receive(stream, bytes, peer, security, serving).boxed().await?
            }
            first => {
                let connection = Connection::new(&self.hub, peer, stream.medium(), security);
                let mut driver = Driver::new(connection, stream).since(came);
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
        Some(driver)
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

fn poll_first(stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<Vec<u8>>> {
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
                Self::Greeting(greeting) => match ready!(greeting.as_mut().poll(cx)) {
                    Some(driver) => *this = Self::Serving(driver),
                    None => return Poll::Ready(()),
                },
                Self::Serving(driver) => return Pin::new(driver).poll(cx).map(|_| ()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_greeted_takes_no_more_room_for_it() {
        assert_eq!(size_of::<Visit>(), size_of::<Driver>());
    }
}
