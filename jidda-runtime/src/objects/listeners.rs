//! The handlers and observers that were added to a socket at run time.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::handler::{Callback, EventName, RawArguments};

pub(crate) type Observer = Arc<dyn Fn(&EventName, &RawArguments) + Send + Sync>;

/// An observer that was added with [`Socket::on_any`](crate::Socket::on_any) or [`Socket::on_any_outgoing`](crate::Socket::on_any_outgoing): [`Socket::off_any`](crate::Socket::off_any) removes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObserverId(u64);

impl ObserverId {
    /// For a socket that has ended, which takes no observers.
    pub(crate) const NONE: Self = Self(0);
}

type Observers = Vec<(ObserverId, Observer)>;

/// One socket's run-time handlers.
#[derive(Default)]
pub(crate) struct Listeners {
    by_event: HashMap<Box<str>, (Callback, bool), foldhash::fast::RandomState>,
    observers: Observers,
    outgoing: Observers,
    /// How many observers were ever added.
    count: u64,
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.by_event.keys()).finish()
    }
}

impl Listeners {
    /// Gives back the one that was there, to be dropped when the socket is not locked.
    pub(crate) fn insert(&mut self, event: &str, callback: Callback, is_once: bool) -> Option<Callback> {
        self.by_event.insert(event.into(), (callback, is_once)).map(|(old, _)| old)
    }

    pub(crate) fn remove(&mut self, event: &str) -> Option<Callback> {
        self.by_event.remove(event).map(|(old, _)| old)
    }

    pub(crate) fn observer_id(&mut self) -> ObserverId {
        self.count += 1;
        ObserverId(self.count)
    }

    pub(crate) fn observe(&mut self, observer: Observer) -> ObserverId {
        let id = self.observer_id();
        self.observers.push((id, observer));
        id
    }

    pub(crate) fn observe_outgoing(&mut self, observer: Observer) -> ObserverId {
        let id = self.observer_id();
        self.outgoing.push((id, observer));
        id
    }

    /// Gives back the observer, to be dropped when the socket is not locked.
    pub(crate) fn remove_observer(&mut self, id: ObserverId) -> Option<Observer> {
        let list = [&mut self.observers, &mut self.outgoing];
        list.into_iter().find_map(|list| {
            let index = list.iter().position(|(other, _)| *other == id)?;
            Some(list.remove(index).1)
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_event.is_empty() && self.observers.is_empty() && self.outgoing.is_empty()
    }

    /// The handler of an event, which a `once` handler is only this time.
    pub(crate) fn take(&mut self, event: &str) -> Option<Callback> {
        let (callback, is_once) = self.by_event.get(event)?;
        if *is_once {
            return self.by_event.remove(event).map(|(callback, _)| callback);
        }
        Some(Arc::clone(callback))
    }

    pub(crate) fn observers(&self) -> Vec<Observer> {
        self.observers.iter().map(|(_, observer)| Arc::clone(observer)).collect()
    }

    pub(crate) fn outgoing(&self) -> Vec<Observer> {
        self.outgoing.iter().map(|(_, observer)| Arc::clone(observer)).collect()
    }

    /// All closures, to be dropped each by itself: their destructors are the program's.
    pub(crate) fn into_closures(self) -> (impl Iterator<Item = Callback>, impl Iterator<Item = Observer>) {
        let Self { by_event, observers, outgoing, count: _ } = self;
        let callbacks = by_event.into_values().map(|(callback, _)| callback);
        (callbacks, observers.into_iter().chain(outgoing).map(|(_, observer)| observer))
    }
}
