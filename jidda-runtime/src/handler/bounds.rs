//! What stubs ask of the types they send and read, asked through the carrier.
//!
//! A bound on a handler's own types would have to hold wherever the handler is compiled, so that a program
//! whose payloads are only ever read could not use them. A bound on the carrier is asked for at the call.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CallerError, Carrier, Connector, Outcome, StreamCarrier};
use crate::error::CallError;

/// A carrier through which a handler that takes `A` and returns `O` can be called.
pub trait Calls<A, O> {
    /// The call: see [`Carrier::Call`].
    type Call;

    /// Starts a call.
    fn call(&self, namespace: &'static str, event: &'static str, arguments: A) -> Self::Call;
}

impl<C, A, O> Calls<A, O> for C
where
    C: Carrier,
    A: Serialize,
    O: Outcome,
    O::Value: DeserializeOwned,
    O::Error: CallerError,
{
    type Call = C::Call<O::Value, O::Error>;

    fn call(&self, namespace: &'static str, event: &'static str, arguments: A) -> Self::Call {
        Carrier::call(self, namespace, event, &arguments)
    }
}

/// A carrier through which a handler that takes `A` and returns nothing, or the error of `O`, can be called.
pub trait Tells<A, O> {
    /// The call: see [`Carrier::Tell`].
    type Tell;

    /// Starts a call.
    fn tell(&self, namespace: &'static str, event: &'static str, arguments: A) -> Self::Tell;
}

impl<C, A, O> Tells<A, O> for C
where
    C: Carrier,
    A: Serialize,
    O: Outcome,
    O::Error: CallerError,
{
    type Tell = C::Tell<O::Error>;

    fn tell(&self, namespace: &'static str, event: &'static str, arguments: A) -> Self::Tell {
        Carrier::tell(self, namespace, event, &arguments)
    }
}

/// A carrier through which a handler that takes `A` and streams `O` can be called: its items, and the error it may
/// end with.
pub trait Streams<A, O> {
    /// The items: see [`StreamCarrier::Stream`].
    type Stream;

    /// Prepares the call.
    fn stream(&self, namespace: &'static str, event: &'static str, arguments: A) -> Self::Stream;
}

impl<C, A, O> Streams<A, O> for C
where
    C: StreamCarrier,
    A: Serialize,
    O: Outcome,
    O::Value: DeserializeOwned,
    O::Error: CallerError,
{
    type Stream = C::Stream<O::Value, O::Error>;

    fn stream(&self, namespace: &'static str, event: &'static str, arguments: A) -> Self::Stream {
        StreamCarrier::stream(self, namespace, event, &arguments)
    }
}

/// A carrier through which an event with the arguments `A` can be sent.
pub trait Emits<A> {
    /// The sending: see [`Carrier::Emit`].
    type Emit;

    /// Sends the event.
    fn emit(&self, namespace: &'static str, event: &'static str, arguments: A) -> Self::Emit;
}

impl<C: Carrier, A: Serialize> Emits<A> for C {
    type Emit = C::Emit;

    fn emit(&self, namespace: &'static str, event: &'static str, arguments: A) -> Self::Emit {
        Carrier::emit(self, namespace, event, &arguments)
    }
}

/// A connector that can join a namespace whose `connect` takes `A` and returns `O`.
pub trait Joins<A, O> {
    /// What the joined namespace is used through.
    type Carrier: Carrier;
    /// Why it was not joined.
    type Error;

    /// Joins `namespace`.
    fn join(
        &self,
        namespace: &str,
        auth: A,
    ) -> impl Future<Output = Result<Self::Carrier, Self::Error>> + Send;
}

impl<T, A, O> Joins<A, O> for T
where
    T: Connector + Sync,
    A: Serialize + Send + Sync,
    O: Outcome,
    O::Error: CallerError + Send,
{
    type Carrier = T::Carrier;
    type Error = CallError<O::Error>;

    async fn join(&self, namespace: &str, auth: A) -> Result<T::Carrier, Self::Error> {
        Connector::join(self, namespace, &auth).await
    }
}
