//! What a handler's function returned, and how a reply is made of it: its type says that, not its name.
//!
//! serde can write a `Result` as a value, and an error may implement `Display` or not; no trait bound can ask for
//! either. So the question is asked in the code that a macro writes, where the type is known:
//! `(&&&&&&Returned::of(&output)).kind()` takes the first `kind` that applies, the one behind most `&` first.

use std::fmt::{Debug, Display};
use std::marker::PhantomData;

use futures_util::Stream;
use serde::Serialize;

use super::own_error::{self, Fallible, Texts};
use super::{Context, Reply};
use crate::error::Error;
use crate::failure::Failure;
use crate::payload::{Encoding, Payload};

/// Asks for the kind of `O`.
#[derive(Debug)]
pub struct Returned<O>(PhantomData<fn() -> O>);

impl<O> Returned<O> {
    /// The question about a type.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(PhantomData)
    }

    /// The question about the type of a value.
    #[inline]
    pub fn of(_: &O) -> Self {
        Self(PhantomData)
    }
}

/// A value: anything but a `Result`.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

/// A `Result` whose error is, or becomes, a [`jidda::Error`](Error).
#[derive(Clone, Copy, Debug)]
pub struct Opaque;

/// Each `kind` is a trait of its own; the number of `&` is its rank.
macro_rules! kind {
    ($name:ident [$($generics:tt)*] $receiver:ty => $kind:ty = $value:expr) => {
        #[doc = concat!("Selects `", stringify!($kind), "` for this kind of return type.")]
        pub trait $name {
            /// The kind.
            fn kind(&self) -> $kind;
        }

        impl<$($generics)*> $name for $receiver {
            #[inline]
            fn kind(&self) -> $kind {
                $value
            }
        }
    };
}

kind!(OpaqueKind [T, E: OpaqueError] &&&&&Returned<Result<T, E>> => Opaque = Opaque);
kind!(ShownAndNamedKind [T, E: Display + Debug] &&&&Returned<Result<T, E>> => Fallible<true, true> = Fallible);
kind!(ShownKind [T, E: Display] &&&Returned<Result<T, E>> => Fallible<true, false> = Fallible);
kind!(NamedKind [T, E: Debug] &&Returned<Result<T, E>> => Fallible<false, true> = Fallible);
kind!(FallibleKind [T, E] &Returned<Result<T, E>> => Fallible<false, false> = Fallible);
kind!(PlainKind [O] Returned<O> => Plain = Plain);

// The kind is all that is asked: generated code calls the same methods on each.
#[allow(clippy::unused_self)]
impl Plain {
    /// The reply of a handler that returned `value`.
    #[inline]
    pub fn reply<T: ReplyValue>(self, context: &Context, value: T) -> Reply {
        value.into_reply(context.origin().encoding())
    }

    /// The stream that a handler returned.
    #[allow(clippy::unnecessary_wraps)] // All kinds have this method.
    pub fn begin<S: Stream>(self, _: &Context, stream: S) -> Result<S, Reply> {
        Ok(stream)
    }

    /// Writes the items of a stream.
    pub fn writer<T: ReplyValue>(self, context: &Context) -> impl FnMut(T) -> Reply + use<T> {
        let encoding = context.origin().encoding();
        move |item| item.into_item(encoding)
    }
}

#[allow(clippy::unused_self)]
impl Opaque {
    /// The reply of a handler that returned `result`.
    #[inline]
    pub fn reply<T: ReplyValue, E: OpaqueError>(self, context: &Context, result: Result<T, E>) -> Reply {
        match result {
            Ok(value) => value.into_reply(context.origin().encoding()),
            Err(error) => Reply::error(error.into_error()),
        }
    }

    /// The stream that a handler returned, or the reply if it returned an error.
    pub fn begin<S: Stream, E: OpaqueError>(self, _: &Context, result: Result<S, E>) -> Result<S, Reply> {
        result.map_err(|error| Reply::error(error.into_error()))
    }

    /// Writes the items of a stream.
    pub fn writer<T: ReplyValue, E: OpaqueError>(
        self,
        context: &Context,
    ) -> impl FnMut(Result<T, E>) -> Reply + use<T, E> {
        let encoding = context.origin().encoding();
        move |item| match item {
            Ok(value) => value.into_item(encoding),
            Err(error) => Reply::error(error.into_error()),
        }
    }
}

#[allow(clippy::unused_self)]
impl<const DISPLAY: bool, const DEBUG: bool> Fallible<DISPLAY, DEBUG> {
    /// The reply of a handler that returned `result`.
    #[inline]
    pub fn reply<T, E>(self, context: &Context, result: Result<T, E>) -> Reply
    where
        T: ReplyValue,
        E: ReplyError,
        Self: Texts<E>,
    {
        let encoding = context.origin().encoding();
        match result {
            Ok(value) => value.into_reply(encoding),
            Err(error) => self.error(&error, encoding),
        }
    }

