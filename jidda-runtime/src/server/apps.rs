//! The apps of one server: what their handlers are, and who is connected to each.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::join_all;

use crate::config::Config;
use crate::error::Problems;
use crate::handler::{AppKey, Side, State, Table, TableBuilder};
use crate::objects::{Extras, Hub, Policies};
use crate::reason::DisconnectReason;

/// An app, its table, rooms and connections.
pub(super) struct App {
    key: AppKey,
    pub(super) hub: Arc<Hub>,
}

/// The apps of a server; the first one is that of its native clients.
pub(super) struct Apps(Vec<App>);

/// The values that handlers borrow as `&State<T>`: the same ones in each app.
#[derive(Default)]
pub(super) struct States(HashMap<TypeId, Box<dyn Fn() -> Extras + Send + Sync>>);

impl States {
    pub(super) fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        let state = State::new(value);
        self.0.insert(TypeId::of::<T>(), Box::new(move || Box::new(state.clone())));
    }

    fn share(&self) -> HashMap<TypeId, Extras> {
        self.0.iter().map(|(id, state)| (*id, state())).collect()
    }
}

/// The tables of these apps, each once.
///
/// # Errors
///
/// What is wrong with the first one that is not as it should be.
pub(super) fn tables(
    builder: &TableBuilder,
    apps: impl IntoIterator<Item = AppKey>,
) -> Result<Vec<(AppKey, Table)>, Problems> {
    let mut tables: Vec<(AppKey, Table)> = Vec::new();
    for app in apps {
        if tables.iter().all(|(other, _)| other.id() != app.id()) {
            // What other servers handle belongs to the first app.
            let builder = builder.clone().app(app);
            let builder = if tables.is_empty() { builder } else { builder.nothing_declared() };
            tables.push((app, builder.build()?));
        }
    }
    Ok(tables)
}

impl Apps {
    /// Starts each. Only the first one passes events on.
    pub(super) fn start(
        tables: Vec<(AppKey, Table)>,
        config: &Config,
        states: &States,
        mut policies: Policies,
    ) -> Self {
        let start = |(key, table)| {
            let own = policies.clone();
            policies.delegates.clear();
            let hub = Hub::start(Side::Server, table, config.clone(), states.share(), false, own);
            App { key, hub }
        };
        Self(tables.into_iter().map(start).collect())
    }

    pub(super) fn all(&self) -> &[App] {
        &self.0
    }

    /// The place of an app.
    pub(super) fn find(&self, id: TypeId) -> Option<usize> {
        self.0.iter().position(|app| app.key.id() == id)
    }

    /// The place of the app that has this hub.
    pub(super) fn with_hub(&self, hub: &Hub) -> Option<usize> {
        self.0.iter().position(|app| std::ptr::eq(&raw const *app.hub, hub))
    }

    /// Tells every connection that no more is to come.
    pub(super) fn drain(&self) {
        for app in &self.0 {
            for connection in app.hub.connections() {
                connection.drain(DisconnectReason::ServerShuttingDown);
            }
        }
    }

    /// Ends every connection.
    pub(super) fn close(&self) {
        for app in &self.0 {
            for connection in app.hub.connections() {
                connection.close(DisconnectReason::ServerShuttingDown);
            }
        }
    }

    /// Waits until there are no connections.
    pub(super) async fn idle(&self) {
        join_all(self.0.iter().map(|app| app.hub.idle())).await;
    }
}
