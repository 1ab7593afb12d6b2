//! One event handed to many sockets.

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use smallvec::SmallVec;
use tokio::runtime::Handle;
use tokio::task::{JoinSet, yield_now};
use tracing::Instrument;

use super::encoded::Encoded;
use super::hub::Hub;
use super::selection::Selection;
use super::socket::{Frame, Socket, is_reserved};
use crate::error::SendError;
use crate::foreign::{printable, shown};
use crate::payload::CodecError;
use crate::room::Snapshot;
use crate::sync::Mutex;
use crate::wire::Wire;

/// After so many deliveries a broadcast lets other tasks run.
const STRIDE: usize = 64;
/// And after so many bytes.
const BYTES: usize = 256 * 1024;
/// What one task delivers, where there are several worker threads to do it.
const PART: usize = 4 * STRIDE;

/// An event for the sockets of one namespace.
struct Delivery {
    hub: Arc<Hub>,
    sockets: Snapshot<Socket>,
    event: Arc<str>,
    arguments: Arc<Encoded>,
    is_volatile: bool,
    frames: Mutex<Frames>,
}

/// As it is written for each wire, not for each socket; `None` where it cannot be sent.
type Frames = SmallVec<[(Wire, Option<Bytes>); 2]>;

/// How far a delivery came.
#[derive(Debug, Default)]
struct Tally {
    delivered: usize,
    failed: Option<SendError>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.failed = self.failed.take().or(other.failed);
    }
}

impl Selection {
    pub(super) async fn emit_encoded(&self, event: &str, arguments: Encoded) -> Result<usize, SendError> {
        if is_reserved(event) {
            return Err(SendError::Reserved(event.to_owned()));
        }
        let (event, arguments) = (Arc::<str>::from(event), Arc::new(arguments));
        let mut tally = Tally::default();
        for rooms in self.places() {
            let delivery = Delivery {
                hub: Arc::clone(&self.hub),
                sockets: rooms.select(&self.target),
                event: Arc::clone(&event),
                arguments: Arc::clone(&arguments),
                is_volatile: self.is_volatile,
                frames: Mutex::default(),
            };
            tally.add(delivery.run().await);
        }
        match tally.failed {
            Some(error) if tally.delivered == 0 => Err(error),
            _ => Ok(tally.delivered),
        }
    }
}

impl Delivery {
    /// Delivers to all. Writing takes far longer than finding out to whom: what is too much for a moment is divided
    /// among the worker threads. Dropping the future ends all of it.
    async fn run(self) -> Tally {
        let count = self.sockets.len();
        let has_helpers = || Handle::try_current().is_ok_and(|runtime| runtime.metrics().num_workers() > 1);
        if count <= PART || !has_helpers() {
            return self.deliver(0..count).await;
        }
        let whole = Arc::new(self);
        let mut parts = JoinSet::new();
        for start in (PART..count).step_by(PART) {
            let whole = Arc::clone(&whole);
            let part = async move { whole.deliver(start..count.min(start + PART)).await };
            parts.spawn(part.in_current_span());
        }
        let mut tally = whole.deliver(0..PART).await;
        while let Some(ended) = parts.join_next().await {
            match ended.map_err(tokio::task::JoinError::try_into_panic) {
                Ok(part) => tally.add(part),
                // An observer of the program's.
                Err(Ok(panic)) => resume_unwind(panic),
                // The runtime shuts down.
                Err(Err(_)) => {}
            }
        }
        tally
    }

    /// Delivers to some.
    async fn deliver(&self, places: Range<usize>) -> Tally {
        let mut tally = Tally::default();
        let mut frames = Frames::new();
        let stride = (BYTES / self.arguments.longest().max(1)).clamp(1, STRIDE);
        for start in places.clone().step_by(stride) {
            if start > places.start {
                yield_now().await;
            }
            let now = self.hub.broadcast_time();
            for socket in self.sockets.part(start..places.end.min(start + stride)) {
                let wire = socket.inner.wire();
                let place = frames.iter().position(|(other, _)| *other == wire).unwrap_or_else(|| {
                    frames.push((wire, self.frame(wire, socket.path(), &mut tally)));
                    frames.len() - 1
                });
                let Some(frame) = &frames[place].1 else { continue };
                if self.is_volatile && !socket.inner.is_writable() {
                    continue;
                }
                match socket.inner.push(Frame::Shared(frame, now), None) {
                    Ok(_) => {
                        tally.delivered += 1;
                        socket.inner.show_outgoing_encoded(&self.event, &self.arguments);
                    }
                    // It left between the look-up and now, or is given up: it has its own `disconnect`.
                    Err(SendError::NotConnected | SendError::Full) => {}
                    Err(error) => tally.failed = Some(error),
                }
            }
        }
        tally
    }

    /// The event as it goes to every socket of one wire; `None` if it cannot be sent to them.
    fn frame(&self, wire: Wire, namespace: &str, tally: &mut Tally) -> Option<Bytes> {
        let mut frames = self.frames.lock();
        if let Some((_, frame)) = frames.iter().find(|(other, _)| *other == wire) {
            return frame.clone();
        }
        // What one kind of peers cannot be sent is no reason to leave the others without it.
        let frame = framed(wire, namespace, &self.event, &self.arguments).unwrap_or_else(|error| {
            tracing::warn!(event = &*shown(&self.event), error = %printable(&error), "a broadcast cannot be sent by {}", wire.name());
            tally.failed = Some(error);
            None
        });
        frames.push((wire, frame.clone()));
        frame
    }
}

/// An event as it goes to every socket of one wire; `None` for peers of a kind that came only after it was written.
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
pub struct Broadcast {
    selection: Selection,
    event: String,
    arguments: Result<Encoded, CodecError>,
}

impl Broadcast {
    pub(super) fn new(selection: Selection, event: String, arguments: Result<Encoded, CodecError>) -> Self {
        Self { selection, event, arguments }
    }
}

impl IntoFuture for Broadcast {
    type Output = Result<usize, SendError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.selection.emit_encoded(&self.event, self.arguments?).await })
    }
}
