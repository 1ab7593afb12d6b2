//! Futures that wait for something of a socket: each leaves the list of waiters when it is dropped.
//!
//! A waker is code of the program. It is cloned, woken and dropped only while nothing is locked.

use std::pin::Pin;
// Not of a model: a number is never given twice, in whatever run.
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use crate::objects::SocketInner;
use crate::objects::socket_state::{Extra, State};
use crate::objects::waiters::Waiters;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// Waits until `look` finds something in the state of a socket.
#[must_use = "futures do nothing unless they are polled"]
pub(crate) struct Wait<'a, F> {
    socket: &'a SocketInner,
    waiters: fn(&mut Extra) -> &mut Waiters,
    look: F,
    /// Its place among the waiters, once it is one.
    number: Option<u64>,
}

impl SocketInner {
    /// Waits until `look` finds something. Those in the list of `waiters` are woken by whoever puts it there.
    pub(crate) fn wait<T, F>(&self, waiters: fn(&mut Extra) -> &mut Waiters, look: F) -> Wait<'_, F>
    where
        F: FnMut(&mut State) -> Option<T> + Unpin,
    {
        Wait { socket: self, waiters, look, number: None }
    }
}

impl<T, F: FnMut(&mut State) -> Option<T> + Unpin> Future for Wait<'_, F> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.get_mut();
        {
            let mut state = this.socket.state.lock();
            if let Some(found) = (this.look)(&mut state) {
                return Poll::Ready(found);
            }
            if let (Some(number), Some(extra)) = (this.number, state.extra.as_deref_mut())
                && (this.waiters)(extra).would_wake(number, cx.waker())
            {
                return Poll::Pending;
            }
        }
        let number = *this.number.get_or_insert_with(|| NEXT.fetch_add(1, Ordering::Relaxed));
        let waker = cx.waker().clone();
        let mut state = this.socket.state.lock();
        // It may have been put there between the two locks, without a wake-up.
        let found = (this.look)(&mut state);
        let unused = match found {
            Some(_) => Some(waker),
            None => (this.waiters)(state.extra()).insert(number, waker),
        };
        drop(state);
        drop(unused);
        found.map_or(Poll::Pending, Poll::Ready)
    }
}

impl<F> Drop for Wait<'_, F> {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let mut state = self.socket.state.lock();
        let waker = state.extra.as_deref_mut().and_then(|extra| (self.waiters)(extra).remove(number));
        state.tidy();
        drop(state);
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::{Wake, Waker};

    use futures_util::FutureExt;
    use futures_util::poll;

    use super::*;
    use crate::objects::Socket;
    use crate::server::Server;
    use crate::testing;

    async fn socket() -> (crate::client::Client, Server, Socket) {
        let builder = Server::builder().handlers([]);
        let (client, server) = testing::pair_with(builder, |client| client.handlers([])).await.unwrap();
        let socket = server.sockets().pop().unwrap();
        (client, server, socket)
    }

    #[tokio::test]
    async fn a_cancelled_wait_leaves_nothing_behind() {
        let (_client, _server, socket) = socket().await;
        for _ in 0..3 {
            assert!(socket.closed().now_or_never().is_none());
            assert!(socket.recv::<u8>().now_or_never().is_none());
        }
        assert!(socket.inner.state.lock().extra.is_none());
        // The waiters that are left are woken nevertheless.
        let mut closed = Box::pin(socket.closed());
        assert!(poll!(&mut closed).is_pending());
        assert!(socket.closed().now_or_never().is_none());
        socket.close();
        closed.await;
    }

    /// The list was replaced meanwhile, so that this place may be another waiter's: it is not removed.
    #[tokio::test]
    async fn a_late_drop_of_a_waiter_affects_no_other_waiter() {
        let (client, _server, socket) = socket().await;
        let mut first = Box::pin(socket.recv::<u8>());
        assert!(poll!(&mut first).is_pending());
        client.send(&1).await.unwrap();
        while socket.inner.state.lock().extra.as_ref().is_some_and(|extra| extra.inbox.is_empty()) {
            tokio::task::yield_now().await;
        }
        assert_eq!(socket.recv::<u8>().await.unwrap(), 1);
        let mut second = Box::pin(socket.recv::<u8>());
        assert!(poll!(&mut second).is_pending());
        drop(first);
        client.send(&2).await.unwrap();
        assert_eq!(second.await.unwrap(), 2);
    }

    /// A waker that uses the socket when it is dropped.
    struct Touches(Socket);

    impl Wake for Touches {
        fn wake(self: Arc<Self>) {}
    }

    impl Drop for Touches {
        fn drop(&mut self) {
            self.0.insert(1_u8);
        }
    }

    #[tokio::test]
    async fn a_waker_is_dropped_while_nothing_is_locked() {
        let (_client, _server, socket) = socket().await;
        let waker = || Waker::from(Arc::new(Touches(socket.clone())));
        let mut closed = Box::pin(socket.closed());
        assert!(closed.poll_unpin(&mut Context::from_waker(&waker())).is_pending());
        // The first one is replaced, the second one leaves.
        assert!(closed.poll_unpin(&mut Context::from_waker(&waker())).is_pending());
        assert!(socket.remove::<u8>().is_some());
        drop(closed);
        assert!(socket.remove::<u8>().is_some());
    }
}
