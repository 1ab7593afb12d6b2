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

/// What a call of a handler that returns `O` is, through a target: without the bounds of [`Calls`], which would be
/// reported once more for it.
///
/// `SHAPE` is the shape of `O`; `UNIT` says that the handler returns nothing, or only an error.
pub trait CallOf<O, const SHAPE: u8, const UNIT: bool> {
    /// See [`CallTarget::Call`] and [`CallTarget::Notify`].
    type Call;
}

impl<C: CallTarget, O: Outcome<SHAPE>, const SHAPE: u8> CallOf<O, SHAPE, false> for C {
    type Call = C::Call<O::Value, O::Error>;
}

impl<C: CallTarget, O: Outcome<SHAPE>, const SHAPE: u8> CallOf<O, SHAPE, true> for C {
    type Call = C::Notify<O::Error>;
}

/// What a caller reads of a reply.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a reply",
    label = "the caller has to read it from the wire",
    note = "add `#[derive(serde::Deserialize)]` to `{Self}`: its handler needs `Serialize` only, its caller needs both"
)]
pub trait CallerValue: DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> CallerValue for T {}

/// A target through which a handler that takes `A` and returns `O` can be called.
pub trait Calls<A, O, const SHAPE: u8, const UNIT: bool>: CallOf<O, SHAPE, UNIT> + CallTarget {
    /// Starts a call.
    fn call(
        &self,
        namespace: &'static str,
        event: &'static str,
        arguments: A,
    ) -> <Self as CallOf<O, SHAPE, UNIT>>::Call;
}

impl<C, A, O, const SHAPE: u8> Calls<A, O, SHAPE, false> for C
where
    C: CallTarget,
    A: Serialize,
    O: Outcome<SHAPE>,
    O::Value: CallerValue,
    O::Error: CallerError,
{
    fn call(
        &self,
        namespace: &'static str,
        event: &'static str,
        arguments: A,
    ) -> C::Call<O::Value, O::Error> {
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
    fn call(&self, namespace: &'static str, event: &'static str, arguments: A) -> C::Notify<O::Error> {
        CallTarget::notify(self, namespace, event, &arguments)
    }
}

/// A target through which a handler that takes `A` and streams can be called: `O` is what it returns, `I` what its items
/// are.
pub trait Streams<A, O, I, const WHOLE: u8, const ITEM: u8>: StreamOf<O, I, WHOLE, ITEM> {
    /// Prepares the call.
    fn stream(
        &self,
        namespace: &'static str,
        event: &'static str,
        arguments: A,
    ) -> <Self as StreamOf<O, I, WHOLE, ITEM>>::Stream;
}

/// What the items of such a handler are, through a target: see [`CallOf`].
pub trait StreamOf<O, I, const WHOLE: u8, const ITEM: u8> {
    /// See [`StreamTarget::Stream`].
    type Stream;
}

impl<C, O, I, const WHOLE: u8, const ITEM: u8> StreamOf<O, I, WHOLE, ITEM> for C
where
    C: StreamTarget,
    O: StreamOutcome<I, WHOLE, ITEM>,
{
    type Stream = C::Stream<O::Value, O::Error>;
}

impl<C, A, O, I, const WHOLE: u8, const ITEM: u8> Streams<A, O, I, WHOLE, ITEM> for C
where
    C: StreamTarget,
    A: Serialize,
    O: StreamOutcome<I, WHOLE, ITEM>,
    O::Value: CallerValue,
    O::Error: CallerError,
{
    fn stream(
        &self,
        namespace: &'static str,
        event: &'static str,
        arguments: A,
    ) -> C::Stream<O::Value, O::Error> {
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
