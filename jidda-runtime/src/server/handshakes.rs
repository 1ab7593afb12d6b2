//! Handshakes of encrypted addresses: a task each, with a deadline, and only so many at once.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::peer::{PeerAddress, Security};
use crate::sync::Mutex;
use crate::transport::Stream;

/// How many there may be at once, for each listener. The next one takes the place of the oldest, which had the most
/// time: peers that stall keep nobody out, however many they are.
const MOST: usize = 1024;

/// Those that are going on at one listener. Dropping it ends them.
pub(super) struct Handshakes {
    most: usize,
    limit: Duration,
    next: u64,
    /// By age. A sender is never used: dropping it gives the handshake up.
    going: Arc<Mutex<BTreeMap<u64, oneshot::Sender<Infallible>>>>,
    /// Told of each that comes to nothing.
    failed: Arc<dyn Fn() + Send + Sync>,
}

impl Handshakes {
    /// `limit` is how long each may take; `failed` is told of each that comes to nothing.
    pub(super) fn new(limit: Duration, failed: impl Fn() + Send + Sync + 'static) -> Self {
        Self { most: MOST, limit, next: 0, going: Arc::default(), failed: Arc::new(failed) }
    }

    /// Runs a handshake as a task of its own; `serve` gets what comes of it, unless it was given up before.
    pub(super) fn spawn(
        &mut self,
        peer: PeerAddress,
        handshake: impl Future<Output = io::Result<(Stream, Security)>> + Send + 'static,
        serve: impl FnOnce(Stream, Security) + Send + 'static,
    ) {
        let place = self.next;
        self.next += 1;
        let (sender, given_up) = oneshot::channel();
        {
            let mut going = self.going.lock();
            if going.len() >= self.most && going.pop_first().is_some() {
                tracing::debug!(most = self.most, "too many handshakes at once: the oldest is given up");
            }
            going.insert(place, sender);
        }
        let going = Arc::clone(&self.going);
        let (limit, failed) = (self.limit, Arc::clone(&self.failed));
        tokio::spawn(async move {
            let ended = tokio::select! {
                ended = timeout(limit, handshake) => ended,
                _ = given_up => {
                    failed();
                    return tracing::debug!(%peer, "a handshake was given up");
                }
            };
            // Until it is served: who ends the others waits for this one, and finds a connection then.
            let mut going = going.lock();
            if going.remove(&place).is_none() {
                return;
            }
            match ended {
                Ok(Ok((stream, security))) => serve(stream, security),
                Ok(Err(error)) => {
                    failed();
                    tracing::debug!(%peer, %error, "a handshake failed");
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
        self.going.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::mpsc;

    use super::*;

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

    fn stall(handshakes: &mut Handshakes, ended: &mpsc::UnboundedSender<u32>, number: u32) {
        let life = Life(ended.clone(), number);
        let never = async move {
            let _life = life;
            pending().await
        };
        handshakes.spawn(PeerAddress::Unix, never, |_, _| panic!("it never ends"));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_never_ends_is_ended() {
        let (ended, mut ends) = mpsc::unbounded_channel();
        let mut handshakes = Handshakes::new(Duration::from_secs(10), || ());
        stall(&mut handshakes, &ended, 1);
        let start = tokio::time::Instant::now();
        assert_eq!(ends.recv().await, Some(1));
        assert_eq!(start.elapsed().as_secs(), 10);
        tokio::task::yield_now().await;
        assert!(handshakes.going.lock().is_empty());
    }

    #[tokio::test]
    async fn the_oldest_makes_room_and_the_new_one_is_served() {
        let (ended, mut ends) = mpsc::unbounded_channel();
        let mut handshakes = Handshakes::new(Duration::MAX, || ());
        handshakes.most = 2;
        for number in 1..=3 {
            stall(&mut handshakes, &ended, number);
        }
        assert_eq!(ends.recv().await, Some(1));
        let (tell, mut told) = mpsc::unbounded_channel();
        let serve = move |_, _| tell.send(()).unwrap();
        handshakes.spawn(PeerAddress::Unix, async { Ok(secured()) }, serve);
        assert_eq!(told.recv().await, Some(()));
        assert_eq!(ends.recv().await, Some(2));
        assert!(ends.try_recv().is_err(), "the third goes on");
    }

    #[tokio::test]
    async fn none_is_served_when_the_server_has_stopped() {
        let (ended, mut ends) = mpsc::unbounded_channel();
        let (go, gone) = oneshot::channel::<()>();
        let mut handshakes = Handshakes::new(Duration::MAX, || ());
        stall(&mut handshakes, &ended, 1);
        let late = async {
            let _ = gone.await;
            Ok(secured())
        };
        handshakes.spawn(PeerAddress::Unix, late, |_, _| panic!("the server has stopped"));
        go.send(()).unwrap();
        drop(handshakes);
        assert_eq!(ends.recv().await, Some(1));
    }
}
