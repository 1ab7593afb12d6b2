//! The in-memory index of rooms.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::RwLock;

use super::target::{RoomKey, Target};
use crate::id::SocketId;

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// What can be in a room.
pub(crate) trait Member: Clone {
    /// Its name.
    fn id(&self) -> SocketId;
}

/// The sockets of one namespace.
#[derive(Debug)]
pub(crate) struct Rooms<M> {
    index: RwLock<Index<M>>,
}

#[derive(Debug)]
struct Index<M> {
    everyone: Group<M>,
    groups: Map<RoomKey, Group<M>>,
    /// Each socket's groups, in the order it joined them.
    joined: Map<SocketId, Vec<RoomKey>>,
    /// Sockets whose peers have another name for them.
    names: Map<SocketId, SocketId>,
}

/// Members in one shared list, so that a broadcast takes them all with one reference: only a change that meets
/// a broadcast still under way copies the list.
#[derive(Debug)]
struct Group<M> {
    members: Arc<Vec<M>>,
    places: Map<SocketId, u32>,
}

impl<M> Default for Group<M> {
    fn default() -> Self {
        Self { members: Arc::default(), places: Map::default() }
    }
}

impl<M: Member> Group<M> {
    fn insert(&mut self, member: M) -> bool {
        let place = u32::try_from(self.members.len()).expect("fewer than 4 billion sockets");
        if self.places.contains_key(&member.id()) {
            return false;
        }
        self.places.insert(member.id(), place);
        Arc::make_mut(&mut self.members).push(member);
        true
    }

    fn remove(&mut self, id: SocketId) -> bool {
        let Some(place) = self.places.remove(&id) else { return false };
        let members = Arc::make_mut(&mut self.members);
        members.swap_remove(place as usize);
        if let Some(moved) = members.get(place as usize) {
            self.places.insert(moved.id(), place);
        }
        // A namespace that emptied must not keep the room of its busiest hour.
        if members.capacity() > 64 && members.len() < members.capacity() / 4 {
            members.shrink_to(members.len() * 2);
            self.places.shrink_to(members.len() * 2);
        }
        true
    }
}

impl<M> Default for Rooms<M> {
    fn default() -> Self {
        let index = Index {
            everyone: Group::default(),
            groups: Map::default(),
            joined: Map::default(),
            names: Map::default(),
        };
        Self { index: RwLock::new(index) }
    }
}

impl<M: Member> Rooms<M> {
    /// Adds a socket to the namespace.
    pub(crate) fn enter(&self, member: M) {
        self.index.write().everyone.insert(member);
    }

    /// Lets `name` be the room of a socket's own, beside its id. The last one to be given a name has it.
    pub(crate) fn name(&self, name: SocketId, id: SocketId) {
        self.index.write().names.insert(name, id);
    }

    /// Takes a socket out of the namespace and of all its groups.
    pub(crate) fn exit(&self, id: SocketId) {
        let mut index = self.index.write();
        index.everyone.remove(id);
        if !index.names.is_empty() {
            index.names.retain(|_, named| *named != id);
        }
        for key in index.joined.remove(&id).unwrap_or_default() {
            index.remove_from(&key, id);
        }
    }

    /// Adds a socket to a group. Whether it was not there yet.
    pub(crate) fn join(&self, member: M, key: RoomKey) -> bool {
        let id = member.id();
        let mut index = self.index.write();
        let is_new = index.groups.entry(key.clone()).or_default().insert(member);
        if is_new {
            index.joined.entry(id).or_default().push(key);
        }
        is_new
    }

    /// Takes a socket out of a group. Whether it was there.
    pub(crate) fn leave(&self, id: SocketId, key: &RoomKey) -> bool {
        let mut index = self.index.write();
        if let Some(joined) = index.joined.get_mut(&id) {
            joined.retain(|other| other != key);
            if joined.is_empty() {
                index.joined.remove(&id);
            }
        }
        index.remove_from(key, id)
    }

    /// The groups a socket is in, in the order it joined them.
    pub(crate) fn joined(&self, id: SocketId) -> Vec<RoomKey> {
        self.index.read().joined.get(&id).cloned().unwrap_or_default()
    }

