//! What generated code names. Not for programs: it may change with any release.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::Poll;

use futures_core::Stream;

#[cfg(feature = "client")]
pub use futures_util::future::BoxFuture;
#[cfg(feature = "client")]
pub use inventory;
#[cfg(feature = "client")]
pub use socket2::SockRef;

#[cfg(feature = "client")]
pub use crate::error::Error;
pub use crate::handler::bounds::{CallOf, Calls, Emits, Joins, StreamOf, Streams};
pub use crate::handler::outcome::{
    IsOpaque, IsResult, IsUnit, No, Outcome, StreamOutcome, check_stream, shape,
};
#[cfg(feature = "client")]
pub use crate::handler::probe::{Probe, WithDefault, WithoutDefault};
#[cfg(feature = "client")]
pub use crate::handler::returned::Returned;
pub use crate::handler::{
    AppKey, ArgumentFor, CallTarget, Contract, ContractEvent, Location, NamespaceError, Namespaces, Side,
    namespace_path,
};
#[cfg(feature = "client")]
pub use crate::handler::{
    ArgumentEntry, Arguments, Call, ConfigureSocketEntry, Context, Dispatch, FromConnection, HandlerEntry,
    MiddlewareEntry, Next, Registered, RegisteredConfigureSocket, RegisteredMiddleware, Reply, ServiceKey,
    refusal,
};
#[cfg(feature = "run")]
pub use crate::server::run;

/// A handler, where nothing can run one: a contract names the type.
#[cfg(not(feature = "client"))]
#[derive(Debug)]
pub struct HandlerEntry(());

/// The traits that [`Returned`] is asked through, without their names.
#[cfg(feature = "client")]
pub mod kinds {
    pub use crate::handler::returned::{
        FallibleKind as _, NamedKind as _, OpaqueKind as _, PlainKind as _, ShownAndNamedKind as _,
        ShownKind as _,
    };
}

/// Runs a handler on the blocking pool; its panic goes on here, as if it had run in place.
#[cfg(feature = "client")]
pub async fn blocking(work: impl FnOnce() -> Reply + Send + 'static) -> Reply {
    match tokio::task::spawn_blocking(work).await {
        Ok(reply) => reply,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Reply::error(Error::new("cancelled", "the server is shutting down")),
        },
    }
}

/// A stream without items, for a method that is there for its signature only.
pub fn no_items<T>() -> NoItems<T> {
    NoItems(PhantomData)
}

/// See [`no_items`].
#[derive(Debug)]
pub struct NoItems<T>(PhantomData<fn() -> T>);

impl<T> Stream for NoItems<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<Option<T>> {
        Poll::Pending
    }
}

/// The event of a contract's method. If there is none, rustc has said that already, and any other will do.
pub const fn contract_event(
    events: &'static [(&'static str, ContractEvent)],
    method: &'static str,
) -> ContractEvent {
    let mut index = 0;
    while index < events.len() {
        let (name, event) = events[index];
        if is_same(name.as_bytes(), method.as_bytes()) {
            return event;
        }
        index += 1;
    }
    ContractEvent {
        event: method,
        allow: &[],
        sequential: false,
        timeout_ms: None,
        docs: "",
        deprecated: false,
    }
}

const fn is_same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut index = 0;
    while index < left.len() {
        if left[index] != right[index] {
            return false;
        }
        index += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn event(event: &'static str) -> ContractEvent {
        ContractEvent { event, allow: &[], sequential: false, timeout_ms: None, docs: "", deprecated: false }
    }

    #[test]
    fn a_contracts_event_is_found_by_its_method() {
        const EVENTS: &[(&str, ContractEvent)] = &[("posted", event("posted")), ("sheep", event("draw"))];
        const SHEEP: ContractEvent = contract_event(EVENTS, "sheep");
        assert_eq!(SHEEP.event, "draw");
    }

    #[tokio::test]
    async fn a_panic_on_the_blocking_pool_goes_on() {
        let reply = tokio::spawn(blocking(|| panic!("boom"))).await;
        assert!(reply.unwrap_err().is_panic());
        let reply = blocking(|| Reply::error(Error::new("no", "no"))).await;
        assert_eq!(reply.code(), Some("no"));
    }
}
