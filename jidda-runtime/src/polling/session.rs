//! A session that requests and a driver share, and what keeps it right when one of them is dropped.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::ReadBuf;
use tokio::time::timeout;

use super::machine::{Answer, Machine, PostOutcome, Refusal, SessionEnd};
use crate::guard::wake_all;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::transport::{Replaced, RequestStream, Stream};

/// How long a GET waits for the outcome of an upgrade, and the end of a session for a GET that was on its way.
const MOMENT: Duration = Duration::from_millis(100);
/// How long last words wait for a GET.
const LAST_WORDS: Duration = Duration::from_secs(30);

/// A session that its requests and its driver share.
#[derive(Debug)]
pub(crate) struct Session {
    shared: Mutex<Shared>,
    /// Whether what is written now would leave at once.
    gate: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Shared {
    machine: Machine,
    /// The WebSocket that took over, until the driver has it.
    successor: Option<Box<Stream>>,
}

impl Session {
    /// A new session, whose GETs take so many packets at most, and its driver's stream.
    pub(crate) fn new(most: usize) -> (Arc<Self>, Stream) {
        let shared = Mutex::new(Shared { machine: Machine::new(most), successor: None });
        let session = Arc::new(Self { shared, gate: Arc::default() });
        let stream = SessionStream { session: Arc::clone(&session), has_switched: false };
        (session, Stream::Requests(Box::new(Box::new(stream))))
    }

    /// Tells whether what is written would leave at once.
    pub(crate) fn gate(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.gate)
    }

    /// Changes the state, and wakes the tasks that wait for it.
    fn with<R>(&self, change: impl FnOnce(&mut Shared) -> R) -> R {
        let mut shared = self.shared.lock();
        let result = change(&mut shared);
        self.gate.store(shared.machine.is_writable(), Ordering::Release);
        let (woken, spent) = (shared.machine.take_woken(), shared.machine.take_spent());
        drop(shared);
        drop(spent);
        wake_all(woken);
        result
    }

    /// Whether requests with the id of this session are accepted.
    pub(crate) fn is_known(&self) -> bool {
        self.shared.lock().machine.is_known()
    }

    /// Begins a GET. Dropping it closes the session: the client has closed its request.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub(crate) fn get(self: &Arc<Self>) -> Result<Get, Refusal> {
        let early = self.with(|shared| shared.machine.begin_get())?;
        Ok(Get { session: Arc::clone(self), early, is_answered: false })
    }

    /// Begins a POST. Dropping it closes the session, too.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub(crate) fn post(self: &Arc<Self>) -> Result<Post, Refusal> {
        self.with(|shared| shared.machine.begin_post())?;
        Ok(Post { session: Arc::clone(self), is_over: false })
    }

    /// Begins an upgrade, unless one is under way or done. Polling goes on until it is complete.
    pub(crate) fn upgrade(self: &Arc<Self>) -> Option<Attempt> {
        let may = self.with(|shared| shared.machine.begin_upgrade());
        may.then(|| Attempt { session: Arc::clone(self), has_taken: false })
    }

    /// Waits for a GET to take the last words of a driver that is done, for a while.
    pub(crate) async fn last_words(&self) {
        let taken = poll_fn(|cx| self.with(|shared| shared.machine.poll_last_words(cx)));
        let _ = timeout(LAST_WORDS, taken).await;
        self.with(|shared| shared.machine.end(SessionEnd::Abandoned));
    }
}

/// A GET that is not answered.
#[derive(Debug)]
pub(crate) struct Get {
    session: Arc<Session>,
    early: Option<Answer>,
    is_answered: bool,
}

impl Get {
    /// Waits for the response.
    pub(crate) async fn answer(&mut self) -> Answer {
        if let Some(answer) = self.early.take() {
            return answer;
        }
        let session = &self.session;
        let is_late = session.with(|shared| shared.machine.waits_for_upgrade());
        let poll = |is_late| poll_fn(move |cx| session.with(|shared| shared.machine.poll_get(cx, is_late)));
        if is_late && let Ok(answer) = timeout(MOMENT, poll(false)).await {
            return answer;
        }
        poll(is_late).await
    }

