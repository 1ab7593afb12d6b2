//! Accepted streams that have not sent their first message or finished their handshake, and which of them is evicted.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::admission::Permit;
use crate::shares::{Merit, Shares};
use crate::source::Source;
use crate::sync::Mutex;

/// How many of the newest connections are protected until they were read from, but at most a quarter of all. An
/// accepting task yields after that many, so that the bytes which they have sent by then are read.
const FRESH: usize = 128;

/// How many may be in a handshake that has begun: unlike a silent stream it takes memory and time. Beyond that, one of
/// the address that has most of them is evicted.
const BEGUN: usize = 1024;

/// The pending streams of a server, at all of its addresses. If there are too many, one of the peer address that has
/// most of them is evicted: first those that sent nothing, then the oldest.
#[derive(Clone)]
pub(super) struct Pending {
    most: usize,
    crowd: Arc<Mutex<Crowd>>,
}

#[derive(Default)]
struct Crowd {
    shares: Shares<Source, Stay>,
    /// The newest ones.
    fresh: VecDeque<u64>,
}

struct Stay {
    permit: Option<Permit>,
    /// Never used: dropping it evicts the stream.
    _giving_up: oneshot::Sender<Infallible>,
}

/// The place of a stream among them. Dropping it removes the stream.
pub(super) struct Place {
    pending: Pending,
    number: u64,
    given_up: oneshot::Receiver<Infallible>,
}

impl Pending {
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), crowd: Arc::default() }
    }

    /// Adds a stream. `permit` is stored with it, so that it is released as soon as the stream is evicted.
    pub(super) fn enter(&self, source: Source, permit: Option<Permit>) -> Place {
        let (giving_up, given_up) = oneshot::channel();
        let mut crowd = self.crowd.lock();
        // Before the new one is inserted: it would always have the least merit.
        let evicted = if crowd.shares.len() >= self.most { crowd.shares.evict() } else { None };
        let number = crowd.shares.insert(source, Merit::Fresh, Stay { permit, _giving_up: giving_up });
        crowd.fresh.push_back(number);
        if crowd.fresh.len() > FRESH.min(self.most / 4)
            && let Some(oldest) = crowd.fresh.pop_front()
            && crowd.shares.merit(oldest) == Some(Merit::Fresh)
        {
            crowd.shares.judge(oldest, Merit::None);
        }
        drop(crowd);
        if evicted.is_some() {
            tracing::debug!(most = self.most, "too many pending connections: one is evicted");
        }
        Place { pending: self.clone(), number, given_up }
    }

    /// Evicts a stream that has sent nothing, of this address or of the one that has most. Returns whether there was
    /// one.
    pub(super) fn make_room(&self, of: Option<Source>) -> bool {
        let evicted = self.crowd.lock().shares.evict_idle(of.as_ref());
        evicted.is_some()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.crowd.lock().shares.len()
    }
}

impl Place {
    /// The handle that marks the stream as active once its peer has sent something.
    pub(super) fn activity_mark(&self) -> ActivityMark {
        ActivityMark { pending: self.pending.clone(), number: self.number }
    }

    /// Waits until the stream is evicted.
    pub(super) async fn given_up(&mut self) {
        match (&mut self.given_up).await {
            Err(_lost) => {}
            Ok(never) => match never {},
        }
    }

    /// Removes the stream and returns its permit.
    ///
    /// # Errors
    ///
    /// The stream was evicted before.
    pub(super) fn leave(self) -> Result<Option<Permit>, Lost> {
        let stay = self.pending.crowd.lock().shares.remove(self.number);
        stay.map(|stay| stay.permit).ok_or(Lost)
    }
}

/// Marks a pending stream as active.
pub(super) struct ActivityMark {
    pending: Pending,
    number: u64,
}

impl ActivityMark {
    /// The peer has sent something: streams of its address that have sent nothing are evicted before it.
    pub(super) fn set_active(self) {
        let mut crowd = self.pending.crowd.lock();
        crowd.shares.judge(self.number, Merit::Some);
        let evicted = if crowd.shares.earned() > BEGUN { crowd.shares.evict_earned() } else { None };
        drop(crowd);
        if evicted.is_some() {
            tracing::debug!(most = BEGUN, "too many handshakes at once: one is evicted");
        }
    }
}

/// A place that was taken by another connection.
#[derive(Debug)]
pub(super) struct Lost;

impl Drop for Place {
    fn drop(&mut self) {
        // Dropped after the lock: the permit has one of its own.
        let _stay = self.pending.crowd.lock().shares.remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: u8) -> Source {
        Source::V4([10, 0, 0, host])
    }

    fn is_lost(place: Place) -> bool {
        place.leave().is_err()
    }

    /// Each line is whether the honest peer has sent something, and whether it stays although so many send nothing,
    /// or that say something, from one other address, its own, or one each.
    #[test]
    fn honest_peers_keep_their_places_in_a_flood() {
        let other: fn(u32) -> Source = |_| at(2);
        let own: fn(u32) -> Source = |_| at(1);
        let each: fn(u32) -> Source = |number| Source::V6(number.into());
        for (is_heard, flood, floods_are_heard, count, is_kept) in [
            (false, other, false, 20_000, true),
            (false, other, true, 20_000, true),
            (true, own, false, 20_000, true),
            (true, each, false, 20_000, true),
            // As long as others take to fill all places.
            (false, own, false, 999, true),
            (false, each, false, 999, true),
            (false, own, false, 1001, false),
            // Room for new connections, while others that have sent something stay.
            (false, each, true, 100, true),
        ] {
            let pending = Pending::new(1000);
            let mut places = Vec::new();
            if floods_are_heard {
                for number in 0..1000 {
                    let place = pending.enter(flood(number), None);
                    place.activity_mark().set_active();
                    places.push(place);
                }
            }
            let honest = pending.enter(at(1), None);
            if is_heard {
                honest.activity_mark().set_active();
            }
            for number in 1000..1000 + count {
                let place = pending.enter(flood(number), None);
                if floods_are_heard {
                    place.activity_mark().set_active();
                }
                places.push(place);
                assert!(pending.len() <= 1000);
            }
            assert_eq!(!is_lost(honest), is_kept, "{is_heard} {floods_are_heard} {count}");
        }
    }

    #[test]
    fn handshakes_that_have_begun_have_a_limit_of_their_own() {
        let pending = Pending::new(10_000);
        let honest = pending.enter(at(1), None);
        honest.activity_mark().set_active();
        let silent = pending.enter(at(2), None);
        let mut places: Vec<_> = (0..3000).map(|_| pending.enter(at(2), None)).collect();
        for place in &places {
            place.activity_mark().set_active();
        }
        assert_eq!(pending.len(), BEGUN + 1);
        assert!(is_lost(places.swap_remove(0)) && !is_lost(honest) && !is_lost(silent));
    }

    #[test]
    fn room_is_made_by_those_that_said_nothing() {
        let pending = Pending::new(1000);
        let places: Vec<_> =
            [1, 1, 1, 2, 2, 3].into_iter().map(|host| pending.enter(at(host), None)).collect();
        for active in [0, 3] {
            places[active].activity_mark().set_active();
        }
        for (of, is_made) in [
            (Some(at(4)), false),
            (Some(at(2)), true),
            (Some(at(2)), false),
            (None, true),
            (None, true),
            (None, true),
            (None, false),
        ] {
            assert_eq!(pending.make_room(of), is_made, "{of:?}");
        }
        let lost: Vec<_> = places.into_iter().map(is_lost).collect();
        assert_eq!(lost, [false, true, true, false, true, true]);
    }
}
