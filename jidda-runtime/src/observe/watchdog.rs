//! Finds handlers that block: a thread of its own looks at what the worker threads run.
//!
//! A clock that is read for each handler would cost more than many handlers do, and would say nothing of one that never
//! returns. So a worker only notes which handler it begins, and the watchdog notices that the note stays the same. It is
//! no task, since on a runtime with one thread no task runs while a handler blocks.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::handler::RouteId;

/// The longest limit that is watched for: longer ones stand for none.
const LONGEST: Duration = Duration::from_secs(3600);
/// At most one report in this time for each server or client.
const PAUSE: Duration = Duration::from_secs(1);
/// In the place of a route: no handler of the table was begun.
const NO_ROUTE: u32 = u32::MAX;

/// What one thread runs.
#[derive(Debug, Default)]
struct Slot {
    /// Odd while a connection's task runs. Each turn has a number of its own.
    turn: AtomicU64,
    /// Whose handlers are run: see [`Ward`].
    ward: AtomicU32,
    /// The handler that was begun last.
    route: AtomicU32,
}

/// One for each thread that ever ran a connection: a few dozen bytes, which are used as long as the process runs.
static SLOTS: Mutex<Vec<&'static Slot>> = Mutex::new(Vec::new());
static WARDS: Mutex<Wards> = Mutex::new(Wards { last: 0, is_running: false, watched: Vec::new() });

thread_local! {
    static OWN: Cell<Option<&'static Slot>> = const { Cell::new(None) };
}

/// A server or a client whose handlers are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ward(u32);

/// Where a handler that blocks is reported.
pub(crate) trait Blocked: Send + Sync {
    /// A handler has run for `held` without waiting, and still runs. Without a route it is something else that a
    /// connection's task runs: a handler that was added at run time, a destructor, a serializer.
    fn report_blocked(&self, route: Option<RouteId>, held: Duration);
}

struct Watched {
    ward: Ward,
    limit: Duration,
    of: Weak<dyn Blocked>,
    reported: Option<Instant>,
}

struct Wards {
    last: u32,
    is_running: bool,
    watched: Vec<Watched>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing of the program runs while one of them is locked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ward {
    /// In the place of one whose handlers are not watched.
    pub(crate) const UNWATCHED: Self = Self(0);

    /// One more, whose handlers may take so long; [`UNWATCHED`](Self::UNWATCHED) if that is no limit.
    pub(crate) fn new(limit: Duration) -> Self {
        if limit > LONGEST {
            return Self::UNWATCHED;
        }
        let mut wards = lock(&WARDS);
        wards.last = wards.last.wrapping_add(1).max(1);
        Self(wards.last)
    }

    /// Begins to watch, until `of` is dropped.
    pub(crate) fn watch(self, limit: Duration, of: Weak<dyn Blocked>) {
        if self == Self::UNWATCHED {
            return;
        }
        let mut wards = lock(&WARDS);
        wards.watched.push(Watched { ward: self, limit, of, reported: None });
        if !wards.is_running {
            let watchdog = thread::Builder::new().name("jidda-watchdog".into()).spawn(run);
            wards.is_running = watchdog.is_ok();
        }
    }
}

/// One turn of a connection's task on this thread.
#[derive(Debug)]
#[must_use = "the turn ends when it is dropped"]
pub(crate) struct WatchedTurn(Option<&'static Slot>);

impl WatchedTurn {
    #[inline]
    pub(crate) fn begin(ward: Ward) -> Self {
        if ward == Ward::UNWATCHED {
            return Self(None);
        }
        let slot = OWN.get().unwrap_or_else(own_slot);
        slot.ward.store(ward.0, Ordering::Relaxed);
        slot.route.store(NO_ROUTE, Ordering::Relaxed);
        slot.turn.store(slot.turn.load(Ordering::Relaxed) | 1, Ordering::Release);
        Self(Some(slot))
    }
}

impl Drop for WatchedTurn {
    #[inline]
    fn drop(&mut self) {
        if let Some(slot) = self.0 {
            slot.turn.store(slot.turn.load(Ordering::Relaxed) + 1, Ordering::Release);
        }
    }
}

/// Notes that a handler begins to run on this thread, or runs again; one without a route was added at run time.
#[inline]
pub(crate) fn begins(route: Option<RouteId>) {
    if let Some(slot) = OWN.get() {
        slot.route.store(route.map_or(NO_ROUTE, RouteId::number), Ordering::Relaxed);
    }
}

#[cold]
fn own_slot() -> &'static Slot {
    let slot: &'static Slot = Box::leak(Box::default());
    lock(&SLOTS).push(slot);
    OWN.set(Some(slot));
    slot
}

/// What the watchdog saw of a thread.
#[derive(Clone, Copy)]
struct Seen {
    turn: u64,
    since: Instant,
    is_reported: bool,
}

fn run() {
    let mut seen: Vec<Seen> = Vec::new();
    while let Some(period) = period() {
        thread::sleep(period);
        let slots = lock(&SLOTS).clone();
        let now = Instant::now();
        seen.resize(slots.len(), Seen { turn: 0, since: now, is_reported: false });
        for (slot, seen) in slots.into_iter().zip(&mut seen) {
            look(slot, seen, now);
        }
    }
}

/// How long the watchdog sleeps; `None` when there is nothing left to watch.
fn period() -> Option<Duration> {
    let mut wards = lock(&WARDS);
    wards.watched.retain(|watched| watched.of.strong_count() > 0);
    let shortest = wards.watched.iter().map(|watched| watched.limit).min();
    wards.is_running = shortest.is_some();
    shortest.map(|limit| (limit / 4).clamp(Duration::from_millis(1), PAUSE))
}

fn look(slot: &Slot, seen: &mut Seen, now: Instant) {
    let turn = slot.turn.load(Ordering::Acquire);
    let (ward, route) = (slot.ward.load(Ordering::Relaxed), slot.route.load(Ordering::Relaxed));
    let is_resting = turn.is_multiple_of(2);
    if is_resting || turn != seen.turn {
        *seen = Seen { turn, since: now, is_reported: false };
        return;
    }
    let held = now.duration_since(seen.since);
    // Of another turn, if it changed meanwhile.
    if seen.is_reported || slot.turn.load(Ordering::Acquire) != turn {
        return;
    }
    let of = {
        let mut wards = lock(&WARDS);
        let Some(watched) = wards.watched.iter_mut().find(|watched| watched.ward.0 == ward) else { return };
        if held < watched.limit {
            return;
        }
        // One that blocks still when the pause is over is reported then.
        if watched.reported.is_some_and(|last| now.duration_since(last) < PAUSE) {
            return;
        }
        seen.is_reported = true;
        watched.reported = Some(now);
        watched.of.upgrade()
    };
    if let Some(of) = of {
        of.report_blocked((route != NO_ROUTE).then(|| RouteId::from_number(route)), held);
    }
}
