//! The life of a connection that is made again when it is lost, as a machine without any I/O.
//!
//! The [`Keeper`](super::keeper::Keeper) does what the state says and feeds back the result; nothing else decides what
//! becomes of such a connection. A client's connections live so, those it is dialed for, and those a server dials.
//!
//! ```text
//!          ┌───────────────── Elapsed ──────────────────┐
//!          ▼                                            │
//!       Opening ──Opened──▶ Introducing ──Introduced──▶ Connected ──Lost──▶ Waiting
//!          │ Failed              │ Failed                                     ▲
//!          │                     ▼                                            │
//!          │                  Failing ──Lost──────────────────────────────────┤
//!          └──────────────────────────────────────────────────────────────────┘
//! ```
//!
//! `Close` leads from anywhere to `Over`, by way of `Closing` where a stream has to be ended first. What fails for good,
//! or has no attempt left, is `Over`, too. Nothing leads out of that.

#[cfg(test)]
mod tests;

use std::time::Duration;

use smallvec::SmallVec;

use super::backoff::Backoff;
use super::event::ClientEvent;
use crate::reason::DisconnectReason;

/// How long one that listens waits after the system could not accept, as a server does.
const PAUSE: Duration = Duration::from_millis(50);

/// Where a connection is in its life, and so what is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    /// A stream is to be made: dialed or accepted, with the handshake of an encrypted one.
    Opening,
    /// There is a stream: hello is to be said, and namespaces are to be joined.
    Introducing,
    /// The connection is up.
    Connected,
    /// The introduction failed: the stream is to be closed, and then the attempt counts as failed.
    Failing(Setback),
    /// The next attempt is due after so long.
    Waiting(Duration),
    /// The connection was asked to end: the stream is to be closed.
    Closing(DisconnectReason),
    /// It is over, for good.
    Over(DisconnectReason),
}

/// What happened to a connection.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Input {
    /// There is a stream.
    Opened,
    /// The server has let the client in.
    Introduced,
    /// One of these two failed.
    Failed(Setback),
    /// The stream ended, and may be followed by another one. How long it had been up.
    Lost(DisconnectReason, Duration),
    /// The stream ended because one of the two sides wanted no more.
    Ended(DisconnectReason),
    /// The wait is over.
    Elapsed,
    /// The program asks for the end.
    Close(DisconnectReason),
    /// Whoever keeps the connection goes away in the middle: it panicked, or its runtime shuts down.
    Torn(DisconnectReason),
}

/// How an attempt failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Setback {
    /// The system made no stream.
    System,
    /// There was no answer in time, or the stream was lost: the next attempt may do better.
    Passing,
    /// The server refused for something that passes by itself. What the life ends with if it ends here.
    Postponed(DisconnectReason),
    /// The server refused. What the life ends with.
    Refused(DisconnectReason),
}

/// Which side makes the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Dials,
    /// It is dialed by the server. Waiting would help no peer, and a refusal may not be its server's.
    Listens,
}

/// What holds for all of a connection's life.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) role: Role,
    /// Without it, a lost connection stays lost.
    pub(crate) backoff: Option<Backoff>,
    /// Whether the first connection is tried for like a lost one.
    pub(crate) is_patient: bool,
}

/// What the program was last shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// That it was never connected: whoever asked for it waits for the outcome.
    Nothing,
    Connected,
    Disconnected,
}

/// What the program is shown after one input.
pub(crate) type Events = SmallVec<[ClientEvent; 2]>;

#[derive(Debug)]
pub(crate) struct Life {
    policy: Policy,
    state: State,
    shown: Shown,
    /// How many attempts were made since a connection last lasted.
    attempt: u32,
}

