//! The in-memory index of rooms.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use slab::Slab;
use smallvec::SmallVec;

use super::target::{RoomKey, Target};
use crate::few::Few;
use crate::id::SocketId;
use crate::sync::{Mutex, RwLock};

type Map<K, V> = HashMap<K, V, RandomState>;

/// What can be in a room.
pub(crate) trait Member: Clone {
    /// Its name.
    fn id(&self) -> SocketId;

    /// Another name that its peer has for it, if it has one: the room of its own is called so, too.
    fn alias(&self) -> Option<SocketId> {
        None
    }
}

/// The sockets of one namespace.
#[derive(Debug)]
pub(crate) struct Rooms<M> {
    namespace: Box<str>,
    index: RwLock<Index<M>>,
    /// Held while a broadcast takes its place with each of its recipients.
    order: Mutex<()>,
}

#[derive(Debug)]
struct Index<M> {
    everyone: Group<M>,
    groups: Slab<Group<M>>,
    /// How many groups were removed since room for them was given back.
    removed: usize,
    numbers: Map<RoomKey, u32>,
    /// Who is in any group.
    joined: HashTable<(M, Few<u32>)>,
    /// Sockets whose peers have another name for them.
    aliases: Map<SocketId, SocketId>,
    random: RandomState,
}

/// Members in one shared list, so that a broadcast takes them all with one reference: only a change that meets
/// a broadcast still under way copies the list.
struct Group<M> {
    /// The whole namespace has none.
    key: Option<RoomKey>,
    members: Arc<Vec<M>>,
    /// Where in the list each member is, found by its id: an index beside the list costs five bytes a member, one that
    /// holds the ids as well five times that.
    places: HashTable<u32>,
}

impl<M> fmt::Debug for Group<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("key", &self.key)
            .field("members", &self.members.len())
            .finish_non_exhaustive()
    }
}

impl<M: Member> Group<M> {
    fn new(key: Option<RoomKey>) -> Self {
        Self { key, members: Arc::default(), places: HashTable::new() }
    }

    fn find(&self, random: &RandomState, id: SocketId) -> Option<&M> {
        let place =
            self.places.find(random.hash_one(id), |&place| self.members[place as usize].id() == id)?;
        Some(&self.members[*place as usize])
    }

    fn insert(&mut self, random: &RandomState, member: M) -> bool {
        let (id, members) = (member.id(), Arc::make_mut(&mut self.members));
        let is_it = |&place: &u32| members[place as usize].id() == id;
        let hash = |&place: &u32| random.hash_one(members[place as usize].id());
        let Entry::Vacant(vacant) = self.places.entry(random.hash_one(id), is_it, hash) else { return false };
        vacant.insert(u32::try_from(members.len()).expect("fewer than 4 billion sockets"));
        members.push(member);
        true
    }

    fn remove(&mut self, random: &RandomState, id: SocketId) -> bool {
        let members = Arc::make_mut(&mut self.members);
        let is_it = |&place: &u32| members[place as usize].id() == id;
        let Ok(entry) = self.places.find_entry(random.hash_one(id), is_it) else { return false };
        let (place, _) = entry.remove();
        members.swap_remove(place as usize);
        if let Some(moved) = members.get(place as usize) {
            let was = u32::try_from(members.len()).expect("fewer than 4 billion sockets");
            let entry = self.places.find_mut(random.hash_one(moved.id()), |&other| other == was);
            *entry.expect("each member has its place in the index") = place;
        }
        // A namespace that emptied must not keep the room of its busiest hour.
        if members.capacity() > 64 && members.len() < members.capacity() / 4 {
            members.shrink_to(members.len() * 2);
            let hash = |&place: &u32| random.hash_one(members[place as usize].id());
            self.places.shrink_to(members.len() * 2, hash);
        }
        true
    }
}

impl<M: Member> Rooms<M> {
    /// The rooms of a namespace without sockets.
    pub(crate) fn new(namespace: &str) -> Self {
        let index = Index {
            everyone: Group::new(None),
            groups: Slab::new(),
            removed: 0,
            numbers: Map::default(),
            joined: HashTable::new(),
            aliases: Map::default(),
            random: RandomState::default(),
        };
        Self { namespace: namespace.into(), index: RwLock::new(index), order: Mutex::new(()) }
    }

