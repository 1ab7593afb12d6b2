//! The one owner of a connection that is made again when it is lost.

#[cfg(test)]
mod tests;

use std::convert::Infallible;

use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep};

use super::backoff::chance;
use super::event::ClientEvent;
use super::life::{Input, Life, Policy, Setback, State};
use crate::foreign::in_one_line;
use crate::guard::Guarded;
use crate::reason::DisconnectReason;

/// How a stream ended.
pub(crate) struct Departure {
    pub(crate) reason: DisconnectReason,
    /// Whether another one may follow: neither side has left on purpose.
    pub(crate) returns: bool,
}

/// Serves a stream until it ends. Dropped, it leaves the stream to itself.
pub(crate) type Serving = BoxFuture<'static, Departure>;

/// A connection that can be kept: how what its life asks for is done.
pub(crate) trait Kept: Send + Sync + 'static {
    /// Why an attempt failed.
    type Error: Send;

    /// Makes a stream, and begins to serve it.
    fn open(&self) -> impl Future<Output = Result<Serving, Self::Error>> + Send;

    /// Has the other side let it in.
    fn introduce(&self) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// What is looked after while it is up.
    fn attend(&self) -> impl Future<Output = Infallible> + Send;

    /// Waits until the program asks for the end; at once, if it has.
    fn ending(&self) -> impl Future<Output = DisconnectReason> + Send;

    /// Has the stream end.
    fn hang_up(&self, reason: DisconnectReason);

    /// What an error means for the next attempts.
    fn setback(&self, error: &Self::Error) -> Setback;

    /// Shows the program what happened.
    fn show(&self, event: ClientEvent);

    /// Ends all that goes with the connection, exactly once. `error` is the last one there was.
    fn finish(&self, reason: &DisconnectReason, error: Option<Self::Error>);
}

/// Keeps a connection until its life is over. However it goes away itself, the connection is finished by then: also
/// when it panics, is aborted, or has its runtime shut down.
pub(crate) struct Keeper<K: Kept> {
    life: Life,
    kept: K,
    error: Option<K::Error>,
    serving: Option<Serving>,
    /// When the connection was last up.
    since: Instant,
}

impl<K: Kept> Keeper<K> {
    /// For whoever spawns [`run`](Self::run), which may never be polled: the connection is kept from now on.
    pub(crate) fn new(policy: Policy, kept: K) -> Self {
        Self { life: Life::new(policy), kept, error: None, serving: None, since: Instant::now() }
    }

    pub(crate) async fn run(mut self) {
        while !self.life.is_over() {
            let input = match Guarded::new(self.act(), |_| {}).await {
                Ok(input) => input,
                Err(failure) => {
                    let error = in_one_line(&failure.message);
                    tracing::error!(%error, "keeping a connection panicked, and it is over: please report this");
                    Input::Torn(DisconnectReason::Other("the client broke down".into()))
                }
            };
            self.go_on(input);
        }
    }

    /// Does what the state requires. In every state the program can request the end.
    async fn act(&mut self) -> Input {
        let Self { life, kept, error, serving, since } = self;
        let mut failed = |failure: K::Error| {
            let setback = kept.setback(&failure);
            *error = Some(failure);
            Input::Failed(setback)
        };
        match life.state() {
            State::Waiting(wait) => tokio::select! {
                biased;
                reason = kept.ending() => Input::Close(reason),
                () = sleep(*wait) => Input::Elapsed,
            },
            State::Opening => tokio::select! {
                biased;
                reason = kept.ending() => Input::Close(reason),
                opened = kept.open() => match opened {
                    Ok(stream) => {
                        *serving = Some(stream);
                        Input::Opened
                    }
                    Err(failure) => failed(failure),
                },
            },
            State::Introducing => tokio::select! {
                biased;
                reason = kept.ending() => Input::Close(reason),
                introduced = kept.introduce() => introduced.map_or_else(failed, |()| Input::Introduced),
            },
            State::Connected => tokio::select! {
                biased;
                departure = served(serving) => departed(departure, since),
                reason = kept.ending() => Input::Close(reason),
                never = kept.attend() => match never {},
            },
            State::Failing(_) => {
                kept.hang_up(DisconnectReason::TransportError);
                tokio::select! {
                    biased;
                    departure = served(serving) => departed(departure, since),
                    reason = kept.ending() => Input::Close(reason),
                }
            }
            State::Closing(reason) => {
                kept.hang_up(reason.clone());
                departed(served(serving).await, since)
            }
            State::Over(reason) => Input::Ended(reason.clone()),
        }
    }

    fn go_on(&mut self, input: Input) {
        if input == Input::Introduced {
            (self.since, self.error) = (Instant::now(), None);
        }
        for event in self.life.go_on(input, chance()) {
            self.kept.show(event);
        }
    }
}

/// Waits for the end of the stream.
async fn served(serving: &mut Option<Serving>) -> Departure {
    let departure = match serving {
        Some(serving) => serving.await,
        None => Departure { reason: DisconnectReason::TransportError, returns: true },
    };
    *serving = None;
    departure
}

fn departed(departure: Departure, since: &Instant) -> Input {
    let Departure { reason, returns } = departure;
    if returns { Input::Lost(reason, since.elapsed()) } else { Input::Ended(reason) }
}

impl<K: Kept> Drop for Keeper<K> {
    fn drop(&mut self) {
        // Only where it was dropped in the middle of its life.
        self.go_on(Input::Torn(DisconnectReason::ForcedClose));
        if let State::Over(reason) = self.life.state() {
            self.kept.finish(reason, self.error.take());
        }
    }
}
