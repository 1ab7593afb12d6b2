//! What stubs ask of the types they send and read, asked through the carrier.
//!
//! A bound on a handler's own types would have to hold wherever the handler is compiled, so that a program
//! whose payloads are only ever read could not use them. A bound on the carrier is asked for at the call.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CallerError, Carrier, Connector};
use crate::error::CallError;

/// A carrier through which a handler that takes `A` and returns `R` or `E` can be called.
pub trait Calls<A, R, E> {
    /// The call: see [`Carrier::Call`].
    type Call;

    /// Starts a call.
    fn call(&self, namespace: &'static str, event: &'static str, arguments: A) -> Self::Call;
}

impl<C, A, R, E> Calls<A, R, E> for C
where
    C: Carrier,
    A: Serialize,
    R: DeserializeOwned,
    E: CallerError,
{
    type Call = C::Call<R, E>;

    fn call(&self, namespace: &'static str, event: &'static str, arguments: A) -> Self::Call {
        Carrier::call(self, namespace, event, &arguments)
    }
}

/// A carrier through which a handler that takes `A` and returns nothing, or `E`, can be called.
pub trait Tells<A, E> {
    /// The call: see [`Carrier::Tell`].
    type Tell;

    /// Starts a call.
    fn tell(&self, namespace: &'static str, event: &'static str, arguments: A) -> Self::Tell;
}

impl<C, A, E> Tells<A, E> for C
where
    C: Carrier,
    A: Serialize,
    E: CallerError,
{
    type Tell = C::Tell<E>;

    fn tell(&self, namespace: &'static str, event: &'static str, arguments: A) -> Self::Tell {
        Carrier::tell(self, namespace, event, &arguments)
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

/// A connector that can join a namespace whose `connect` takes `A` and refuses with `E`.
pub trait Joins<A, E> {
    /// What the joined namespace is used through.
    type Carrier: Carrier;

    /// Joins `namespace`.
    fn join(
        &self,
        namespace: &str,
        auth: A,
    ) -> impl Future<Output = Result<Self::Carrier, CallError<E>>> + Send;
}

impl<T, A, E> Joins<A, E> for T
where
    T: Connector + Sync,
    A: Serialize + Send + Sync,
    E: CallerError + Send,
{
    type Carrier = T::Carrier;

    async fn join(&self, namespace: &str, auth: A) -> Result<T::Carrier, CallError<E>> {
        Connector::join(self, namespace, &auth).await
    }
}
