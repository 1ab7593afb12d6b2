//! Streams whose peers have yet to say or to prove something, and which of them makes room for others.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::admission::Permit;
use crate::shares::{Merit, Shares};
use crate::source::Source;
use crate::sync::Mutex;

/// How many of the newest connections are kept until they were read from, if those are no more than a quarter: an accepting task
/// gives way after as many, and what they have sent by then is seen.
const FRESH: usize = 128;

/// How many may be in a handshake that has begun: it takes memory and time, as a silent stream does not. The address that
/// has most makes room.
const BEGUN: usize = 1024;

/// The pending streams of a server, at all of its addresses. When there are too many, the address that has most of
/// them loses one: one that said nothing before one that did, then the oldest.
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
    /// Never used: dropping it gives the stream up.
    _giving_up: oneshot::Sender<Infallible>,
}

/// A stream's place among them, which it has until this is dropped.
pub(super) struct Place {
    pending: Pending,
    number: u64,
    given_up: oneshot::Receiver<Infallible>,
}

impl Pending {
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), crowd: Arc::default() }
    }

    /// Takes one more in. `permit` is kept with it, so that it is back as soon as the place is lost.
    pub(super) fn enter(&self, source: Source, permit: Option<Permit>) -> Place {
        let (giving_up, given_up) = oneshot::channel();
        let mut crowd = self.crowd.lock();
        // Before the new one is there: it would always be the one that has done least.
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
            tracing::debug!(most = self.most, "too many pending connections: one is given up");
        }
        Place { pending: self.clone(), number, given_up }
    }

    /// Gives one up that has said nothing, from this address or from whichever has most. Whether there was one.
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
    /// What to say with that the peer was heard, for whoever listens to it.
    pub(super) fn ear(&self) -> Ear {
        Ear { pending: self.pending.clone(), number: self.number }
    }

    /// Waits until the place is taken by another connection.
    pub(super) async fn given_up(&mut self) {
        match (&mut self.given_up).await {
            Err(_lost) => {}
            Ok(never) => match never {},
        }
    }

    /// Leaves with what the stream is counted by.
    ///
    /// # Errors
    ///
    /// The place was lost before.
    pub(super) fn leave(self) -> Result<Option<Permit>, Lost> {
        let stay = self.pending.crowd.lock().shares.remove(self.number);
        stay.map(|stay| stay.permit).ok_or(Lost)
    }
}

/// Listens to the peer of a pending stream.
pub(super) struct Ear {
    pending: Pending,
    number: u64,
}

impl Ear {
    /// The peer has said something: it keeps its place longer than those of its address that have not.
    pub(super) fn heard(self) {
        let mut crowd = self.pending.crowd.lock();
        crowd.shares.judge(self.number, Merit::Some);
        let evicted = if crowd.shares.earned() > BEGUN { crowd.shares.evict_earned() } else { None };
        drop(crowd);
        if evicted.is_some() {
            tracing::debug!(most = BEGUN, "too many handshakes at once: one is given up");
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

    /// Each line is whether the honest peer was heard, and whether it keeps its place against so many that say nothing,
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
                    place.ear().heard();
                    places.push(place);
                }
            }
            let honest = pending.enter(at(1), None);
            if is_heard {
                honest.ear().heard();
            }
            for number in 1000..1000 + count {
                let place = pending.enter(flood(number), None);
                if floods_are_heard {
                    place.ear().heard();
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
        honest.ear().heard();
        let silent = pending.enter(at(2), None);
        let mut places: Vec<_> = (0..3000).map(|_| pending.enter(at(2), None)).collect();
        for place in &places {
            place.ear().heard();
        }
        assert_eq!(pending.len(), BEGUN + 1);
        assert!(is_lost(places.swap_remove(0)) && !is_lost(honest) && !is_lost(silent));
    }

    #[test]
    fn room_is_made_by_those_that_said_nothing() {
        let pending = Pending::new(1000);
        let places: Vec<_> =
            [1, 1, 1, 2, 2, 3].into_iter().map(|host| pending.enter(at(host), None)).collect();
        for heard in [0, 3] {
            places[heard].ear().heard();
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
