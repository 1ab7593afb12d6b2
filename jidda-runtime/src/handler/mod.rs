//! What macros generate against: entries, tables, extraction, middleware, replies.
//!
//! Nothing here knows what a connection is beyond the [`Origin`] trait, so a table of handlers can be tested
//! without any socket.

mod argument;
pub(crate) mod bounds;
mod builder;
mod entry;
mod events;
mod extract;
mod item_stream;
mod middleware;
mod namespace_name;
pub(crate) mod outcome;
mod overloads;
mod own_error;
mod path;
pub(crate) mod probe;
mod reader;
mod reply;
pub(crate) mod returned;
mod scope;
mod streaming;
mod stub;
mod table;

pub use crate::location::Location;
pub use argument::{Argument, Arguments, RawArguments};
pub use builder::{HandlerList, Link, TableBuilder};
pub use entry::{
    AppKey, ArgumentEntry, ConfigureSocketEntry, Contract, ContractEvent, Glue, HandlerEntry,
    MiddlewareEntry, Registered, RegisteredConfigureSocket, RegisteredMiddleware, ServiceKey, Side,
};
pub use extract::{Context, EventName, FromConnection, Need, Needs, Origin, State};
pub(crate) use item_stream::Items;
pub(crate) use middleware::Callback;
pub use middleware::{Call, Next, refusal};
pub use namespace_name::{NamespaceError, namespace_path};
pub use outcome::CallerError;
pub(crate) use outcome::call_error;
pub use path::Path;
pub use reader::ArgumentReader;
pub use reply::{Dispatch, HandlerFuture, Reply};
pub use returned::{ReplyError, ReplyValue};
pub(crate) use scope::Scope;
pub use scope::{Deadline, InheritScope, inherit};
pub use streaming::Outlet;
pub(crate) use streaming::{Credit, MOST_CREDIT, announcement};
pub use stub::{ArgumentFor, CallTarget, JoinTarget, Namespaces, StreamTarget};
pub use table::{NamespaceTable, Parameters, Route, RouteId, Table};

/// Event names that belong to jidda or to Socket.IO and cannot be sent by a program.
///
/// `connect` and `disconnect` may be handled, as the two ends of a socket's life, but not emitted.
pub const RESERVED_EVENTS: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];
