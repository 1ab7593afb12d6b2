//! A bounded store with many owners: entries are evicted only from the owner that has most of them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

/// The owner of an entry.
pub(crate) trait Owner: Clone + Eq + Ord + Hash {
    /// Entries of owners with a lower standing are evicted first, however few they are.
    fn standing(&self) -> u8 {
        0
    }
}

/// How much an entry is worth: of the entries of one owner, those with the least merit are evicted first, then the
/// oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Merit {
    None,
    /// There was no time yet to earn any.
    Fresh,
    Some,
}

impl Merit {
    /// The merit for comparing owners that have the same number of entries. A fresh entry counts fully there: otherwise
    /// new owners would always be evicted in favour of existing ones.
    fn beside_others(self) -> Self {
        if self == Self::Fresh { Self::Some } else { self }
    }
}

/// Entries by their age and by their owners. Each step costs the logarithm of their number.
#[derive(Debug)]
pub(crate) struct Shares<O, V> {
    /// By age: numbers are given in order.
    entries: BTreeMap<u64, Entry<O, V>>,
    /// Each owner's, the one that goes first at the beginning.
    held: HashMap<O, BTreeSet<(Merit, u64)>>,
    /// The one that makes room next is the last.
    ranking: BTreeSet<Rank<O>>,
    next: u64,
    /// How many have earned their place.
    earned: usize,
}

#[derive(Debug)]
struct Entry<O, V> {
    owner: O,
    merit: Merit,
    value: V,
}

/// The standing, the number of entries, and the entry that is evicted first. Of owners with the same number of entries,
/// the one is chosen whose entry has no merit or is older.
type Rank<O> = (Reverse<u8>, usize, Reverse<(Merit, u64)>, O);

impl<O, V> Default for Shares<O, V> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), held: HashMap::new(), ranking: BTreeSet::new(), next: 0, earned: 0 }
    }
}

