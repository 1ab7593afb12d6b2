//! One event handed to many sockets.
//!
//! First it takes its place with every recipient, at the first poll and without giving way: what the same task emits next,
//! and what the next events of the same socket cause, stands behind it at each of them. All broadcasts of a namespace do
//! so one after another, so that two of them arrive in the same order at every recipient of both. Then the frames are written,
//! which takes far longer, with pauses in which other tasks run. Last it waits for the recipients that had no room.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use smallvec::SmallVec;
use tokio::runtime::Handle;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{MissedTickBehavior, interval_at};
use tracing::Instrument;

use crate::deadline::after;
use crate::error::SendError;
use crate::foreign::{printable, shown};
use crate::guard::wake_all;
use crate::hub::selection::Selection;
use crate::link::line::Position;
use crate::link::stream_slot::BroadcastTime;
use crate::objects::Connection;
use crate::objects::Socket;
use crate::payload::CodecError;
use crate::reason::DisconnectReason;
use crate::room::Snapshot;
use crate::socket::encoded::Encoded;
use crate::socket::handle::is_reserved;
use crate::socket::push::{Placed, Waiting};
use crate::wire::{Protocol, Wire};

/// After so many frames a broadcast lets other tasks run.
const STRIDE: usize = 64;
/// And after so many bytes.
const BYTES: usize = 256 * 1024;
/// What one task writes, where there are several worker threads to do it.
const PART: usize = 4 * STRIDE;
/// How often a broadcast looks after recipients that hold it back.
const LOOK: Duration = Duration::from_millis(500);
/// How much such a recipient has to take between two looks. One that does not twice in a row is given up: once may be this
/// machine's fault.
const ENOUGH: u64 = 128 * 1024;

/// An event that takes its place with the sockets of a selection.
struct Placing<'a> {
    event: &'a str,
    arguments: &'a Encoded,
    is_volatile: bool,
    now: BroadcastTime,
    outcome: Outcome,
}

/// Where the frames stand.
#[derive(Default)]
struct Outcome {
    delivered: usize,
    /// Why a kind of peers could not be sent it.
    failed: Option<(Wire, SendError)>,
    /// The connections whose streams are reserved: the group of each, and its place there.
    reserved: Vec<(u32, u32)>,
    /// The tasks of those that write by themselves.
    wakers: Vec<Waker>,
    /// Those that have no room, and when they do.
    waiting: Vec<(Socket, Arc<Position>)>,
    /// Those whose program watches what is sent.
    watched: Vec<Socket>,
}

/// As it is written for each wire, not for each socket; `None` where it cannot be sent.
type Frames = SmallVec<[(Wire, Option<Arc<Bytes>>); 2]>;

impl Selection {
    pub(crate) async fn emit_encoded(&self, event: &str, arguments: Encoded) -> Result<usize, SendError> {
        if is_reserved(event) {
            return Err(SendError::Reserved(event.to_owned()));
        }
        let mut placing = Placing {
            event,
            arguments: &arguments,
            is_volatile: self.is_volatile,
            now: self.hub.broadcast_time(),
            outcome: Outcome::default(),
        };
        let groups: SmallVec<[_; 1]> = self.in_order(|places| {
            let groups = places.iter().map(|rooms| rooms.select(&self.target));
            groups.zip(0..).map(|(sockets, group)| placing.take_places(sockets, group)).collect()
        });
        let Outcome { delivered, failed, reserved, wakers, waiting, watched } = placing.outcome;
        let stride = (BYTES / arguments.longest().max(1)).clamp(1, STRIDE);
        // Before anything else: dropped, it leaves the frames to the connections' tasks.
        let unwritten = Part::all(Writing { groups, reserved, stride });
        wake_all(wakers);
        // What one kind of peers cannot be sent is no reason to leave the others without it.
        if let Some((wire, error)) = &failed {
            tracing::warn!(event = &*shown(event), error = %printable(error), "a broadcast cannot be sent by {}", wire.name());
        }
        for socket in &watched {
            socket.inner.show_outgoing_encoded(event, &arguments);
        }
        drop(watched);
        unwritten.write_divided().await;
        if !waiting.is_empty() {
            hold_back(&waiting).await;
        }
        match failed {
            Some((_, error)) if delivered == 0 => Err(error),
            _ => Ok(delivered),
        }
    }
}

impl Placing<'_> {
    /// Takes a place with each socket of one namespace.
    fn take_places(&mut self, sockets: Snapshot<Socket>, group: u32) -> Snapshot<Socket> {
        let mut frames = Frames::new();
        let mut last = 0;
        for (place, socket) in sockets.enumerate() {
            let wire = socket.inner.wire();
            // Most members of a room are of the same kind.
            if frames.get(last).is_none_or(|(other, _)| *other != wire) {
                last = frames.iter().position(|(other, _)| *other == wire).unwrap_or(frames.len());
                if last == frames.len() {
                    frames.push((wire, self.frame(wire, socket.namespace())));
                }
            }
            let Some(frame) = &frames[last].1 else { continue };
            match socket.inner.take_place(frame, self.now, self.is_volatile) {
                Ok(Placed::Reserved) => self.outcome.reserved.push((group, place)),
                Ok(Placed::Queued(waker)) => self.outcome.wakers.extend(waker),
                Ok(Placed::Waits(position)) => self.outcome.waiting.push((socket.clone(), position)),
                // It left between the look-up and now, or is given up: it has its own `disconnect`.
                Ok(Placed::Dropped) | Err(SendError::NotConnected | SendError::Full) => continue,
                Err(error) => {
                    self.outcome.failed = Some((wire, error));
                    continue;
                }
            }
            self.outcome.delivered += 1;
            if socket.inner.is_watched() {
                self.outcome.watched.push(socket.clone());
            }
        }
        sockets
    }

    /// The event as it goes to every socket of one wire; `None` if it cannot be sent to them.
    fn frame(&mut self, wire: Wire, namespace: &str) -> Option<Arc<Bytes>> {
        match framed(wire, namespace, self.event, self.arguments) {
            Ok(frame) => frame.map(Arc::new),
            Err(error) => {
                self.outcome.failed = Some((wire, error));
                None
            }
        }
    }
}

