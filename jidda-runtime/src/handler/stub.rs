//! What typed stubs are made over: anything that can carry a call, and anything that can join a namespace.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::outcome::CallerError;
use crate::error::CallError;

/// What a stub sends its calls through: a socket of either side, a client, or a broadcast selection.
///
/// `namespace` is the stub's own; a family such as `/orders/{id}` means the target's namespace as it is.
#[diagnostic::on_unimplemented(
    message = "a stub cannot send its calls through `{Self}`",
    label = "not a `CallTarget`",
    note = "wrap a `&Socket`, a `&Client` or a broadcast selection such as `socket.to(\"room\")`"
)]
pub trait CallTarget {
    /// A call under way, or to be sent: awaiting it gives the reply, or every reply of a broadcast.
    type Call<R, E>;
    /// A call of a handler that returns nothing: one socket is asked for its acknowledgement, a broadcast is
    /// an event without an acknowledgement.
    type Notify<E>;
    /// An event without a reply.
    type Emit;

    /// Starts a call.
    fn call<A: Serialize, R: DeserializeOwned, E: CallerError>(
        &self,
        namespace: &'static str,
        event: &'static str,
        arguments: &A,
    ) -> Self::Call<R, E>;

    /// Starts a call of a handler that returns nothing.
    fn notify<A: Serialize, E: CallerError>(
        &self,
        namespace: &'static str,
        event: &'static str,
        arguments: &A,
    ) -> Self::Notify<E>;

    /// Sends an event.
    fn emit<A: Serialize>(&self, namespace: &'static str, event: &'static str, arguments: &A) -> Self::Emit;
}

impl<C: CallTarget + ?Sized> CallTarget for &C {
    type Call<R, E> = C::Call<R, E>;
    type Notify<E> = C::Notify<E>;
    type Emit = C::Emit;

    fn call<A: Serialize, R: DeserializeOwned, E: CallerError>(
        &self,
        namespace: &'static str,
        event: &'static str,
        arguments: &A,
    ) -> Self::Call<R, E> {
        (**self).call(namespace, event, arguments)
    }

    fn notify<A: Serialize, E: CallerError>(
        &self,
        namespace: &'static str,
        event: &'static str,
        arguments: &A,
    ) -> Self::Notify<E> {
        (**self).notify(namespace, event, arguments)
    }

    fn emit<A: Serialize>(&self, namespace: &'static str, event: &'static str, arguments: &A) -> Self::Emit {
        (**self).emit(namespace, event, arguments)
    }
}

/// What can carry a call whose reply is a stream: a socket or a client. A broadcast cannot: each of its sockets would
/// stream at a pace of its own.
#[diagnostic::on_unimplemented(
    message = "a streaming reply cannot be asked for through `{Self}`",
    label = "not a `StreamTarget`",
    note = "wrap a `&Socket` or a `&Client`; of a broadcast, call `.sockets()` and stream from each"
)]
pub trait StreamTarget: CallTarget {
    /// The items: a stream, or for programs without an async runtime an iterator.
    type Stream<T, E>;

    /// Prepares a call; it is sent when the first item is asked for.
    fn stream<A: Serialize, T: DeserializeOwned, E: CallerError>(
        &self,
        namespace: &'static str,
        event: &'static str,
        arguments: &A,
    ) -> Self::Stream<T, E>;
}

impl<C: StreamTarget + ?Sized> StreamTarget for &C {
    type Stream<T, E> = C::Stream<T, E>;

    fn stream<A: Serialize, T: DeserializeOwned, E: CallerError>(
        &self,
        namespace: &'static str,
        event: &'static str,
        arguments: &A,
    ) -> Self::Stream<T, E> {
        (**self).stream(namespace, event, arguments)
    }
}

/// What a caller may give for an argument of the type `T`: the value, or a reference to it, and for a `String` or a `Vec` also
/// what it is borrowed as.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be passed for an argument of the type `{T}`",
    label = "the handler takes `{T}`",
    note = "pass a `{T}` or a `&{T}`; what `.into()`, `.parse()` or `.collect()` is to give cannot be inferred here"
)]
pub trait ArgumentFor<T> {}

impl<T> ArgumentFor<T> for T {}
impl<T> ArgumentFor<T> for &T {}
impl ArgumentFor<String> for &str {}
impl ArgumentFor<String> for &&str {}
impl ArgumentFor<String> for std::borrow::Cow<'_, str> {}
impl<T> ArgumentFor<Vec<T>> for &[T] {}
impl<T, const N: usize> ArgumentFor<Vec<T>> for &[T; N] {}

/// What has namespaces with sockets of many peers in them: a server.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no namespaces to broadcast in",
    label = "not a server",
    note = "pass a `&Server`"
)]
pub trait Namespaces {
    /// All sockets of one namespace.
    type Selection: CallTarget;

    /// The sockets of a namespace.
    fn of(&self, namespace: &str) -> Self::Selection;
}

/// What can join a namespace: a client, or a socket of one (which joins another on the same connection).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot join a namespace",
    label = "not a `JoinTarget`",
    note = "pass a `&Client`, or a socket of one"
)]
pub trait JoinTarget {
    /// What the joined namespace is used through.
    type CallTarget: CallTarget;

    /// Joins `namespace` with `auth` as its auth value.
    fn join<A: Serialize + Sync, E: CallerError + Send>(
        &self,
        namespace: &str,
        auth: &A,
    ) -> impl Future<Output = Result<Self::CallTarget, CallError<E>>> + Send;
}
