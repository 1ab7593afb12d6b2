//! What each caller of a gateway may have under way on the connection that all of them share.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::id::ConnectionId;

/// How many calls of each caller are under way.
#[derive(Debug)]
pub(crate) struct CallShares {
    /// How many the server behind runs at once for this connection.
    limit: usize,
    total: usize,
    callers: HashMap<ConnectionId, usize, foldhash::fast::RandomState>,
}

impl CallShares {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), total: 0, callers: HashMap::default() }
    }

    pub(crate) fn limit(&mut self, limit: usize) {
        self.limit = limit.max(1);
    }

    /// Counts one more call of a caller, which may have no more than are left for everyone else: one alone has at most
    /// half of the room, and there is some left for the next caller.
    pub(crate) fn enter(&mut self, caller: ConnectionId) -> bool {
        let left = self.limit.saturating_sub(self.total);
        let own = self.callers.entry(caller).or_default();
        if *own >= left {
            if *own == 0 {
                self.callers.remove(&caller);
            }
            return false;
        }
        *own += 1;
        self.total += 1;
        true
    }

    pub(crate) fn leave(&mut self, caller: ConnectionId) {
        if let Entry::Occupied(mut own) = self.callers.entry(caller) {
            self.total -= 1;
            *own.get_mut() -= 1;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(count: usize) -> Vec<ConnectionId> {
        std::iter::repeat_with(ConnectionId::next).take(count).collect()
    }

    #[test]
    fn one_caller_leaves_room_for_the_next() {
        let callers = ids(9);
        let mut shares = CallShares::new(1024);
        let taken: Vec<_> =
            callers.iter().map(|caller| (0..2000).filter(|_| shares.enter(*caller)).count()).collect();
        assert_eq!(taken, [512, 256, 128, 64, 32, 16, 8, 4, 2]);
        for (caller, count) in callers.iter().zip(taken) {
            (0..count).for_each(|_| shares.leave(*caller));
        }
        assert!(shares.total == 0 && shares.callers.is_empty());
        let mut least = CallShares::new(0);
        assert!(least.enter(callers[0]) && !least.enter(callers[0]) && !least.enter(callers[1]));
        assert_eq!(least.callers.len(), 1);
    }

    proptest! {
        /// Whatever callers begin and end, no more calls are under way than there is room for, and no caller without calls is kept.
        #[test]
        fn the_room_is_never_exceeded(limit in 1_usize..40, steps in prop::collection::vec((0_usize..5, any::<bool>()), 0..400)) {
            let callers = ids(5);
            let mut counts = [0_usize; 5];
            let mut shares = CallShares::new(limit);
            for (who, comes) in steps {
                if comes {
                    let left = limit - counts.iter().sum::<usize>();
                    let is_let = shares.enter(callers[who]);
                    prop_assert_eq!(is_let, counts[who] < left);
                    counts[who] += usize::from(is_let);
                } else if counts[who] > 0 {
                    shares.leave(callers[who]);
                    counts[who] -= 1;
                }
                prop_assert_eq!(shares.total, counts.iter().sum::<usize>());
                prop_assert_eq!(shares.callers.len(), counts.iter().filter(|count| **count > 0).count());
            }
        }
    }
}
