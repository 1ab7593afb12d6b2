//! What a caller reads of a handler's reply: its value, and its error.
//!
//! Whether a type is a `Result` cannot be asked by a trait bound, as [`returned`](super::returned) explains; a stub
//! has to know it in a signature, though. So a macro asks constants where the type is known: an inherent one, which
//! only a `Result` has, is taken before a trait's, which every type has.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::error::{CallError, Error};
use crate::failure::Failure;
use crate::payload::Payload;

/// Asks whether `O` is a `Result`.
#[derive(Debug)]
pub struct IsResult<O>(PhantomData<O>);

/// Asks whether `O` is a `Result` whose error a caller sees no text of.
#[derive(Debug)]
pub struct IsOpaque<O>(PhantomData<O>);

/// Asks whether `O` is `()`, or a `Result` of it.
#[derive(Debug)]
pub struct IsUnit<O>(PhantomData<O>);

/// The answer of every type that has no other.
pub trait No {
    /// No.
    const YES: bool = false;
}

impl<O> No for IsResult<O> {}
impl<O> No for IsOpaque<O> {}
impl<O> No for IsUnit<O> {}

macro_rules! yes {
    ($($(#[$attribute:meta])* [$($generics:ident),*] $type:ty;)*) => {$(
        $(#[$attribute])*
        impl<$($generics),*> $type {
            /// Yes.
            pub const YES: bool = true;
        }
    )*};
}

yes! {
    [T, E] IsResult<Result<T, E>>;
    [T] IsOpaque<Result<T, Error>>;
    [T] IsOpaque<Result<T, Box<dyn std::error::Error + Send + Sync>>>;
    #[cfg(feature = "anyhow")]
    [T] IsOpaque<Result<T, anyhow::Error>>;
    [] IsUnit<()>;
    [E] IsUnit<Result<(), E>>;
}

/// The shape of a value.
const VALUE: u8 = 0;
/// The shape of a `Result`.
const RESULT: u8 = 1;
/// The shape of a `Result` whose error a caller sees no text of.
const OPAQUE: u8 = 2;

/// The shape of a handler's return type.
pub const fn shape(is_result: bool, is_opaque: bool) -> u8 {
    match (is_result, is_opaque) {
        (_, true) => OPAQUE,
        (true, false) => RESULT,
        (false, false) => VALUE,
    }
}

/// What a handler returns, of that shape.
pub trait Outcome<const SHAPE: u8> {
    /// The type of the reply.
    type Value;
    /// The type of the error.
    type Error;
}

impl<T> Outcome<VALUE> for T {
    type Value = T;
    type Error = Error;
}

impl<T, E> Outcome<RESULT> for Result<T, E> {
    type Value = T;
    type Error = E;
}

impl<T, E> Outcome<OPAQUE> for Result<T, E> {
    type Value = T;
    type Error = Error;
}

/// What a streaming handler returns, of the shape `WHOLE`, with items of the shape `ITEM`: a stream and each of its items
/// end with one type of error, which is the one that a caller reads.
#[diagnostic::on_unimplemented(
    message = "a stream and its items end with one type of error",
    label = "the error of the stream is not the one of its items",
    note = "give both the same error: `Result<impl Stream<Item = Result<T, E>>, E>`"
)]
pub trait StreamOutcome<Item, const WHOLE: u8, const ITEM: u8> {
    /// The type of the items.
    type Value;
    /// The type of the error.
    type Error;
}

impl<O, T> StreamOutcome<T, VALUE, VALUE> for O {
    type Value = T;
    type Error = Error;
}

impl<O, T, E> StreamOutcome<Result<T, E>, VALUE, RESULT> for O {
    type Value = T;
    type Error = E;
}

impl<O, T, E> StreamOutcome<Result<T, E>, VALUE, OPAQUE> for O {
    type Value = T;
    type Error = Error;
}

impl<S, T, E> StreamOutcome<T, RESULT, VALUE> for Result<S, E> {
    type Value = T;
    type Error = E;
}

impl<S, T, E> StreamOutcome<T, OPAQUE, VALUE> for Result<S, E> {
    type Value = T;
    type Error = Error;
}

impl<S, T, E> StreamOutcome<Result<T, E>, RESULT, RESULT> for Result<S, E> {
    type Value = T;
    type Error = E;
}

impl<S, T, E, I> StreamOutcome<Result<T, I>, OPAQUE, OPAQUE> for Result<S, E> {
    type Value = T;
    type Error = Error;
}

/// Holds a streaming handler to one type of error.
pub const fn check_stream<O, Item, const WHOLE: u8, const ITEM: u8>()
where
    O: StreamOutcome<Item, WHOLE, ITEM>,
{
}

/// The error type a caller expects: what the handler sent, read back.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a reply",
    label = "the caller has to read the error from the wire",
    note = "add `#[derive(serde::Deserialize)]` to `{Self}`"
)]
pub trait CallerError: Sized {
    #[doc(hidden)]
    fn from_data(data: Option<&Payload>) -> Option<Result<Self, String>>;
}

#[diagnostic::do_not_recommend]
impl<E: DeserializeOwned> CallerError for E {
    fn from_data(data: Option<&Payload>) -> Option<Result<Self, String>> {
        data.map(|data| data.decode().map_err(|error| error.to_string()))
    }
}

impl CallerError for Error {
    fn from_data(_: Option<&Payload>) -> Option<Result<Self, String>> {
        None
    }
}

/// The failure of a call, for its caller.
pub(crate) fn call_error<E: CallerError>(failure: Failure) -> CallError<E> {
    if failure.app {
        match E::from_data(failure.data.as_ref()) {
            Some(Ok(error)) => return CallError::App(error),
            Some(Err(text)) => return CallError::Decode(text),
            None => {}
        }
    } else {
        match &*failure.code {
            "timeout" => return CallError::Timeout,
            "cancelled" => return CallError::Cancelled,
            "internal" => {
                let id = failure.data.as_ref().and_then(|data| data.decode::<String>().ok());
                return CallError::Internal { id: id.unwrap_or_default() };
            }
            _ => {}
        }
    }
    CallError::Refused {
        code: failure.code.into_owned(),
        message: failure.message.into_owned(),
        data: failure.data.and_then(|data| data.decode().ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Alias<T> = Result<T, String>;
    struct SearchResult;

    const fn shape_of(is_result: bool, is_opaque: bool) -> u8 {
        shape(is_result, is_opaque)
    }

    #[test]
    fn the_shape_is_that_of_the_type() {
        macro_rules! shapes {
            ($($type:ty = $shape:expr),* $(,)?) => {$(
                assert_eq!(shape_of(IsResult::<$type>::YES, IsOpaque::<$type>::YES), $shape, stringify!($type));
            )*};
        }
        shapes! {
            u8 = VALUE,
            SearchResult = VALUE,
            Alias<u8> = RESULT,
            std::io::Result<()> = RESULT,
            crate::Result<u8> = OPAQUE,
            Result<u8, Box<dyn std::error::Error + Send + Sync>> = OPAQUE,
        }
        #[cfg(feature = "anyhow")]
        shapes!(anyhow::Result<u8> = OPAQUE);
        const { assert!(IsUnit::<()>::YES && IsUnit::<Alias<()>>::YES && !IsUnit::<Alias<u8>>::YES) };
    }
}