/// The frames that are to be written from here.
struct Writing {
    groups: SmallVec<[Snapshot<Socket>; 1]>,
    reserved: Vec<(u32, u32)>,
    /// After so many frames other tasks run.
    stride: usize,
}

/// Some of them. Dropped, it leaves those that are not written to the connections' tasks.
struct Part {
    whole: Arc<Writing>,
    next: usize,
    end: usize,
}

impl Part {
    fn all(whole: Writing) -> Self {
        let end = whole.reserved.len();
        Self { whole: Arc::new(whole), next: 0, end }
    }

    /// Takes up to `count` frames off the beginning.
    fn split(&mut self, count: usize) -> Self {
        let (start, end) = (self.next, self.end.min(self.next + count));
        self.next = end;
        Self { whole: Arc::clone(&self.whole), next: start, end }
    }

    /// Writes them, divided among the worker threads where that is worth it.
    async fn write_divided(mut self) {
        let has_helpers = || Handle::try_current().is_ok_and(|runtime| runtime.metrics().num_workers() > 1);
        if self.end <= PART || !has_helpers() {
            return self.write().await;
        }
        let own = self.split(PART);
        let mut others = JoinSet::new();
        while self.next < self.end {
            others.spawn(self.split(PART).write().in_current_span());
        }
        own.write().await;
        // One that did not end was dropped with its runtime, and left its frames to the connections' tasks.
        while others.join_next().await.is_some() {}
    }

    async fn write(mut self) {
        while self.next < self.end {
            for _ in 0..self.whole.stride.min(self.end - self.next) {
                self.next += 1;
                self.connection(self.next - 1).write_reserved();
            }
            if self.next < self.end {
                yield_now().await;
            }
        }
    }

    fn connection(&self, number: usize) -> &Connection {
        let (group, place) = self.whole.reserved[number];
        &self.whole.groups[group as usize].at(place).inner.connection
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        for number in self.next..self.end {
            self.connection(number).release_reserved();
        }
    }
}

/// A recipient that has no room.
struct Held<'a> {
    waiting: Waiting<'a>,
    /// How much its connection had written at the last look.
    written: u64,
    /// How many times in a row it had not taken enough.
    missed: u32,
}

impl Held<'_> {
    /// Gives the recipient up if it does not read.
    fn look(&mut self) {
        let connection = self.waiting.connection;
        let written = connection.link.change().outbox.written();
        self.missed = if written - self.written >= ENOUGH { 0 } else { self.missed + 1 };
        self.written = written;
        if self.missed == 2 {
            connection.close(DisconnectReason::SlowConsumer);
        }
    }
}

/// Waits for the recipients that have no room, and gives up those that do not read: they would hold back all others.
async fn hold_back(waiting: &[(Socket, Arc<Position>)]) {
    let held = waiting.iter().map(|(socket, position)| {
        let connection = &*socket.inner.connection;
        let written = connection.link.change().outbox.written();
        Held { waiting: Waiting { connection, position: Arc::clone(position) }, written, missed: 0 }
    });
    let mut held: Vec<_> = held.collect();
    // There is no clock outside of a runtime: the time that slow consumers have is the limit.
    let mut looks = Handle::try_current().is_ok().then(|| interval_at(after(LOOK), LOOK));
    if let Some(looks) = &mut looks {
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    poll_fn(|cx| {
        held.retain_mut(|held| Pin::new(&mut held.waiting).poll(cx).is_pending());
        while let Some(looks) = looks.as_mut().filter(|_| !held.is_empty()) {
            if looks.poll_tick(cx).is_pending() {
                return Poll::Pending;
            }
            held.iter_mut().for_each(Held::look);
        }
        if held.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// An event as it goes to every socket of one wire; `None` for peers of a kind that connected only after it was written.
fn framed(wire: Wire, namespace: &str, event: &str, arguments: &Encoded) -> Result<Option<Bytes>, SendError> {
    let Some(arguments) = arguments.list(wire.encoding()) else { return Ok(None) };
    let arguments = arguments?;
    let mut out = Vec::with_capacity(arguments.len() + event.len() + namespace.len() + 16);
    wire.event_encoded(&mut out, namespace, event, arguments)?;
    Ok(Some(out.into()))
}

/// An event of a typed stub for many sockets, to be awaited: how many sockets it was handed to.
#[must_use = "an event is sent when it is awaited"]
#[derive(Debug)]
pub struct BroadcastEmit {
    selection: Selection,
    event: String,
    arguments: Result<Encoded, CodecError>,
}

impl BroadcastEmit {
    pub(crate) fn new(selection: Selection, event: String, arguments: Result<Encoded, CodecError>) -> Self {
        Self { selection, event, arguments }
    }
}

impl IntoFuture for BroadcastEmit {
    type Output = Result<usize, SendError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.selection.emit_encoded(&self.event, self.arguments?).await })
    }
}