    /// Its answer is on its way.
    pub(crate) fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Drop for Get {
    fn drop(&mut self) {
        if !self.is_answered {
            self.session.with(|shared| shared.machine.end(SessionEnd::Broken));
        }
    }
}

/// A POST that is not answered.
#[derive(Debug)]
pub(crate) struct Post {
    session: Arc<Session>,
    is_over: bool,
}

impl Post {
    /// Hands the frames over and waits until there is room for more.
    ///
    /// # Errors
    ///
    /// The session ended before its body was received.
    pub(crate) async fn deliver(mut self, frames: Vec<u8>, after: PostOutcome) -> Result<(), Refusal> {
        let session = &self.session;
        let delivered = session.with(|shared| shared.machine.deliver(frames, after));
        let answered = poll_fn(|cx| session.with(|shared| shared.machine.poll_post(cx)));
        let mut answered = pin!(answered);
        if after != PostOutcome::Open && timeout(MOMENT, answered.as_mut()).await.is_err() {
            session.with(|shared| shared.machine.end_grace());
        }
        answered.await;
        self.is_over = true;
        delivered
    }

    /// Leaves the session as it is.
    pub(crate) fn leave(mut self) {
        self.session.with(|shared| shared.machine.leave_post());
        self.is_over = true;
    }
}

impl Drop for Post {
    fn drop(&mut self) {
        if !self.is_over {
            self.session.with(|shared| shared.machine.end(SessionEnd::Broken));
        }
    }
}

/// An upgrade under way. Dropping it gives it up.
#[derive(Debug)]
pub(crate) struct Attempt {
    session: Arc<Session>,
    /// The session is the WebSocket's, though its driver does not have it yet.
    has_taken: bool,
}

impl Attempt {
    /// The WebSocket works.
    pub(super) fn probed(&self) {
        self.session.with(|shared| shared.machine.probed());
    }

    /// Takes the session over; what is to be written first.
    ///
    /// # Errors
    ///
    /// The session is over, with its last words.
    pub(super) fn take(&mut self) -> Result<Vec<u8>, Vec<u8>> {
        let outbound = self.session.with(|shared| shared.machine.upgrade())?;
        self.has_taken = true;
        Ok(outbound)
    }

    /// Gives the driver its new stream, and `ahead` to be read before it.
    pub(super) fn hand_over(mut self, stream: Stream, ahead: &[u8]) {
        self.session.with(|shared| {
            let mut read = shared.machine.take_inbound();
            read.extend_from_slice(ahead);
            shared.successor = Some(Box::new(stream.with_rewind(read)));
        });
        self.has_taken = false;
    }

    /// Waits until there is nothing to upgrade any more.
    pub(super) async fn over(&self) {
        poll_fn(|cx| self.session.with(|shared| shared.machine.poll_over(cx))).await;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let has_taken = self.has_taken;
        self.session.with(|shared| {
            shared.machine.give_upgrade_up();
            if has_taken {
                shared.machine.lose_upgrade();
            }
        });
    }
}

/// The driver's end of a session.
#[derive(Debug)]
pub struct SessionStream {
    session: Arc<Session>,
    has_switched: bool,
}

impl SessionStream {
    fn with<R>(&mut self, act: impl FnOnce(&mut Machine) -> R) -> Replaced<R> {
        let result = self.session.with(|shared| match shared.successor.take() {
            Some(stream) => Err(stream),
            None => Ok(act(&mut shared.machine)),
        });
        self.has_switched = result.is_err();
        result
    }
}

impl RequestStream for SessionStream {
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Replaced<Poll<io::Result<()>>> {
        self.with(|machine| machine.read(cx, buffer))
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Replaced<Poll<io::Result<usize>>> {
        self.with(|machine| machine.write(cx, slices))
    }

    fn poll_flush(&mut self) -> Replaced<Poll<io::Result<()>>> {
        self.with(|_| Poll::Ready(Ok(())))
    }

    fn poll_shutdown(&mut self) -> Replaced<Poll<io::Result<()>>> {
        self.with(Machine::shut_down)?;
        Ok(Poll::Ready(Ok(())))
    }

    fn finish(&mut self) -> Replaced<()> {
        self.with(Machine::finish)
    }

    fn abandon(&mut self) -> Replaced<()> {
        self.with(Machine::abandon)
    }

    fn is_hung_up(&self) -> bool {
        self.session.shared.lock().machine.is_over()
    }
}

impl Drop for SessionStream {
    fn drop(&mut self) {
        if !self.has_switched {
            self.session.with(|shared| {
                shared.successor = None;
                shared.machine.abandon();
            });
        }
    }
}
