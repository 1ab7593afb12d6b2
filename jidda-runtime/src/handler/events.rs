//! The events of a namespace by name.

use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::middleware::Glue;
use super::route_id::RouteId;

/// Names of up to so many bytes stand where they are looked for: most do.
const SHORT: usize = 51;

/// Where an event goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) route: RouteId,
    /// What is to be run, where there is nothing but this: no middleware, nothing that the caller needs, no limit.
    pub(super) plain: Option<Glue>,
}

/// All that the usual event needs to be found and run, in one line of the cache: with thousands of events, each line
/// costs as much as reading the message.
#[repr(align(64))]
struct Line {
    plain: Option<Glue>,
    route: RouteId,
    length: u8,
    name: [u8; SHORT],
}

impl Line {
    fn name(&self) -> &[u8] {
        &self.name[..usize::from(self.length)]
    }
}

/// A namespace's events.
#[derive(Default)]
pub(super) struct Events {
    short: HashTable<Line>,
    long: HashMap<&'static str, Bound, RandomState>,
    random: RandomState,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} events", self.len())
    }
}

impl Events {
    pub(super) fn len(&self) -> usize {
        self.short.len() + self.long.len()
    }

    /// Adds an event, of which there is none of that name.
    pub(super) fn insert(&mut self, name: &'static str, bound: Bound) {
        if name.len() > SHORT {
            self.long.insert(name, bound);
            return;
        }
        let mut bytes = [0; SHORT];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        let length = u8::try_from(name.len()).expect("a short name");
        let line = Line { plain: bound.plain, route: bound.route, length, name: bytes };
        let random = &self.random;
        self.short.insert_unique(random.hash_one(name.as_bytes()), line, |line| random.hash_one(line.name()));
    }

    #[inline]
    pub(super) fn find(&self, name: &str) -> Option<Bound> {
        if name.len() > SHORT {
            return self.long.get(name).copied();
        }
        let name = name.as_bytes();
        let line = self.short.find(self.random.hash_one(name), |line| line.name() == name)?;
        Some(Bound { route: line.route, plain: line.plain })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_length_are_found_and_no_others() {
        let name = |length: usize| -> &'static str { "e".repeat(length).leak() };
        let mut events = Events::default();
        for length in (0..200).step_by(2) {
            events
                .insert(name(length), Bound { route: RouteId(u32::try_from(length).unwrap()), plain: None });
        }
        assert_eq!(events.len(), 100);
        for length in 0..200 {
            let found = events.find(name(length)).map(|bound| bound.route.0 as usize);
            assert_eq!(found, (length % 2 == 0).then_some(length));
        }
        assert!(events.find("e\0").is_none(), "what fills a line up is no part of a name");
    }

    #[test]
    fn an_event_is_a_line() {
        assert_eq!(size_of::<Line>(), 64);
    }
}
