//! Models of connections: threads over the same code as in a server, in many orders, see [`crate::sync::model`].

mod broadcasts;
mod calls;
mod presence;
mod sockets;

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use crate::transport::MemoryStream;

use crate::config::Config;
use crate::driver::Driver;
use crate::handler::{Glue, HandlerEntry, HandlerList, Location, Side, TableBuilder};
use crate::objects::{Connection, Extras, Hub, Policies};
use crate::peer::{PeerAddress, Transport};
use crate::transport::Stream;

const HERE: Location = Location { file: file!(), line: 1, module: module_path!(), package: "test" };

const fn handler(event: &'static str, glue: Glue) -> HandlerEntry {
    HandlerEntry::new(event, glue, HERE)
}

fn hub(side: Side, handlers: &[&'static HandlerEntry], config: Config) -> Arc<Hub> {
    hub_with(side, handlers, config, ())
}

/// A hub whose handlers find `state`.
fn hub_with<S: Send + Sync + 'static>(
    side: Side,
    handlers: &[&'static HandlerEntry],
    config: Config,
    state: S,
) -> Arc<Hub> {
    let table = TableBuilder::new(side).handlers(HandlerList::Explicit(handlers.to_vec())).build();
    let table = table.expect("the handlers are as they should be");
    let states: HashMap<_, Extras> = [(TypeId::of::<S>(), Box::new(state) as Extras)].into();
    Hub::start(side, table, config, states, true, Policies::default())
}

fn connection(hub: &Arc<Hub>) -> Arc<Connection> {
    Connection::new(hub, PeerAddress::Memory("model".into()), Transport::Memory, None)
}

/// A connection's task, and what its peer has.
fn serve(connection: &Arc<Connection>) -> (Driver, MemoryStream) {
    let (ours, theirs) = crate::transport::pipe::pair(4096);
    (Driver::new(Arc::clone(connection), Stream::Memory(ours)), theirs)
}
