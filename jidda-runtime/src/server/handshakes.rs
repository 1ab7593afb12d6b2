//! Handshakes of encrypted addresses: a task each, with a deadline, among all that is pending.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::pending::Place;
use crate::foreign::printable;
use crate::peer::{PeerAddress, Security};
use crate::sync::Mutex;
use crate::transport::Stream;

/// Those that are going on at one listener. Dropping it ends them.
pub(super) struct Handshakes {
    limit: Duration,
    ending: CancellationToken,
    /// Locked while one is handed over: a shutdown waits for this one, and finds a connection then.
    has_ended: Arc<Mutex<bool>>,
    /// Called for each that fails.
    failed: Arc<dyn Fn() + Send + Sync>,
}

impl Handshakes {
    /// `limit` is how long each may take; `failed` is called for each that fails.
    pub(super) fn new(limit: Duration, failed: impl Fn() + Send + Sync + 'static) -> Self {
        let (ending, has_ended) = (CancellationToken::new(), Arc::default());
        Self { limit, ending, has_ended, failed: Arc::new(failed) }
    }

    /// Runs a handshake as a task of its own; `serve` gets its result and the stream's place, unless that was lost
    /// before.
    pub(super) fn spawn(
        &self,
        peer: PeerAddress,
        mut place: Place,
        handshake: impl Future<Output = io::Result<(Stream, Security)>> + Send + 'static,
        serve: impl FnOnce(Stream, Security, Place) + Send + 'static,
    ) {
        let (limit, failed) = (self.limit, Arc::clone(&self.failed));
        let (ending, has_ended) = (self.ending.clone(), Arc::clone(&self.has_ended));
        tokio::spawn(async move {
            let ended = tokio::select! {
                ended = timeout(limit, handshake) => ended,
                () = place.given_up() => {
                    failed();
                    return tracing::debug!(%peer, "a handshake was evicted: too many connections are pending");
                }
                () = ending.cancelled() => return,
            };
            match ended {
                Ok(Ok((stream, security))) => {
                    let has_ended = has_ended.lock();
                    if !*has_ended {
                        serve(stream, security, place);
                    }
                }
                Ok(Err(error)) => {
                    failed();
                    tracing::debug!(%peer, error = %printable(error), "a handshake failed");
                }
                Err(_late) => {
                    failed();
                    tracing::debug!(%peer, ?limit, "a handshake took too long");
                }
            }
        });
    }
}

impl Drop for Handshakes {
    fn drop(&mut self) {
        *self.has_ended.lock() = true;
        self.ending.cancel();
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::{mpsc, oneshot};

    use super::super::pending::Pending;
    use super::*;
    use crate::source::Source;

    /// Says when it is dropped.
    struct Life(mpsc::UnboundedSender<u32>, u32);

    impl Drop for Life {
        fn drop(&mut self) {
            let _ = self.0.send(self.1);
        }
    }

    fn secured() -> (Stream, Security) {
        (Stream::Memory(crate::transport::pipe::pair(1).0), Security::Noise { key: [0; 32] })
    }

    fn stall(handshakes: &Handshakes, place: Place, ended: &mpsc::UnboundedSender<u32>, number: u32) {
        let life = Life(ended.clone(), number);
        let never = async move {
            let _life = life;
            pending().await
        };
        handshakes.spawn(PeerAddress::Unix, place, never, |_, _, _| panic!("it never ends"));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_never_ends_is_ended() {
        let (ended, mut ends) = mpsc::unbounded_channel();
        let handshakes = Handshakes::new(Duration::from_secs(10), || ());
        let others = Pending::new(2);
        stall(&handshakes, others.enter(Source::Other, None), &ended, 1);
        let start = tokio::time::Instant::now();
        assert_eq!(ends.recv().await, Some(1));
        assert_eq!(start.elapsed().as_secs(), 10);
        tokio::task::yield_now().await;
        assert_eq!(others.len(), 0);
    }

    #[tokio::test]
    async fn one_makes_room_and_the_new_one_is_served() {
        let (ended, mut ends) = mpsc::unbounded_channel();
        let handshakes = Handshakes::new(Duration::MAX, || ());
        let others = Pending::new(2);
        for number in 1..=3 {
            stall(&handshakes, others.enter(Source::Other, None), &ended, number);
        }
        assert_eq!(ends.recv().await, Some(1));
        let (tell, mut told) = mpsc::unbounded_channel();
        let serve = move |_, _, place: Place| tell.send(place.leave().is_ok()).unwrap();
        handshakes.spawn(
            PeerAddress::Unix,
            others.enter(Source::Other, None),
            async { Ok(secured()) },
            serve,
        );
        assert_eq!(told.recv().await, Some(true));
        assert_eq!(ends.recv().await, Some(2));
        assert!(ends.try_recv().is_err(), "the third goes on");
    }

    #[tokio::test]
    async fn none_is_served_when_the_server_has_stopped() {
        let (ended, mut ends) = mpsc::unbounded_channel();
        let (go, gone) = oneshot::channel::<()>();
        let handshakes = Handshakes::new(Duration::MAX, || ());
        let others = Pending::new(2);
        stall(&handshakes, others.enter(Source::Other, None), &ended, 1);
        let late = async {
            let _ = gone.await;
            Ok(secured())
        };
        let place = others.enter(Source::Other, None);
        handshakes.spawn(PeerAddress::Unix, place, late, |_, _, _| panic!("the server has stopped"));
        go.send(()).unwrap();
        drop(handshakes);
        assert_eq!(ends.recv().await, Some(1));
    }
}