    /// Locked by a broadcast while it takes its place with each of its recipients, so that two of them have the same order
    /// at all who get both. Several namespaces are locked in the order of their names. No code of the program runs
    /// meanwhile, and a socket's state or a connection's exchange is only locked after it.
    pub(crate) fn order(&self) -> &Mutex<()> {
        &self.order
    }

    /// The namespace's name.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Adds a socket to the namespace. Of several that have the same alias, the last one has it.
    pub(crate) fn enter(&self, member: M) {
        let index = &mut *self.index.write();
        if let Some(alias) = member.alias() {
            index.aliases.insert(alias, member.id());
        }
        index.everyone.insert(&index.random, member);
    }

    /// Takes a socket out of the namespace and of all its groups.
    pub(crate) fn exit(&self, id: SocketId) {
        let index = &mut *self.index.write();
        let member = index.everyone.find(&index.random, id);
        if let Some(alias) = member.and_then(Member::alias) {
            index.forget_alias(alias, id);
        }
        index.everyone.remove(&index.random, id);
        for &number in &*index.forget(id) {
            index.remove_from(number, id);
        }
    }

    /// Adds a socket to a group. Whether it was not there yet.
    pub(crate) fn join(&self, member: M, key: RoomKey) -> bool {
        self.index.write().join(member, key)
    }

    /// Adds a socket to a room, unless it is in `most` others. Whether it is in it now.
    pub(crate) fn join_within(&self, member: M, key: RoomKey, most: usize) -> bool {
        let index = &mut *self.index.write();
        let id = member.id();
        // Groups are counted before rooms are, since it is quick and there is hardly one more of them.
        let is_full = index.joined(id).len() >= most && index.rooms(id).count() >= most;
        if is_full && !index.rooms(id).any(|other| *other == key) {
            return false;
        }
        index.join(member, key);
        true
    }

    /// How many rooms a socket is in.
    pub(crate) fn count_rooms(&self, id: SocketId) -> usize {
        self.index.read().rooms(id).count()
    }

    /// Takes a socket out of a group. Whether it was there.
    pub(crate) fn leave(&self, id: SocketId, key: &RoomKey) -> bool {
        let index = &mut *self.index.write();
        let Some(&number) = index.numbers.get(key) else { return false };
        let entry = index.joined.find_entry(index.random.hash_one(id), |(member, _)| member.id() == id);
        if let Ok(mut entry) = entry {
            entry.get_mut().1.take(|other| *other == number);
            if entry.get().1.is_empty() {
                entry.remove();
            }
        }
        index.remove_from(number, id)
    }

    /// The groups a socket is in, in the order it joined them.
    pub(crate) fn joined(&self, id: SocketId) -> Vec<RoomKey> {
        let index = self.index.read();
        let keys = index.joined(id).iter().filter_map(|&number| index.groups[number as usize].key.clone());
        keys.collect()
    }

    /// The sockets of a target, as they are now.
    pub(crate) fn select(&self, target: &Target) -> Snapshot<M> {
        let index = self.index.read();
        let mut lists: SmallVec<[_; 1]> = target.groups.iter().filter_map(|key| index.list(key)).collect();
        if target.groups.is_empty() {
            lists.push(Arc::clone(&index.everyone.members));
        }
        let excepted = target.except.iter().filter_map(|key| index.list(key));
        let mut without: HashSet<_> = excepted.flat_map(|list| ids(&list)).collect();
        without.extend(target.without);
        drop(index);
        let members = if lists.len() == 1 { lists.remove(0) } else { Arc::new(union(&lists)) };
        Snapshot { members, without }
    }
}

/// Each member of several lists once.
fn union<M: Member>(lists: &[Arc<Vec<M>>]) -> Vec<M> {
    let mut seen = HashSet::new();
    lists.iter().flat_map(|list| list.iter()).filter(|member| seen.insert(member.id())).cloned().collect()
}

fn ids<M: Member>(list: &[M]) -> Vec<SocketId> {
    list.iter().map(Member::id).collect()
}

