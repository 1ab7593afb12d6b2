//! What stubs ask of the types they send and read, asked through the target.
//!
//! A bound on a handler's own types would have to hold wherever the handler is compiled, so that a program
//! whose payloads are only ever read could not use them. A bound on the target is asked for at the call.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::namespace_name::NamespaceError;
use super::outcome::{CallerError, Outcome, StreamOutcome};
use super::stub::{CallTarget, JoinTarget, StreamTarget};
use crate::error::CallError;

/// A target through which a handler that takes `A` and returns `O` can be called.
///
/// `SHAPE` is the shape of `O`; `UNIT` says that the handler returns nothing, or only an error.
pub trait Calls<A, O, const SHAPE: u8, const UNIT: bool> {
    /// The call: see [`CallTarget::Call`] and [`CallTarget::Notify`].
    type Call;

    /// Starts a call.
    fn call(&self, namespace: &'static str, event: &'static str, arguments: A) -> Self::Call;
}

impl<C, A, O, const SHAPE: u8> Calls<A, O, SHAPE, false> for C
where
    C: CallTarget,
    A: Serialize,
    O: Outcome<SHAPE>,
    O::Value: DeserializeOwned,
    O::Error: CallerError,
{
    type Call = C::Call<O::Value, O::Error>;

    fn call(&self, namespace: &'static str, event: &'static str, arguments: A) -> Self::Call {
        CallTarget::call(self, namespace, event, &arguments)
    }
}

impl<C, A, O, const SHAPE: u8> Calls<A, O, SHAPE, true> for C
where
    C: CallTarget,
    A: Serialize,
    O: Outcome<SHAPE>,
    O::Error: CallerError,
{
    type Call = C::Notify<O::Error>;

    fn call(&self, namespace: &'static str, event: &'static str, arguments: A) -> Self::Call {
        CallTarget::notify(self, namespace, event, &arguments)
    }
}

/// A target through which a handler that takes `A` and streams can be called: `O` is what it returns, `I` what its items
/// are.
pub trait Streams<A, O, I, const WHOLE: u8, const ITEM: u8> {
    /// The items: see [`StreamTarget::Stream`].
    type Stream;

    /// Prepares the call.
    fn stream(&self, namespace: &'static str, event: &'static str, arguments: A) -> Self::Stream;
}

impl<C, A, O, I, const WHOLE: u8, const ITEM: u8> Streams<A, O, I, WHOLE, ITEM> for C
where
    C: StreamTarget,
    A: Serialize,
    O: StreamOutcome<I, WHOLE, ITEM>,
    O::Value: DeserializeOwned,
    O::Error: CallerError,
{
    type Stream = C::Stream<O::Value, O::Error>;

    fn stream(&self, namespace: &'static str, event: &'static str, arguments: A) -> Self::Stream {
        StreamTarget::stream(self, namespace, event, &arguments)
    }
}

/// A target through which an event with the arguments `A` can be sent.
pub trait Emits<A> {
    /// The sending: see [`CallTarget::Emit`].
    type Emit;

    /// Sends the event.
    fn emit(&self, namespace: &'static str, event: &'static str, arguments: A) -> Self::Emit;
}

impl<C: CallTarget, A: Serialize> Emits<A> for C {
    type Emit = C::Emit;

    fn emit(&self, namespace: &'static str, event: &'static str, arguments: A) -> Self::Emit {
        CallTarget::emit(self, namespace, event, &arguments)
    }
}

/// A connector that can join a namespace whose `connect` takes `A` and returns `O`, of that shape.
pub trait Joins<A, O, const SHAPE: u8> {
    /// What the joined namespace is used through.
    type CallTarget: CallTarget;
    /// Why it was not joined.
    type Error;

    /// The error of a namespace that cannot be named.
    fn unnamed(error: NamespaceError) -> Self::Error;

    /// Joins `namespace`.
    fn join(
        &self,
        namespace: &str,
        auth: A,
    ) -> impl Future<Output = Result<Self::CallTarget, Self::Error>> + Send;
}

impl<T, A, O, const SHAPE: u8> Joins<A, O, SHAPE> for T
where
    T: JoinTarget + Sync,
    A: Serialize + Send + Sync,
    O: Outcome<SHAPE>,
    O::Error: CallerError + Send,
{
    type CallTarget = T::CallTarget;
    type Error = CallError<O::Error>;

    fn unnamed(error: NamespaceError) -> Self::Error {
        CallError::Refused { code: "bad_path".to_owned(), message: error.to_string(), data: None }
    }

    async fn join(&self, namespace: &str, auth: A) -> Result<T::CallTarget, Self::Error> {
        JoinTarget::join(self, namespace, &auth).await
    }
}