impl<O: Owner, V> Shares<O, V> {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds an entry; its number.
    pub(crate) fn insert(&mut self, owner: O, merit: Merit, value: V) -> u64 {
        let number = self.next;
        self.next += 1;
        self.change(&owner, |held| {
            held.insert((merit, number));
        });
        self.entries.insert(number, Entry { owner, merit, value });
        self.earned += usize::from(merit == Merit::Some);
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

    /// What an entry has earned by now.
    pub(crate) fn merit(&self, number: u64) -> Option<Merit> {
        Some(self.entries.get(&number)?.merit)
    }

    /// Says what an entry has earned, if it is there.
    pub(crate) fn judge(&mut self, number: u64, merit: Merit) {
        let Some(entry) = self.entries.get_mut(&number) else { return };
        let before = std::mem::replace(&mut entry.merit, merit);
        self.earned += usize::from(merit == Merit::Some);
        self.earned -= usize::from(before == Merit::Some);
        let owner = entry.owner.clone();
        self.change(&owner, |held| {
            held.remove(&(before, number));
            held.insert((merit, number));
        });
    }

    pub(crate) fn remove(&mut self, number: u64) -> Option<V> {
        let Entry { owner, merit, value } = self.entries.remove(&number)?;
        self.earned -= usize::from(merit == Merit::Some);
        self.change(&owner, |held| {
            held.remove(&(merit, number));
        });
        Some(value)
    }

    /// Takes the entry out that makes room for others.
    pub(crate) fn evict(&mut self) -> Option<V> {
        let (_, _, Reverse((_, number)), _) = self.ranking.last()?;
        self.remove(*number)
    }

    /// How many have earned their place.
    pub(crate) fn earned(&self) -> usize {
        self.earned
    }

    /// Takes the oldest entry out that has earned its place, of the owner that has most.
    pub(crate) fn evict_earned(&mut self) -> Option<V> {
        let oldest = |rank: &Rank<O>| self.held.get(&rank.3)?.range((Merit::Some, 0)..).next().copied();
        let (_, number) = self.ranking.iter().rev().find_map(oldest)?;
        self.remove(number)
    }

    /// Takes an entry out that has not earned its place, of the owner that has most; or of this one.
    pub(crate) fn evict_idle(&mut self, of: Option<&O>) -> Option<V> {
        let first = match of {
            Some(owner) => self.held.get(owner)?.first().copied(),
            None => {
                let firsts = self.ranking.iter().rev().filter_map(|rank| self.held.get(&rank.3)?.first());
                firsts.copied().find(|first| is_idle(*first))
            }
        };
        let (_, number) = first.filter(|first| is_idle(*first))?;
        self.remove(number)
    }

    /// Changes what an owner has, and its rank with it.
    fn change(&mut self, owner: &O, change: impl FnOnce(&mut BTreeSet<(Merit, u64)>)) {
        let held = self.held.entry(owner.clone()).or_default();
        if let Some(rank) = rank(owner, held) {
            self.ranking.remove(&rank);
        }
        change(held);
        match rank(owner, held) {
            Some(rank) => {
                self.ranking.insert(rank);
            }
            None => {
                self.held.remove(owner);
                if self.held.capacity() > 64 && self.held.len() < self.held.capacity() / 4 {
                    self.held.shrink_to(2 * self.held.len());
                }
            }
        }
    }
}

fn is_idle(first: (Merit, u64)) -> bool {
    first.0 < Merit::Some
}

fn rank<O: Owner>(owner: &O, held: &BTreeSet<(Merit, u64)>) -> Option<Rank<O>> {
    let (merit, number) = *held.first()?;
    let first = Reverse((merit.beside_others(), number));
    Some((Reverse(owner.standing()), held.len(), first, owner.clone()))
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
        Insert(u8, Merit),
        Judge(u64, Merit),
        Remove(u64),
        Evict,
        EvictIdle(Option<u8>),
        EvictEarned,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let merit = || proptest::sample::select(vec![Merit::None, Merit::Fresh, Merit::Some]);
        let step = prop_oneof![
            4 => (0..5u8, merit()).prop_map(|(owner, merit)| Step::Insert(owner, merit)),
            2 => (0..40u64, merit()).prop_map(|(number, merit)| Step::Judge(number, merit)),
            1 => (0..40u64).prop_map(Step::Remove),
            2 => Just(Step::Evict),
            1 => Just(Step::EvictEarned),
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
                let merit = merit != Merit::None;
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
        fn the_owner_with_most_entries_is_evicted_first(steps in steps()) {
            let (mut shares, mut model) = (Shares::default(), Model::default());
            for step in steps {
                match step {
                    Step::Insert(owner, merit) => {
                        let number = shares.insert(owner, merit, ());
                        model.0.push((number, owner, merit));
                    }
                    Step::Judge(number, merit) => {
                        shares.judge(number, merit);
                        if let Some(entry) = model.0.iter_mut().find(|entry| entry.0 == number) {
                            entry.2 = merit;
                        }
                        let expected = model.0.iter().find(|entry| entry.0 == number).map(|entry| entry.2);
                        prop_assert_eq!(shares.merit(number), expected);
                    }
                    Step::Remove(number) => {
                        let was_there = model.0.iter().any(|entry| entry.0 == number);
                        prop_assert_eq!(shares.remove(number).is_some(), was_there);
                        model.remove(number);
                    }
                    Step::Evict => {
                        let victim = model.victim(|_| true);
                        prop_assert_eq!(shares.evict().is_some(), victim.is_some());
                        model.remove(victim.unwrap_or(u64::MAX));
                    }
                    Step::EvictEarned => {
                        // The order of owners is that of their first entries.
                        let mut owners = model.firsts();
                        owners.sort_by_key(|&(number, owner, merit)| {
                            let merit = merit != Merit::None;
                            (Reverse(owner.standing()), model.count(owner), Reverse((merit, number)))
                        });
                        let oldest = |owner: u8| {
                            let own = model.0.iter().filter(|entry| entry.1 == owner && entry.2 == Merit::Some);
                            own.map(|entry| entry.0).min()
                        };
                        let victim = owners.iter().rev().find_map(|&(_, owner, _)| oldest(owner));
                        prop_assert_eq!(shares.evict_earned().is_some(), victim.is_some());
                        model.remove(victim.unwrap_or(u64::MAX));
                    }
                    Step::EvictIdle(of) => {
                        let among = |entry: &(u64, u8, Merit)| {
                            entry.2 != Merit::Some && of.is_none_or(|of| of == entry.1)
                        };
                        let victim = model.victim(among);
                        prop_assert_eq!(shares.evict_idle(of.as_ref()).is_some(), victim.is_some());
                        model.remove(victim.unwrap_or(u64::MAX));
                    }
                }
                prop_assert_eq!(shares.earned(), model.0.iter().filter(|entry| entry.2 == Merit::Some).count());
                let left: Vec<_> = shares.entries.keys().copied().collect();
                let expected: Vec<_> = model.0.iter().map(|entry| entry.0).collect();
                prop_assert_eq!(left, expected);
                prop_assert_eq!(shares.ranking.len(), shares.held.len());
                prop_assert_eq!(shares.oldest().map(|oldest| oldest.0), model.0.first().map(|entry| entry.0));
            }
        }
    }
}