impl<M: Member> Index<M> {
    fn join(&mut self, member: M, key: RoomKey) -> bool {
        let number = *self.numbers.entry(key).or_insert_with_key(|key| {
            let number = self.groups.insert(Group::new(Some(key.clone())));
            u32::try_from(number).expect("fewer than 4 billion rooms")
        });
        let is_new = self.groups[number as usize].insert(&self.random, member.clone());
        if is_new {
            let id = member.id();
            let hash = |(member, _): &(M, Few<u32>)| self.random.hash_one(member.id());
            let entry = self.joined.entry(self.random.hash_one(id), |(member, _)| member.id() == id, hash);
            entry.or_insert_with(|| (member, Few::default())).into_mut().1.push(number);
        }
        is_new
    }

    /// The groups a socket is in, in the order it joined them.
    fn joined(&self, id: SocketId) -> &[u32] {
        let joined = self.joined.find(self.random.hash_one(id), |(member, _)| member.id() == id);
        joined.map_or(&[], |(_, joined)| joined)
    }

    /// Those of them that are rooms.
    fn rooms(&self, id: SocketId) -> impl Iterator<Item = &RoomKey> {
        let keys = self.joined(id).iter().filter_map(|&number| self.groups[number as usize].key.as_ref());
        keys.filter(|key| matches!(key, RoomKey::Room(_)))
    }

    fn remove_from(&mut self, number: u32, id: SocketId) -> bool {
        let group = &mut self.groups[number as usize];
        let was_there = group.remove(&self.random, id);
        if group.members.is_empty() {
            let group = self.groups.remove(number as usize);
            group.key.and_then(|key| self.numbers.remove(&key));
            self.shrink_rooms();
        }
        was_there
    }

    /// Gives back what a time with more rooms needed.
    fn shrink_rooms(&mut self) {
        if self.numbers.capacity() > 64 && self.numbers.len() < self.numbers.capacity() / 4 {
            self.numbers.shrink_to(self.numbers.len() * 2);
        }
        // Rooms keep their numbers: only those at the end can be given back. It is tried each time that half of them
        // went, since others may have been at the end then.
        self.removed += 1;
        if self.groups.capacity() > 64
            && self.groups.len() < self.groups.capacity() / 4
            && self.removed > self.groups.len()
        {
            self.groups.shrink_to_fit();
            self.removed = 0;
        }
    }

    /// A socket's peer has no other name for it any more; another socket may have it by now.
    fn forget_alias(&mut self, alias: SocketId, id: SocketId) {
        if self.aliases.get(&alias) == Some(&id) {
            self.aliases.remove(&alias);
        }
        if self.aliases.capacity() > 64 && self.aliases.len() < self.aliases.capacity() / 4 {
            self.aliases.shrink_to(self.aliases.len() * 2);
        }
    }

    /// The groups that a socket was in.
    fn forget(&mut self, id: SocketId) -> Few<u32> {
        let entry = self.joined.find_entry(self.random.hash_one(id), |(member, _)| member.id() == id);
        let joined = entry.map(|entry| entry.remove().0.1).unwrap_or_default();
        if self.joined.capacity() > 64 && self.joined.len() < self.joined.capacity() / 4 {
            let hash = |(member, _): &(M, Few<u32>)| self.random.hash_one(member.id());
            self.joined.shrink_to(self.joined.len() * 2, hash);
        }
        joined
    }

    fn list(&self, key: &RoomKey) -> Option<Arc<Vec<M>>> {
        if let Some(&number) = self.numbers.get(key) {
            return Some(Arc::clone(&self.groups[number as usize].members));
        }
        // A socket's own id is a room of that socket.
        let RoomKey::Room(name) = key else { return None };
        // Clients of Socket.IO's version 4 name themselves `/chat#id` in `/chat`.
        let id = name.rsplit_once('#').map_or(&**name, |(_, id)| id);
        let id = SocketId::parse(id)?;
        let member = self.everyone.find(&self.random, *self.aliases.get(&id).unwrap_or(&id))?;
        Some(Arc::new(vec![member.clone()]))
    }
}

/// The sockets of a target at one moment; holds no lock.
#[derive(Debug)]
pub(crate) struct Snapshot<M> {
    members: Arc<Vec<M>>,
    without: HashSet<SocketId>,
}

