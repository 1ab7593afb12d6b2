//! What is looked after from time to time: heartbeats, slow peers, peers that say nothing.

use std::sync::Arc;
use std::time::Duration;

use crate::deadline::milliseconds;
use crate::handler::Side;
use crate::link::clock::Tick;
use crate::link::expiry::Expiry;
use crate::link::shared_state::{Control, LinkStatus};
use crate::objects::Connection;
use crate::objects::graph::Shared;
use crate::objects::heartbeat::TimeoutAction;
use crate::reason::DisconnectReason;
use crate::sync::atomic::Ordering;
use crate::wire::{Heartbeat, Protocol};

impl Connection {
    /// Looks after the connection's timings; called by the wheel a few times an interval. Whether it has to end.
    pub(crate) fn check(self: &Arc<Self>, now: u32) -> bool {
        // Read before the clock: a message that arrives in between must not seem to be in the future.
        let seen = self.last_seen.load(Ordering::Relaxed);
        let now = if self.is_exact() { self.hub.exact_clock() } else { now };
        let since = |then: u32| u64::from(now.wrapping_sub(then));
        let mut shared = self.link.change();
        if shared.status != LinkStatus::Up || shared.is_to_close() {
            return shared.status != LinkStatus::Away;
        }
        shared.delay_ping(self.is_between_polls(), seen, now);
        let ending = self.overdue(&mut shared, now);
        let beat = if ending.is_none() { self.beat(&mut shared, since, seen) } else { Beat::Rest };
        let silent_for = Duration::from_millis(since(seen));
        let ending = match beat {
            Beat::Rest => ending,
            Beat::Ask => {
                self.ask_for_life(&mut shared, now);
                None
            }
            Beat::Late => {
                shared.missed = shared.missed.saturating_add(1);
                let missed = u32::from(shared.missed);
                // The program's own code: not while the connection is locked.
                drop(shared);
                let verdict = self.hub.heartbeat.at_limit(&**self, silent_for, missed);
                shared = self.link.change();
                match verdict {
                    TimeoutAction::Close => Some(DisconnectReason::PingTimeout),
                    TimeoutAction::AskAgain => {
                        self.ask_for_life(&mut shared, now);
                        None
                    }
                }
            }
        };
        let expiry = shared.expiry(self.hub.config.expiry_notice, self.hub.wall_clock);
        let ending =
            ending.or(matches!(expiry, Expiry::Over).then_some(DisconnectReason::CredentialsExpired));
        let is_over = ending.is_some();
        let left = if is_over {
            None
        } else {
            self.time_left(&shared, since(seen)).or_else(|| self.next_beat(&shared, since))
        };
        match ending {
            Some(reason) => shared.send_control(Control::Close(reason)),
            None if matches!(expiry, Expiry::Near) => shared.send_control(Control::Expiring),
            None if self.is_idle(&mut shared, now, seen) => shared.send_control(Control::Idle),
            None if shared.outbox.is_empty() => shared.nudge_task(),
            None => shared.send_queued(),
        }
        drop(shared);
        if silent_for <= self.hub.wheel().turn() {
            self.hub.heartbeat.alive(&**self, silent_for);
        }
        if let Some(left) = left {
            self.check_after(left);
        }
        is_over
    }

    /// Why the connection has to end, if it has.
    fn overdue(&self, shared: &mut Shared, now: u32) -> Option<DisconnectReason> {
        let since = |then: u32| u64::from(now.wrapping_sub(then));
        let config = &self.hub.config;
        // A client that polls takes nothing between two polls: then it is slow when too much waits, and lost when
        // its heart stops.
        let is_between = self.is_between_polls() && shared.outbox.queued() < config.max_outbox;
        let is_stalled = shared
            .outbox
            .stalled_since
            .is_some_and(|then| since(then.clock()) >= milliseconds(config.slow_consumer));
        if is_stalled && !is_between {
            return Some(DisconnectReason::SlowConsumer);
        }
        let handshake = if self.wire.closes_on_misplaced_packet() {
            config.connect_timeout
        } else {
            config.handshake_timeout
        };
        let opened = since(self.opened_at.load(Ordering::Relaxed));
        let is_late = !self.is_established.load(Ordering::Relaxed) && opened >= milliseconds(handshake);
        if is_late {
            return Some(DisconnectReason::HandshakeTimeout);
        }
        // As long as a peer may be silent: it says something, but not what it has to say next.
        let limit = milliseconds(config.heartbeat.saturating_add(config.heartbeat_timeout));
        let is_amiss = shared.rest_missing_for(now).is_some_and(|missing| missing >= limit);
        is_amiss.then(|| DisconnectReason::Other("the rest of a message was not received in time".into()))
    }

