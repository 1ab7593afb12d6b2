//! A store that many fill and that has an end: who has most in it makes room, and nobody else.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

/// Whose an entry is.
pub(crate) trait Owner: Clone + Eq + Ord + Hash {
    /// Owners of a lower standing make room before all others, however little they have.
    fn standing(&self) -> u8 {
        0
    }
}

/// What an entry has done to stay: of one owner's entries those without any merit go first, then the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Merit {
    None,
    Some,
}

/// Entries by their age and by their owners. Each step costs the logarithm of their number.
#[derive(Debug)]
pub(crate) struct Shares<O, V> {
    /// By age: numbers are given in order.
    entries: BTreeMap<u64, Entry<O, V>>,
    /// Each owner's, the one that goes first at the beginning.
    owned: HashMap<O, BTreeSet<(Merit, u64)>>,
    /// The one that makes room next is the last.
    ranking: BTreeSet<Rank<O>>,
    next: u64,
}

#[derive(Debug)]
struct Entry<O, V> {
    owner: O,
    merit: Merit,
    value: V,
}

/// The standing, how much the owner has, and its first entry to go. Of owners that have as much as each other, the one
/// makes room whose entry has no merit or is older.
type Rank<O> = (Reverse<u8>, usize, Reverse<(Merit, u64)>, O);

impl<O, V> Default for Shares<O, V> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), owned: HashMap::new(), ranking: BTreeSet::new(), next: 0 }
    }
}

impl<O: Owner, V> Shares<O, V> {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds an entry without merit; its number.
    pub(crate) fn insert(&mut self, owner: O, value: V) -> u64 {
        let number = self.next;
        self.next += 1;
        self.change(&owner, |owned| {
            owned.insert((Merit::None, number));
        });
        self.entries.insert(number, Entry { owner, merit: Merit::None, value });
        number
    }

    pub(crate) fn get(&self, number: u64) -> Option<&V> {
        Some(&self.entries.get(&number)?.value)
    }

    /// All of them, the oldest first.
    pub(crate) fn into_values(self) -> impl Iterator<Item = V> {
        self.entries.into_values().map(|entry| entry.value)
    }

    /// The oldest entry.
    pub(crate) fn oldest(&self) -> Option<(u64, &V)> {
        let (&number, entry) = self.entries.first_key_value()?;
        Some((number, &entry.value))
    }