    /// The sockets of a target, as they are now.
    pub(crate) fn select(&self, target: &Target) -> Snapshot<M> {
        let index = self.index.read();
        let mut lists = Vec::new();
        if target.groups.is_empty() {
            lists.push(Arc::clone(&index.everyone.members));
        }
        for key in &target.groups {
            lists.extend(index.list(key));
        }
        let mut without: HashSet<_> =
            target.except.iter().filter_map(|key| index.list(key)).flat_map(|list| ids(&list)).collect();
        without.extend(target.without);
        // Only a union can name a socket twice.
        let is_union = lists.len() > 1;
        Snapshot { lists, without, is_union }
    }
}

fn ids<M: Member>(list: &[M]) -> Vec<SocketId> {
    list.iter().map(Member::id).collect()
}

impl<M: Member> Index<M> {
    fn remove_from(&mut self, key: &RoomKey, id: SocketId) -> bool {
        let Some(group) = self.groups.get_mut(key) else { return false };
        let was_there = group.remove(id);
        if group.members.is_empty() {
            self.groups.remove(key);
        }
        was_there
    }

    fn list(&self, key: &RoomKey) -> Option<Arc<Vec<M>>> {
        if let Some(group) = self.groups.get(key) {
            return Some(Arc::clone(&group.members));
        }
        // A socket's own id is a room of that socket.
        let RoomKey::Room(name) = key else { return None };
        // Clients of Socket.IO's version 4 name themselves `/chat#id` in `/chat`.
        let id = name.rsplit_once('#').map_or(&**name, |(_, id)| id);
        let id = SocketId::parse(id)?;
        let place = *self.everyone.places.get(self.names.get(&id).unwrap_or(&id))?;
        Some(Arc::new(vec![self.everyone.members[place as usize].clone()]))
    }
}

/// The sockets of a target at one moment; holds no lock.
#[derive(Debug)]
pub(crate) struct Snapshot<M> {
    lists: Vec<Arc<Vec<M>>>,
    without: HashSet<SocketId>,
    is_union: bool,
}

impl<M: Member> Snapshot<M> {
    /// Each socket once.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &M> {
        let mut seen = HashSet::new();
        self.lists.iter().flat_map(|list| list.iter()).filter(move |member| {
            (self.without.is_empty() || !self.without.contains(&member.id()))
                && (!self.is_union || seen.insert(member.id()))
        })
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
        let rooms = Rooms::default();
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
    fn an_own_id_is_a_room() {
        let rooms = Rooms::default();
        let people = people(&rooms, 2);
        let target = Target { groups: vec![RoomKey::room(people[1].0.as_str())], ..Target::default() };
        assert_eq!(selected(&rooms, &target), [people[1].0]);
    }

    #[test]
    fn who_exits_is_in_no_room_and_an_empty_room_is_gone() {
        let rooms = Rooms::default();
        let people = people(&rooms, 3);
        let key = RoomKey::room("a");
        for person in &people {
            rooms.join(person.clone(), key.clone());
        }
        rooms.exit(people[0].0);
        assert_eq!(selected(&rooms, &Target::default()).len(), 2);
        assert!(rooms.leave(people[1].0, &key));
        assert!(!rooms.leave(people[1].0, &key));
        assert!(rooms.index.read().groups.contains_key(&key));
        assert_eq!(rooms.joined(people[2].0), std::slice::from_ref(&key));
        rooms.exit(people[2].0);
        assert!(!rooms.index.read().groups.contains_key(&key));
        assert_eq!(selected(&rooms, &Target::default()).len(), 1);
    }

    #[test]
    fn a_snapshot_is_not_disturbed_by_changes() {
        let rooms = Rooms::default();
        let people = people(&rooms, 3);
        let snapshot = rooms.select(&Target::default());
        rooms.exit(people[0].0);
        assert_eq!(snapshot.iter().count(), 3);
        assert_eq!(rooms.select(&Target::default()).iter().count(), 2);
    }
}
