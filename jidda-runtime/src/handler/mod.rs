//! What macros generate against: entries, tables, extraction, middleware, replies.
//!
//! Nothing here knows what a connection is beyond the [`Origin`] trait, so a table of handlers can be tested
//! without any socket.

#[cfg(feature = "client")]
mod argument;
pub(crate) mod bounds;
#[cfg(feature = "client")]
mod builder;
mod contract;
#[cfg(feature = "client")]
mod deadline;
#[cfg(feature = "client")]
mod entry;
#[cfg(feature = "client")]
mod events;
#[cfg(feature = "client")]
mod extract;
#[cfg(feature = "client")]
mod item_stream;
#[cfg(feature = "client")]
mod middleware;
mod namespace_name;
pub(crate) mod outcome;
#[cfg(feature = "client")]
mod overloads;
#[cfg(feature = "client")]
mod own_error;
#[cfg(feature = "client")]
mod path;
#[cfg(feature = "client")]
pub(crate) mod probe;
#[cfg(feature = "client")]
mod reader;
#[cfg(feature = "client")]
mod reply;
#[cfg(feature = "client")]
pub(crate) mod returned;
#[cfg(feature = "client")]
mod route_id;
#[cfg(feature = "client")]
mod scope;
#[cfg(feature = "client")]
mod streaming;
mod stub;
#[cfg(feature = "client")]
mod table;

pub use crate::location::Location;
#[cfg(feature = "client")]
pub use argument::{Argument, Arguments, RawArguments};
#[cfg(feature = "client")]
pub use builder::{HandlerList, Link, TableBuilder};
pub use contract::{AppKey, Contract, ContractEvent, Side};
#[cfg(feature = "client")]
pub use deadline::Deadline;
#[cfg(feature = "client")]
pub use entry::{
    ArgumentEntry, ConfigureSocketEntry, HandlerEntry, MiddlewareEntry, Registered,
    RegisteredConfigureSocket, RegisteredMiddleware, ServiceKey,
};
#[cfg(feature = "client")]
pub use extract::{Context, EventName, FromConnection, Need, Needs, Origin, State};
#[cfg(feature = "client")]
pub(crate) use item_stream::Items;
#[cfg(feature = "client")]
pub(crate) use middleware::Callback;
#[cfg(feature = "client")]
pub use middleware::{Call, Glue, MiddlewareFunction, Next, refusal};
pub use namespace_name::{NamespaceError, namespace_path};
pub use outcome::CallerError;
#[cfg(feature = "client")]
pub(crate) use outcome::call_error;
#[cfg(feature = "client")]
pub use path::Path;
#[cfg(feature = "client")]
pub use reader::ArgumentReader;
#[cfg(feature = "client")]
pub use reply::{Dispatch, HandlerFuture, Reply};
#[cfg(feature = "client")]
pub use returned::{ReplyError, ReplyValue};
#[cfg(feature = "client")]
pub use route_id::RouteId;
#[cfg(feature = "client")]
pub(crate) use scope::Scope;
#[cfg(feature = "client")]
pub use scope::{InheritScope, inherit};
#[cfg(feature = "client")]
pub use streaming::Outlet;
#[cfg(feature = "client")]
pub(crate) use streaming::{Credit, MOST_CREDIT, announcement};
pub use stub::{ArgumentFor, CallTarget, JoinTarget, Namespaces, StreamTarget};
#[cfg(feature = "client")]
pub use table::{NamespaceTable, Parameters, Route, Table};

/// Event names that belong to jidda or to Socket.IO and cannot be sent by a program.
///
/// `connect` and `disconnect` may be handled, as the two ends of a socket's life, but not emitted.
pub const RESERVED_EVENTS: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
