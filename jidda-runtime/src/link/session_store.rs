//! The sessions of peers that are away, and which are dropped when there are too many.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::connection_store::SessionInner;
use crate::config::Config;
use crate::id::SessionId;
use crate::shares::{Merit, Owner, Shares};
use crate::source::Source;
use crate::sync::Mutex;

/// The sessions of peers that are away. No session has a timer: the hub's wheel removes them.
pub(crate) struct Sessions {
    limit: usize,
    linger: u32,
    away: Mutex<Away>,
}

/// Whose a session is while it waits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Keeper {
    /// Somebody at this address.
    Anonymous(Source),
    /// This identity, wherever it connects from: no other may resume the session.
    Identity(Arc<str>),
}

/// The sessions of anonymous peers are dropped before those of authenticated ones.
impl Owner for Keeper {
    fn standing(&self) -> u8 {
        match self {
            Self::Anonymous(_) => 0,
            Self::Identity(_) => 1,
        }
    }
}

#[derive(Default)]
struct Away {
    by_id: HashMap<SessionId, u64>,
    shares: Shares<Keeper, Lingering>,
}

struct Lingering {
    id: SessionId,
    session: Arc<SessionInner>,
    identity: Option<Arc<str>>,
    since: u32,
}

impl Away {
    fn remove(&mut self, number: u64) -> Option<Lingering> {
        let lingering = self.shares.remove(number)?;
        self.by_id.remove(&lingering.id);
        Some(lingering)
    }

    fn evict(&mut self) -> Option<Lingering> {
        let lingering = self.shares.evict()?;
        self.by_id.remove(&lingering.id);
        Some(lingering)
    }
}

impl Sessions {
    pub(crate) fn new(config: &Config) -> Self {
        // Half a round of the clock is as far as it can be read.
        let longest = Duration::from_millis(u64::from(u32::MAX / 2));
        let linger = config.session_linger.min(longest).as_millis();
        Self {
            limit: config.max_lingering_sessions,
            linger: u32::try_from(linger).expect("the longest fits"),
            away: Mutex::default(),
        }
    }

    /// Keeps a session for a while. The one that makes room for it, which may be itself, is given back, to be dropped
    /// outside of every lock.
    #[must_use]
    pub(crate) fn linger(
        &self,
        id: SessionId,
        session: Arc<SessionInner>,
        keeper: Keeper,
        now: u32,
    ) -> Option<Arc<SessionInner>> {
        if self.limit == 0 || self.linger == 0 {
            return Some(session);
        }
        let mut away = self.away.lock();
        let identity = match &keeper {
            Keeper::Anonymous(_) => None,
            Keeper::Identity(name) => Some(Arc::clone(name)),
        };
        let number = away.shares.insert(keeper, Merit::None, Lingering { id, session, identity, since: now });
        away.by_id.insert(id, number);
        let evicted = if away.shares.len() > self.limit { away.evict() } else { None };
        evicted.map(|evicted| evicted.session)
    }

    /// Takes a session back, if it is there and belongs to `identity`. Another one's is left as it is.
    pub(crate) fn resume(
        &self,
        id: SessionId,
        identity: Option<&str>,
        now: u32,
    ) -> Option<Arc<SessionInner>> {
        let mut away = self.away.lock();
        let number = *away.by_id.get(&id)?;
        let lingering = away.shares.get(number)?;
        if lingering.identity.as_deref() != identity || self.is_over(lingering, now) {
            return None;
        }
        away.remove(number).map(|lingering| lingering.session)
    }

    fn is_over(&self, lingering: &Lingering, now: u32) -> bool {
        now.wrapping_sub(lingering.since) >= self.linger
    }

    /// Takes those whose time is over.
    #[must_use]
    pub(crate) fn expired(&self, now: u32) -> Vec<Arc<SessionInner>> {
        let mut gone = Vec::new();
        let mut away = self.away.lock();
        while let Some((number, lingering)) = away.shares.oldest()
            && self.is_over(lingering, now)
        {
            gone.extend(away.remove(number).map(|lingering| lingering.session));
        }
        gone
    }

