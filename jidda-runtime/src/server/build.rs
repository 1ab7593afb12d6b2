//! Making a server: everything is checked before anything is started.

use super::apps;
use super::builder::ServerBuilder;
use super::handle::Server;
use super::http::HttpPlan;
use super::listening::Listening;
use super::plan::Plan;
use crate::config::Config;
use crate::connection_options::ConnectionOptions;
use crate::error::{StartError, StartProblem};
use crate::handler::{AppKey, Table};

impl ServerBuilder {
    /// Checks the handlers without starting anything: for tests, and to print what would be served.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, with file and line.
    #[allow(clippy::missing_panics_doc)] // There is always the app of native clients.
    pub fn check(self) -> Result<Table, StartError> {
        let (tables, problems) = self.tables();
        StartError::check("server", problems)?;
        Ok(tables.into_iter().next().expect("the app of native clients").1)
    }

    /// The tables of all apps, that of native clients first, and all that is wrong with them.
    pub(super) fn tables(&self) -> (Vec<(AppKey, Table)>, Vec<StartProblem>) {
        apps::tables(&self.options.table, self.app, &self.resources)
    }

    /// Checks everything and makes a server, which does not listen yet: what needs its handle, such as an axum router,
    /// can be made before it [serves](Server::serve) or [listens](Server::listen).
    ///
    /// ```no_run
    /// use axum::extract::State;
    /// use axum::routing::get;
    /// use jidda::Server;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().build()?;
    /// let router = axum::Router::new()
    ///     .route("/count", get(async |State(server): State<Server>| server.count().to_string()))
    ///     .with_state(server.clone())
    ///     .fallback_service(server.http_service());
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    /// axum::serve(listener, router).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once: with the handlers; a limit that nothing could keep, such as a `max_message` of
    /// 0; an address that cannot be read. [`StartProblem::OutsideRuntime`] where there is no tokio runtime. Nothing is
    /// started then.
    pub fn build(self) -> Result<Server, StartError> {
        let plan = self.plan()?;
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(StartError::new("server", vec![StartProblem::OutsideRuntime]));
        }
        Ok(Server::launch(plan))
    }

    /// [Builds](Self::build) a server and [listens](Server::listen): for tests, and for programs that decide themselves
    /// when it ends. [`serve`](Server::serve) heeds signals and the environment, too.
    ///
    /// # Errors
    ///
    /// As for [`build`](Self::build) and [`Server::listen`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the server.
    pub async fn start(self) -> Result<Server, StartError> {
        let server = self.build()?;
        server.listen().await?;
        Ok(server)
    }

    /// Checks all that was given.
    fn plan(self) -> Result<Plan, StartError> {
        let (tables, mut problems) = self.tables();
        problems.extend(self.problems);
        let ConnectionOptions { config, mut policies, states, .. } = self.options;
        let config = policies.settle(config).unwrap_or_else(|found| {
            problems.extend(found);
            Config::default()
        });
        policies.gate = self.gate.map(|gate| gate.with_anonymous(self.allows_anonymous));
        policies.proxy_rules = self.proxies;
        let apps = apps::keys(self.app, &self.resources);
        let http = HttpPlan::check(self.resources, &apps, self.health, &mut problems);
        let listening =
            Listening::check(self.listen, self.secrets, self.configure, self.app, &config, &mut problems);
        let mut dials = Vec::new();
        for dial in self.dials {
            let address = dial.address.clone();
            match dial.check() {
                Ok(dial) => dials.push(dial),
                Err(error) => problems.push(StartProblem::Dial { address, message: error.to_string() }),
            }
        }
        StartError::check("server", problems)?;
        let (fallback, grace) = (self.fallback, self.grace);
        Ok(Plan { tables, config, policies, states, http, fallback, listening, dials, grace })
    }
}

impl Server {
    /// Builds a server from all handlers linked into the program, or from some of them.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }
}