    /// Says that an entry has earned its place. Whether it is there.
    pub(crate) fn commend(&mut self, number: u64) -> bool {
        let Some(entry) = self.entries.get_mut(&number) else { return false };
        let before = std::mem::replace(&mut entry.merit, Merit::Some);
        let owner = entry.owner.clone();
        self.change(&owner, |owned| {
            owned.remove(&(before, number));
            owned.insert((Merit::Some, number));
        });
        true
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<V> {
        let Entry { owner, merit, value } = self.entries.remove(&number)?;
        self.change(&owner, |owned| {
            owned.remove(&(merit, number));
        });
        Some(value)
    }

    /// Takes the entry out that makes room for others.
    pub(crate) fn evict(&mut self) -> Option<V> {
        let (_, _, Reverse((_, number)), _) = self.ranking.last()?;
        self.remove(*number)
    }

    /// Takes an entry without merit out, of the owner that has most; or of this one.
    pub(crate) fn evict_idle(&mut self, of: Option<&O>) -> Option<V> {
        let first = match of {
            Some(owner) => *self.owned.get(owner)?.first()?,
            None => self.ranking.iter().rev().map(|(_, _, Reverse(first), _)| *first).find(is_idle)?,
        };
        is_idle(&first).then(|| self.remove(first.1)).flatten()
    }

    /// Changes what an owner has, and its rank with it.
    fn change(&mut self, owner: &O, change: impl FnOnce(&mut BTreeSet<(Merit, u64)>)) {
        let owned = self.owned.entry(owner.clone()).or_default();
        if let Some(rank) = rank(owner, owned) {
            self.ranking.remove(&rank);
        }
        change(owned);
        match rank(owner, owned) {
            Some(rank) => {
                self.ranking.insert(rank);
            }
            None => {
                self.owned.remove(owner);
                if self.owned.capacity() > 64 && self.owned.len() < self.owned.capacity() / 4 {
                    self.owned.shrink_to(2 * self.owned.len());
                }
            }
        }
    }
}

fn is_idle((merit, _): &(Merit, u64)) -> bool {
    *merit == Merit::None
}

fn rank<O: Owner>(owner: &O, owned: &BTreeSet<(Merit, u64)>) -> Option<Rank<O>> {
    let first = owned.first()?;
    Some((Reverse(owner.standing()), owned.len(), Reverse(*first), owner.clone()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Those below 2 have a low standing.
    impl Owner for u8 {
        fn standing(&self) -> u8 {
            u8::from(*self >= 2)
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u8),
        Commend(usize),
        Remove(usize),
        Evict,
        EvictIdle(Option<u8>),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..5u8).prop_map(Step::Insert),
            2 => (0..40usize).prop_map(Step::Commend),
            1 => (0..40usize).prop_map(Step::Remove),
            2 => Just(Step::Evict),
            1 => proptest::option::of(0..5u8).prop_map(Step::EvictIdle),
        ];
        proptest::collection::vec(step, 0..80)
    }

    /// The same as a list, which is searched as the documentation says it.
    #[derive(Default)]
    struct Model(Vec<(u64, u8, Merit)>);

    impl Model {
        fn count(&self, owner: u8) -> usize {
            self.0.iter().filter(|entry| entry.1 == owner).count()
        }

        /// The entry of each owner that goes first.
        fn firsts(&self) -> Vec<(u64, u8, Merit)> {
            let first = |owner| {
                let own = self.0.iter().filter(|entry| entry.1 == owner).copied();
                own.min_by_key(|entry| (entry.2, entry.0))
            };
            (0..5).filter_map(first).collect()
        }

        fn victim(&self, among: impl Fn(&(u64, u8, Merit)) -> bool) -> Option<u64> {
            let worst = self.firsts().into_iter().filter(among).max_by_key(|&(number, owner, merit)| {
                (Reverse(owner.standing()), self.count(owner), Reverse((merit, number)))
            });
            worst.map(|entry| entry.0)
        }

        fn remove(&mut self, number: u64) {
            self.0.retain(|entry| entry.0 != number);
        }
    }

    proptest! {
        #[test]
        fn who_has_most_makes_room(steps in steps()) {
            let (mut shares, mut model) = (Shares::default(), Model::default());
            for step in steps {
                match step {
                    Step::Insert(owner) => {
                        let number = shares.insert(owner, model.0.len());
                        model.0.push((number, owner, Merit::None));
                    }
                    Step::Commend(place) => {
                        let number = place as u64;
                        let entry = model.0.iter_mut().find(|entry| entry.0 == number);
                        prop_assert_eq!(shares.commend(number), entry.is_some());
                        if let Some(entry) = entry {
                            entry.2 = Merit::Some;
                        }
                    }
                    Step::Remove(place) => {
                        let was_there = shares.remove(place as u64).is_some();
                        prop_assert_eq!(was_there, model.0.iter().any(|entry| entry.0 == place as u64));
                        model.remove(place as u64);
                    }
                    Step::Evict => {
                        let victim = model.victim(|_| true);
                        prop_assert_eq!(shares.evict().is_some(), victim.is_some());
                        model.remove(victim.unwrap_or(u64::MAX));
                    }
                    Step::EvictIdle(of) => {
                        let among = |entry: &(u64, u8, Merit)| {
                            entry.2 == Merit::None && of.is_none_or(|of| of == entry.1)
                        };
                        let victim = model.victim(among);
                        prop_assert_eq!(shares.evict_idle(of.as_ref()).is_some(), victim.is_some());
                        model.remove(victim.unwrap_or(u64::MAX));
                    }
                }
                let left: Vec<_> = shares.entries.keys().copied().collect();
                let expected: Vec<_> = model.0.iter().map(|entry| entry.0).collect();
                prop_assert_eq!(left, expected);
                prop_assert_eq!(shares.ranking.len(), shares.owned.len());
                prop_assert_eq!(shares.oldest().map(|oldest| oldest.0), model.0.first().map(|entry| entry.0));
            }
        }
    }
}