    /// Takes all of them.
    #[must_use]
    pub(crate) fn take_all(&self) -> Vec<Arc<SessionInner>> {
        let away = std::mem::take(&mut *self.away.lock());
        away.shares.into_values().map(|lingering| lingering.session).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(limit: usize) -> Sessions {
        let linger = Duration::from_millis(100);
        Sessions::new(&Config { session_linger: linger, max_lingering_sessions: limit, ..Config::default() })
    }

    fn away(sessions: &Sessions) -> usize {
        let away = sessions.away.lock();
        assert_eq!(away.by_id.len(), away.shares.len());
        away.shares.len()
    }

    fn nobody() -> Keeper {
        Keeper::Anonymous(Source::Other)
    }

    #[test]
    fn a_session_is_resumed_once_in_time_and_by_its_owner() {
        let sessions = sessions(10);
        let id = SessionId::random();
        let ada = Keeper::Identity("ada".into());
        assert!(sessions.linger(id, Arc::default(), ada.clone(), 1000).is_none());
        assert!(sessions.resume(id, None, 1010).is_none());
        assert!(sessions.resume(id, Some("bob"), 1010).is_none());
        assert!(sessions.resume(SessionId::random(), Some("ada"), 1010).is_none());
        assert!(sessions.resume(id, Some("ada"), 1099).is_some());
        assert!(sessions.resume(id, Some("ada"), 1099).is_none());
        drop(sessions.linger(id, Arc::default(), ada, 1000));
        assert!(sessions.resume(id, Some("ada"), 1100).is_none());
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let sessions = sessions(3);
        let ids: Vec<_> = (0..5).map(|_| SessionId::random()).collect();
        for (evicts, id) in [false, false, false, true, true].into_iter().zip(&ids) {
            assert_eq!(sessions.linger(*id, Arc::default(), nobody(), 0).is_some(), evicts);
        }
        assert_eq!(away(&sessions), 3);
        assert!(sessions.resume(ids[1], None, 1).is_none());
        assert!(sessions.resume(ids[2], None, 1).is_some());
    }

    #[test]
    fn expired_sessions_are_removed_also_when_the_clock_wraps() {
        let sessions = sessions(10);
        let start = u32::MAX - 40;
        for since in [start, start.wrapping_add(30), start.wrapping_add(60)] {
            drop(sessions.linger(SessionId::random(), Arc::default(), nobody(), since));
        }
        drop(sessions.expired(start.wrapping_add(99)));
        assert_eq!(away(&sessions), 3);
        drop(sessions.expired(start.wrapping_add(130)));
        assert_eq!(away(&sessions), 1);
        drop(sessions.expired(start.wrapping_add(160)));
        assert_eq!(away(&sessions), 0);
    }

    #[test]
    fn none_is_kept_where_none_is_wanted() {
        let sessions = sessions(0);
        assert!(sessions.linger(SessionId::random(), Arc::default(), nobody(), 0).is_some());
        assert_eq!(away(&sessions), 0);
    }

    /// Each line is who leaves, in turn, and who can come back when all of them have.
    #[test]
    fn the_owner_with_most_sessions_is_evicted_first_and_anonymous_ones_before() {
        let at = |host: u8| Keeper::Anonymous(Source::V4([10, 0, 0, host]));
        let name = |name: &str| Keeper::Identity(name.into());
        let flood = |keeper: Keeper| std::iter::repeat_n(keeper, 100).collect::<Vec<_>>();
        for (first, flood, left) in [
            (vec![at(1), at(2)], flood(at(3)), vec![true, true]),
            (vec![name("ada"), at(2)], flood(at(3)), vec![true, true]),
            (vec![name("ada"), at(2)], flood(name("eve")), vec![true, false]),
            (vec![name("ada"), name("ada"), name("bob")], flood(name("eve")), vec![true, true, true]),
            (vec![name("ada"), name("bob")], (3..200).map(at).collect(), vec![true, true]),
        ] {
            let sessions = sessions(10);
            let ids: Vec<_> = first.iter().map(|_| SessionId::random()).collect();
            for (keeper, id) in first.iter().zip(&ids) {
                drop(sessions.linger(*id, Arc::default(), keeper.clone(), 0));
            }
            for keeper in flood {
                drop(sessions.linger(SessionId::random(), Arc::default(), keeper, 0));
            }
            assert_eq!(away(&sessions), 10);
            let comes_back = |(keeper, id): (&Keeper, &SessionId)| {
                let identity = match keeper {
                    Keeper::Identity(name) => Some(&**name),
                    Keeper::Anonymous(_) => None,
                };
                sessions.resume(*id, identity, 1).is_some()
            };
            assert_eq!(first.iter().zip(&ids).map(comes_back).collect::<Vec<_>>(), left, "{first:?}");
        }
    }
}
