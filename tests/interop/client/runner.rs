//! Runs scenarios one after the other.

use std::ops::AddAssign;
use std::pin::Pin;
use std::time::{Duration, Instant};

use crate::server::Server;
use crate::session::{Session, Setting};

/// Far longer than anything takes: it finds what never happens.
const LIMIT: Duration = Duration::from_secs(30);

/// How it went.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

pub(crate) type Running = Pin<Box<dyn Future<Output = jidda::Result<()>> + Send>>;

/// One conversation with a server, by its name.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) run: fn(Session) -> Running,
}

/// The scenarios of these functions, and which of them a server can take part in: `name if condition`.
macro_rules! scenarios {
    ($($name:ident $(if $condition:expr)?),* $(,)?) => {{
        let mut all = Vec::new();
        $(
            let is_possible = true $(&& $condition)?;
            if is_possible {
                let run: fn($crate::session::Session) -> $crate::runner::Running = |session| Box::pin($name(session));
                all.push($crate::runner::Scenario { name: stringify!($name), run });
            }
        )*
        all
    }};
}

pub(crate) use scenarios;

/// All scenarios of one setting.
pub(crate) struct Runner {
    setting: Setting,
    only: String,
}

impl Runner {
    pub(crate) fn new(setting: Setting) -> Self {
        Self { setting, only: std::env::var("ONLY").unwrap_or_default() }
    }

    /// Runs them with one server, which some of them replace by one of their own.
    pub(crate) async fn run(self) -> jidda::Result<Tally> {
        let server = Server::start(&self.setting.server_options()).await?;
        let mut tally = Tally::default();
        for scenario in crate::scenarios::all(&self.setting) {
            let name = format!("{}: {}", self.setting, scenario.name.replace('_', " "));
            if !name.contains(&self.only) {
                continue;
            }
            let started = Instant::now();
            let session = Session::new(self.setting, server.address.clone());
            // A task of its own: a scenario that panics has failed like one that returns an error.
            let task = tokio::spawn((scenario.run)(session));
            let abort = task.abort_handle();
            let problem = match tokio::time::timeout(LIMIT, task).await {
                Ok(Ok(Ok(()))) => None,
                Ok(Ok(Err(error))) => Some(format!("{error:?}")),
                Ok(Err(panic)) => Some(panic_message(panic.into_panic())),
                Err(_) => {
                    abort.abort();
                    Some(format!("it did not end within {LIMIT:?}"))
                }
            };
            if let Some(problem) = problem {
                tally.failed += 1;
                println!("FAILED {name}: {}", problem.replace('\n', " "));
            } else {
                tally.passed += 1;
                if std::env::var_os("TIMES").is_some() {
                    println!("{} ms {name}", started.elapsed().as_millis());
                }
            }
        }
        Ok(tally)
    }
}

fn panic_message(panic: Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}
