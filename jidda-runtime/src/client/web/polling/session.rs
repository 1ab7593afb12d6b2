//! A session that its connection and its courier share.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::ReadBuf;

use super::state::{Party, State};
use crate::guard::wake_all;
use crate::sync::Mutex;
use crate::transport::{Replaced, RequestStream, Stream};

/// A session that its connection and its courier share.
#[derive(Debug)]
pub(super) struct Session {
    state: Mutex<State>,
}

impl Session {
    /// A session of which these frames were received already, and the connection's stream.
    pub(super) fn new(inbound: Vec<u8>) -> (Arc<Self>, Stream) {
        let session = Arc::new(Self { state: Mutex::new(State::new(inbound)) });
        let stream = PollingStream { session: Arc::clone(&session), has_switched: false };
        (session, Stream::Requests(Box::new(Box::new(stream))))
    }

    /// Changes the state, and wakes the tasks that wait for it.
    pub(super) fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.lock();
        let result = change(&mut state);
        let woken = state.take_woken();
        drop(state);
        wake_all(woken);
        result
    }

    /// Waits, as the courier, until the state has what `poll` looks for.
    pub(super) async fn until<R>(&self, mut poll: impl FnMut(&mut State) -> Option<R>) -> R {
        poll_fn(|cx| {
            self.with(|state| match poll(state) {
                Some(found) => Poll::Ready(found),
                None => state.wait(Party::Courier, cx),
            })
        })
        .await
    }
}

/// The connection's end of a session.
#[derive(Debug)]
struct PollingStream {
    session: Arc<Session>,
    has_switched: bool,
}

impl PollingStream {
    fn with<R>(&mut self, act: impl FnOnce(&mut State) -> R) -> Replaced<R> {
        let result = self.session.with(|state| match state.successor.take() {
            Some(stream) => Err(stream),
            None => Ok(act(state)),
        });
        self.has_switched = result.is_err();
        result
    }
}

impl RequestStream for PollingStream {
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Replaced<Poll<io::Result<()>>> {
        self.with(|state| state.read(cx, buffer))
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Replaced<Poll<io::Result<usize>>> {
        self.with(|state| state.write(cx, slices))
    }

    fn poll_flush(&mut self) -> Replaced<Poll<io::Result<()>>> {
        self.with(|_| Poll::Ready(Ok(())))
    }

    fn poll_shutdown(&mut self) -> Replaced<Poll<io::Result<()>>> {
        self.with(State::finish)?;
        Ok(Poll::Ready(Ok(())))
    }

    fn finish(&mut self) -> Replaced<()> {
        self.with(State::close)
    }

    fn abandon(&mut self) -> Replaced<()> {
        self.with(State::abandon)
    }

    fn is_hung_up(&self) -> bool {
        self.session.state.lock().is_over()
    }
}

impl Drop for PollingStream {
    fn drop(&mut self) {
        if !self.has_switched {
            let successor = self.session.with(|state| {
                state.abandon();
                state.successor.take()
            });
            drop(successor);
        }
    }
}
