//! The apps of one server: the handlers of each, and its connections.

use std::any::TypeId;
use std::sync::Arc;

use futures_util::future::join_all;

use super::http::Resource;
use crate::config::Config;
use crate::connection_options::States;
use crate::error::StartProblem;
use crate::handler::{AppKey, Side, Table, TableBuilder};
use crate::objects::{Hub, Policies};
use crate::reason::DisconnectReason;

/// An app, its table, rooms and connections.
pub(super) struct App {
    key: AppKey,
    pub(super) hub: Arc<Hub>,
}

/// The apps of a server; the first one is that of its native clients.
pub(super) struct Apps(Vec<App>);

/// The apps of a server, each once: the one of native clients first, then those of its resources.
pub(super) fn keys(native: AppKey, resources: &[Resource]) -> Vec<AppKey> {
    let mut keys = vec![native];
    for app in resources.iter().filter_map(|resource| resource.app) {
        if keys.iter().all(|other| other.id() != app.id()) {
            keys.push(app);
        }
    }
    keys
}

/// The tables of a server's apps, that of native clients first, and all that is wrong with them.
pub(super) fn tables(
    builder: &TableBuilder,
    native: AppKey,
    resources: &[Resource],
) -> (Vec<(AppKey, Table)>, Vec<StartProblem>) {
    let (mut tables, mut problems) = (Vec::new(), Vec::new());
    for app in keys(native, resources) {
        let served = resources.iter().filter(|resource| resource.app.unwrap_or(native).id() == app.id());
        let has_parameters = served.into_iter().any(Resource::has_parameters);
        let builder = builder.clone().app(app).parameters(has_parameters);
        // What other servers handle belongs to the first app.
        let builder = if app.id() == native.id() { builder } else { builder.nothing_declared() };
        match builder.build() {
            Ok(table) => tables.push((app, table)),
            Err(error) => problems.extend(error.into_problems()),
        }
    }
    (tables, problems)
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
            policies.proxy_rules.clear();
            let hub = Hub::start(Side::Server, table, config.clone(), states.share(), false, own);
            App { key, hub }
        };
        Self(tables.into_iter().map(start).collect())
    }

    /// The hub of the app that native clients are connected to.
    pub(super) fn native(&self) -> &Arc<Hub> {
        &self.0[0].hub
    }

    pub(super) fn all(&self) -> &[App] {
        &self.0
    }

    /// The hub of each app.
    pub(super) fn hubs(&self) -> Vec<&Arc<Hub>> {
        self.0.iter().map(|app| &app.hub).collect()
    }

    /// The place of an app.
    pub(super) fn find(&self, id: TypeId) -> Option<usize> {
        self.0.iter().position(|app| app.key.id() == id)
    }

    /// The place of the app that has this hub.
    pub(super) fn with_hub(&self, hub: &Hub) -> Option<usize> {
        self.0.iter().position(|app| std::ptr::eq(&raw const *app.hub, hub))
    }

    /// Closes every connection in an orderly way: each is sent that the server shuts down.
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