    fn beat(&self, shared: &mut Shared, since: impl Fn(u32) -> u64, seen: u32) -> Beat {
        let (interval, timeout) = self.pulse();
        let (interval, timeout) = (milliseconds(interval), milliseconds(timeout));
        match self.wire().heartbeat() {
            Heartbeat::WhenSilent => beat_when_silent(shared, since, seen, interval, timeout),
            Heartbeat::Always => {
                // A tick early rather than late: the peer counts, too.
                let interval = interval.saturating_sub(milliseconds(self.hub.wheel().turn()));
                // Checks are a turn apart, and a tick may be a millisecond shorter.
                let timeout = timeout.saturating_sub(milliseconds(self.hub.wheel().tick()));
                beat_always(shared, since, seen, interval, timeout)
            }
            Heartbeat::Theirs => {
                if since(seen) < milliseconds(self.patience()) {
                    shared.missed = 0;
                }
                match self.time_left(shared, since(seen)) {
                    Some(Duration::ZERO) => Beat::Late,
                    _ => Beat::Rest,
                }
            }
        }
    }

    /// Whether a peer that cannot be asked for a sign of life has been silent for too long, while nothing was sent to
    /// it and no call to it was under way.
    fn is_idle(&self, shared: &mut Shared, now: u32, seen: u32) -> bool {
        let is_plain = self.wire().heartbeat() == Heartbeat::WhenSilent && !shared.speaks_native;
        if !is_plain || self.hub.side == Side::Client {
            return false;
        }
        let is_busy = std::mem::take(&mut shared.has_written)
            || shared.is_paused
            || !shared.outbox.is_empty()
            || shared.calls.is_waiting();
        // The time of the last ping, which such a peer never gets.
        let quiet = &mut shared.calls.pinged_at;
        if is_busy {
            *quiet = Some(Tick::at(now));
        }
        let limit = milliseconds(self.hub.config.plain_idle_timeout);
        let has_lasted = |then: u32| u64::from(now.wrapping_sub(then)) >= limit;
        has_lasted(seen) && quiet.is_none_or(|quiet| has_lasted(quiet.clock()))
    }

    /// How long a peer that asks itself may go on being silent; `None` for others, and for one that is not read.
    fn time_left(&self, shared: &Shared, silent_for: u64) -> Option<Duration> {
        // Each time that it is late anew.
        let limit = milliseconds(self.patience()).saturating_mul(u64::from(shared.missed) + 1);
        let is_timed = self.asks_itself() && !shared.is_paused;
        is_timed.then(|| Duration::from_millis(limit.saturating_sub(silent_for)))
    }

    /// When a client looks after its own pings again: its server takes it at its word.
    fn next_beat(&self, shared: &Shared, since: impl Fn(u32) -> u64) -> Option<Duration> {
        self.negotiated()?;
        let (interval, timeout) = self.pulse();
        let asked = since(shared.calls.pinged_at?.clock());
        let is_answered = since(self.last_seen.load(Ordering::Relaxed)) <= asked;
        let left = if is_answered { interval } else { timeout }.saturating_sub(Duration::from_millis(asked));
        Some(left.max(Duration::from_millis(1)))
    }

    fn ask_for_life(&self, shared: &mut Shared, now: u32) {
        shared.calls.pinged_at = Some(Tick::at(now));
        shared.note_ping();
        let id = if self.wire.has_unique_ids() { shared.calls.begin_ping() } else { 0 };
        if self.wire().heartbeat() != Heartbeat::Theirs {
            shared.outbox.append(|out| self.wire().ping(out, id));
        }
    }
}

/// What a connection's heart does now.
enum Beat {
    Rest,
    /// A sign of life is to be asked for.
    Ask,
    /// It was not given in time.
    Late,
}

/// Asks a peer that said nothing for `interval`, and waits `timeout` for it.
fn beat_when_silent(
    shared: &mut Shared,
    since: impl Fn(u32) -> u64,
    seen: u32,
    interval: u64,
    timeout: u64,
) -> Beat {
    if !shared.speaks_native {
        return Beat::Rest;
    }
    if since(seen) < interval || shared.is_paused {
        shared.calls.pinged_at = None;
        shared.missed = 0;
        return Beat::Rest;
    }
    match shared.calls.pinged_at.map(Tick::clock) {
        Some(then) if since(then) >= timeout => Beat::Late,
        None => Beat::Ask,
        _ => Beat::Rest,
    }
}

/// Asks each `interval`, whatever the peer says: it counts on being asked. Whatever it says is an answer.
fn beat_always(
    shared: &mut Shared,
    since: impl Fn(u32) -> u64,
    seen: u32,
    interval: u64,
    timeout: u64,
) -> Beat {
    let Some(then) = shared.calls.pinged_at.map(Tick::clock) else { return Beat::Ask };
    // In the tick of the ping itself an answer cannot be distinguished from earlier bytes.
    let is_answered = since(seen) <= since(then) || shared.is_paused;
    if !is_answered {
        return if since(then) >= timeout { Beat::Late } else { Beat::Rest };
    }
    shared.missed = 0;
    if since(then) >= interval { Beat::Ask } else { Beat::Rest }
}