impl Life {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy, state: State::Opening, shown: Shown::Nothing, attempt: 0 }
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
    }

    /// Goes on to the next state; `chance`, from 0 to 1, is for the length of a wait. An input that is too late for the
    /// state it was meant for changes nothing.
    pub(crate) fn go_on(&mut self, input: Input, chance: f64) -> Events {
        let mut events = Events::new();
        match (&self.state, input) {
            (State::Over(_), _) => {}
            (_, Input::Torn(reason)) => {
                let was_asked_for = matches!(self.state, State::Closing(_));
                self.disconnected(&reason, &mut events);
                self.end(reason, !was_asked_for, &mut events);
            }
            (State::Waiting(_) | State::Opening, Input::Close(reason)) => self.state = State::Over(reason),
            (State::Introducing | State::Connected | State::Failing(_), Input::Close(reason)) => {
                self.state = State::Closing(reason);
            }
            (State::Waiting(_), Input::Elapsed) => self.state = State::Opening,
            (State::Opening, Input::Opened) => self.state = State::Introducing,
            (State::Opening, Input::Failed(setback)) => self.failed(setback, chance, &mut events),
            (State::Introducing, Input::Failed(setback)) => self.state = State::Failing(setback),
            (State::Introducing, Input::Introduced) => self.connected(&mut events),
            (State::Connected, Input::Lost(reason, lasted)) => {
                self.disconnected(&reason, &mut events);
                if self.policy.backoff.as_ref().is_some_and(|backoff| lasted >= backoff.steady()) {
                    self.attempt = 0;
                }
                self.retry(reason, false, chance, &mut events);
            }
            (State::Connected, Input::Ended(reason)) => {
                self.disconnected(&reason, &mut events);
                self.state = State::Over(reason);
            }
            (State::Failing(setback), Input::Lost(..)) => {
                let setback = setback.clone();
                self.failed(setback, chance, &mut events);
            }
            (State::Failing(_), Input::Ended(reason)) => self.end(reason, true, &mut events),
            (State::Closing(reason), Input::Lost(..) | Input::Ended(_)) => {
                let reason = reason.clone();
                self.disconnected(&reason, &mut events);
                self.state = State::Over(reason);
            }
            _ => {}
        }
        events
    }

    fn connected(&mut self, events: &mut Events) {
        events.push(match self.shown {
            Shown::Nothing => ClientEvent::Connected,
            Shown::Connected | Shown::Disconnected => ClientEvent::Reconnected,
        });
        self.shown = Shown::Connected;
        self.state = State::Connected;
    }

    /// Shows the end of a connection to whoever was shown its beginning.
    fn disconnected(&mut self, reason: &DisconnectReason, events: &mut Events) {
        if self.shown == Shown::Connected {
            events.push(ClientEvent::Disconnected(reason.clone()));
            self.shown = Shown::Disconnected;
        }
    }

    /// Ends it without being asked to. Whoever waits for the first connection learns it as the outcome of that.
    fn end(&mut self, reason: DisconnectReason, gives_up: bool, events: &mut Events) {
        if gives_up && self.shown != Shown::Nothing {
            events.push(ClientEvent::GaveUp);
        }
        self.state = State::Over(reason);
    }

    fn failed(&mut self, setback: Setback, chance: f64, events: &mut Events) {
        let listens = self.policy.role == Role::Listens;
        let is_first = self.shown == Shown::Nothing;
        let is_system = setback == Setback::System;
        let (is_final, reason) = match setback {
            Setback::System | Setback::Passing => (false, DisconnectReason::TransportError),
            // Tried again by a client that was admitted before: the server may not have noticed yet that the previous connection is
            // lost, or what it asks may be away.
            Setback::Postponed(reason) => (is_first && !listens, reason),
            Setback::Refused(reason) => (!listens, reason),
        };
        if is_final || (is_first && !listens && !self.policy.is_patient) {
            return self.end(reason, true, events);
        }
        self.retry(DisconnectReason::TransportError, is_system, chance, events);
    }

    fn retry(&mut self, reason: DisconnectReason, is_system: bool, chance: f64, events: &mut Events) {
        let backoff = self.policy.backoff.as_ref();
        let wait = match self.policy.role {
            Role::Dials => backoff.and_then(|backoff| backoff.wait(self.attempt, chance)),
            Role::Listens if is_system => Some(PAUSE),
            // The first peer was not the server, which may still connect.
            Role::Listens if self.shown == Shown::Nothing => Some(Duration::ZERO),
            Role::Listens => backoff.map(|_| Duration::ZERO),
        };
        let Some(wait) = wait else {
            events.push(ClientEvent::GaveUp);
            self.state = State::Over(reason);
            return;
        };
        events.push(ClientEvent::Reconnecting { attempt: self.attempt, wait });
        if self.policy.role == Role::Dials {
            self.attempt = self.attempt.saturating_add(1);
        }
        self.state = State::Waiting(wait);
    }
}