impl<M: Member> Snapshot<M> {
    /// Each socket once.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &M> {
        self.enumerate().map(|(_, member)| member)
    }

    /// Each socket once, and where it is.
    pub(crate) fn enumerate(&self) -> impl Iterator<Item = (u32, &M)> {
        let members = (0..).zip(&*self.members);
        members.filter(|(_, member)| self.without.is_empty() || !self.without.contains(&member.id()))
    }

    /// The socket at a place.
    pub(crate) fn at(&self, place: u32) -> &M {
        &self.members[place as usize]
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Somebody(SocketId);

    impl Member for Somebody {
        fn id(&self) -> SocketId {
            self.0
        }
    }

    fn people(rooms: &Rooms<Somebody>, count: usize) -> Vec<Somebody> {
        let people: Vec<_> = (0..count).map(|_| Somebody(SocketId::random())).collect();
        for person in &people {
            rooms.enter(person.clone());
        }
        people
    }

    fn selected(rooms: &Rooms<Somebody>, target: &Target) -> Vec<SocketId> {
        let mut ids: Vec<_> = rooms.select(target).iter().map(Member::id).collect();
        ids.sort();
        ids
    }

    fn sorted(people: &[&Somebody]) -> Vec<SocketId> {
        let mut ids: Vec<_> = people.iter().map(|person| person.0).collect();
        ids.sort();
        ids
    }

    #[test]
    fn a_union_names_each_socket_once_and_except_wins() {
        let rooms = Rooms::new("/");
        let people = people(&rooms, 4);
        let (a, b) = (RoomKey::room("a"), RoomKey::room("b"));
        for person in &people[..3] {
            assert!(rooms.join(person.clone(), a.clone()));
        }
        assert!(!rooms.join(people[0].clone(), a.clone()));
        rooms.join(people[1].clone(), b.clone());
        rooms.join(people[3].clone(), b.clone());
        let both = vec![a.clone(), b.clone()];
        let everyone: Vec<_> = people.iter().collect();
        assert_eq!(selected(&rooms, &Target { groups: both, ..Target::default() }), sorted(&everyone));
        let target = Target { groups: vec![a.clone()], except: vec![b], without: Some(people[0].0) };
        assert_eq!(selected(&rooms, &target), sorted(&[&people[2]]));
        assert_eq!(selected(&rooms, &Target::default()), sorted(&everyone));
    }

    #[test]
    fn rooms_are_counted_and_identities_are_not() {
        let rooms = Rooms::new("/");
        let one = people(&rooms, 1).remove(0);
        rooms.join(one.clone(), RoomKey::Identity("ada".into()));
        for (room, is_in) in [("a", true), ("b", true), ("c", false), ("a", true)] {
            assert_eq!(rooms.join_within(one.clone(), RoomKey::room(room), 2), is_in, "{room}");
        }
        assert_eq!(rooms.count_rooms(one.0), 2);
        assert!(!rooms.join_within(one.clone(), RoomKey::room("c"), 0));
        assert!(rooms.leave(one.0, &RoomKey::room("a")));
        assert!(rooms.join_within(one.clone(), RoomKey::room("c"), 2));
        assert_eq!(rooms.count_rooms(one.0), 2);
    }

    #[test]
    fn an_own_id_is_a_room() {
        let rooms = Rooms::new("/");
        let people = people(&rooms, 2);
        let target = Target { groups: vec![RoomKey::room(people[1].0.as_str())], ..Target::default() };
        assert_eq!(selected(&rooms, &target), [people[1].0]);
    }

    /// A peer's name for its socket is another one than the socket's.
    #[derive(Clone, Debug, PartialEq)]
    struct Aliased(SocketId, SocketId);

    impl Member for Aliased {
        fn id(&self) -> SocketId {
            self.0
        }

        fn alias(&self) -> Option<SocketId> {
            Some(self.1)
        }
    }

    #[test]
    fn an_alias_is_a_room_until_its_socket_exits() {
        let rooms = Rooms::new("/");
        let own = |id: SocketId| {
            let target = Target { groups: vec![RoomKey::room(id.as_str())], ..Target::default() };
            rooms.select(&target).iter().map(Member::id).collect::<Vec<_>>()
        };
        let all: Vec<_> = (0..200).map(|_| Aliased(SocketId::random(), SocketId::random())).collect();
        for member in &all {
            rooms.enter(member.clone());
        }
        // The second one of the same session has its name, also when the first one exits after that.
        let second = Aliased(SocketId::random(), all[0].1);
        rooms.enter(second.clone());
        assert_eq!(own(second.1), [second.0]);
        rooms.exit(all[0].0);
        assert_eq!(own(second.1), [second.0]);
        assert_eq!(own(all[1].1), own(all[1].0));
        rooms.exit(second.0);
        rooms.exit(second.0);
        for member in &all[1..] {
            rooms.exit(member.0);
        }
        let index = rooms.index.read();
        assert!(index.aliases.is_empty() && index.aliases.capacity() <= 64);
    }

    #[test]
    fn a_socket_that_ended_is_in_no_room_and_empty_rooms_are_removed() {
        let rooms = Rooms::new("/");
        let people = people(&rooms, 3);
        let key = RoomKey::room("a");
        for person in &people {
            rooms.join(person.clone(), key.clone());
        }
        rooms.exit(people[0].0);
        assert_eq!(selected(&rooms, &Target::default()).len(), 2);
        assert!(rooms.leave(people[1].0, &key));
        assert!(!rooms.leave(people[1].0, &key));
        assert!(rooms.index.read().numbers.contains_key(&key));
        assert_eq!(rooms.joined(people[2].0), std::slice::from_ref(&key));
        rooms.exit(people[2].0);
        assert!(!rooms.index.read().numbers.contains_key(&key));
        assert_eq!(selected(&rooms, &Target::default()).len(), 1);
    }

    #[test]
    fn a_snapshot_is_not_disturbed_by_changes() {
        let rooms = Rooms::new("/");
        let people = people(&rooms, 3);
        let snapshot = rooms.select(&Target::default());
        rooms.exit(people[0].0);
        assert_eq!(snapshot.iter().count(), 3);
        assert_eq!(rooms.select(&Target::default()).iter().count(), 2);
    }

    /// Each member is found in its place, however members join and leave.
    #[test]
    fn places_follow_the_members() {
        let rooms = Rooms::new("/");
        let people = people(&rooms, 500);
        let keys = ["a", "b", "c"].map(RoomKey::room);
        for (number, person) in people.iter().enumerate() {
            for key in keys.iter().take(number % 4) {
                assert!(rooms.join(person.clone(), key.clone()));
            }
        }
        for (number, person) in people.iter().enumerate().filter(|(number, _)| number % 7 != 0) {
            if number % 2 == 0 {
                rooms.exit(person.0);
            } else {
                let was_there = rooms.leave(person.0, &keys[0]);
                assert_eq!(was_there, number % 4 > 0, "{number}");
            }
        }
        let is_here = |number: usize| number.is_multiple_of(7) || !number.is_multiple_of(2);
        for (number, person) in people.iter().enumerate() {
            let own = Target { groups: vec![RoomKey::room(person.0.as_str())], ..Target::default() };
            assert_eq!(selected(&rooms, &own).len(), usize::from(is_here(number)), "{number}");
            let first = usize::from(!number.is_multiple_of(7));
            let expected =
                if is_here(number) { keys.get(first..number % 4).unwrap_or_default() } else { &[] };
            assert_eq!(rooms.joined(person.0), expected, "{number}");
        }
        for (place, key) in keys.iter().enumerate() {
            let in_it = |number: &usize| {
                is_here(*number) && number % 4 > place && (place > 0 || number.is_multiple_of(7))
            };
            let expected = (0..500).filter(in_it).count();
            let target = Target { groups: vec![key.clone()], ..Target::default() };
            assert_eq!(rooms.select(&target).iter().count(), expected);
        }
    }

    #[test]
    fn what_a_crowd_needed_is_given_back() {
        let rooms = Rooms::new("/");
        let people = people(&rooms, 1000);
        for person in &people {
            rooms.join(person.clone(), RoomKey::room("a"));
        }
        for person in &people[10..] {
            rooms.exit(person.0);
        }
        let index = rooms.index.read();
        assert!(index.everyone.members.capacity() <= 64 && index.everyone.places.capacity() <= 128);
        assert!(index.joined.capacity() <= 64);
        assert_eq!(index.joined.len(), 10);
        drop(index);
        for number in 0..500 {
            rooms.join(people[0].clone(), RoomKey::room(&format!("room {number}")));
        }
        rooms.exit(people[0].0);
        let index = rooms.index.read();
        assert!(index.numbers.capacity() <= 64 && index.groups.capacity() <= 64);
        assert_eq!(index.numbers.len(), 1);
    }
}