    /// The stream that a handler returned, or the reply if it returned an error.
    pub fn begin<S, E>(self, context: &Context, result: Result<S, E>) -> Result<S, Reply>
    where
        S: Stream,
        E: ReplyError,
        Self: Texts<E>,
    {
        result.map_err(|error| self.error(&error, context.origin().encoding()))
    }

    /// Writes the items of a stream.
    pub fn writer<T, E>(
        self,
        context: &Context,
    ) -> impl FnMut(Result<T, E>) -> Reply + use<T, E, DISPLAY, DEBUG>
    where
        T: ReplyValue,
        E: ReplyError,
        Self: Texts<E>,
    {
        let encoding = context.origin().encoding();
        move |item| match item {
            Ok(value) => value.into_item(encoding),
            Err(error) => self.error(&error, encoding),
        }
    }

    #[cold]
    fn error<E>(self, error: &E, encoding: Encoding) -> Reply
    where
        E: ReplyError,
        Self: Texts<E>,
    {
        let data = match error.encode(encoding) {
            Ok(data) => data,
            Err(refusal) => return refusal,
        };
        let (code, message) = own_error::describe(&|names| error.names(names), &self.texts(error));
        Reply::failure(Failure { code, message, data: Some(data), app: true, cause: None })
    }
}

/// What a handler may return, by itself or in an `Ok`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as a reply",
    label = "the reply has to be written on the wire",
    note = "add `#[derive(serde::Serialize)]` to `{Self}` or to what it holds"
)]
pub trait ReplyValue {
    #[doc(hidden)]
    fn into_reply(self, encoding: Encoding) -> Reply;

    /// The same as an item of a stream, which is always one value.
    #[doc(hidden)]
    fn into_item(self, encoding: Encoding) -> Reply;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> ReplyValue for T {
    // As `Reply::value`.
    #[allow(clippy::inline_always)]
    #[inline(always)]
    fn into_reply(self, encoding: Encoding) -> Reply {
        Reply::value(&self, encoding)
    }

    fn into_item(self, encoding: Encoding) -> Reply {
        Payload::encode(&self, encoding).map_or_else(Reply::error, Reply::encoded)
    }
}

impl ReplyValue for Reply {
    fn into_reply(self, _: Encoding) -> Reply {
        self
    }

    fn into_item(self, _: Encoding) -> Reply {
        self
    }
}

/// What a handler may return in an `Err`: a type of your own that is `Serialize`, which reaches a typed caller as it
/// is. Beside it there are [`Error`], `Box<dyn Error + Send + Sync>` and, with the feature `anyhow`, `anyhow::Error`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as an error",
    label = "the error has to be written on the wire",
    note = "return `jidda::Result<_>`: `?` makes an internal error of any `std::error::Error` there; or, if `{Self}` is a \
            type of yours that the caller is to receive, add `#[derive(serde::Serialize)]` to it"
)]
pub trait ReplyError {
    #[doc(hidden)]
    fn encode(&self, encoding: Encoding) -> Result<Payload, Reply>;

    #[doc(hidden)]
    fn names(&self, names: own_error::Names) -> Option<own_error::Form>;
}

#[diagnostic::do_not_recommend]
impl<E: Serialize> ReplyError for E {
    fn encode(&self, encoding: Encoding) -> Result<Payload, Reply> {
        Payload::encode(self, encoding).map_err(Reply::error)
    }

    fn names(&self, names: own_error::Names) -> Option<own_error::Form> {
        own_error::form(self, names)
    }
}

/// An error that is a [`jidda::Error`](Error), or becomes one.
pub trait OpaqueError {
    /// The error.
    fn into_error(self) -> Error;
}

impl OpaqueError for Error {
    fn into_error(self) -> Error {
        self
    }
}

impl OpaqueError for Box<dyn std::error::Error + Send + Sync> {
    fn into_error(self) -> Error {
        Error::internal(self)
    }
}

#[cfg(feature = "anyhow")]
impl OpaqueError for anyhow::Error {
    fn into_error(self) -> Error {
        Error::internal(self)
    }
}

#[cfg(test)]
#[allow(clippy::needless_borrow, clippy::redundant_closure_for_method_calls)]
mod tests {
    use super::*;

    struct Bare;

    #[test]
    fn the_kind_is_that_of_the_type() {
        type Alias<T> = Result<T, Error>;
        struct SearchResult;
        let _: Plain = (&&&&&&Returned::<SearchResult>::new()).kind();
        let _: Plain = (&&&&&&Returned::of(&1)).kind();
        let _: Opaque = (&&&&&&Returned::<Alias<u8>>::new()).kind();
        let _: Opaque =
            (&&&&&&Returned::<Result<u8, Box<dyn std::error::Error + Send + Sync>>>::new()).kind();
        let _: Fallible<true, true> = (&&&&&&Returned::<Result<u8, String>>::new()).kind();
        let _: Fallible<false, true> = (&&&&&&Returned::<Result<(), Option<u8>>>::new()).kind();
        let _: Fallible<false, false> = (&&&&&&Returned::<Result<u8, Bare>>::new()).kind();
        let _: Fallible<true, true> = (&&&&&&Returned::<std::io::Result<u8>>::new()).kind();
    }
}
