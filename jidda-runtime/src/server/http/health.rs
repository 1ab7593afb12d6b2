//! Whether the server is alive and ready, for whoever starts, balances and watches servers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use serde::Serialize;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, timeout};

use super::body::{HttpBody, method_not_allowed, response};
use crate::config::too_short;
use crate::error::{Error, StartProblem};
use crate::failure::Failure;
use crate::guard::Guarded;
use crate::objects::Hub;
use crate::observe::{FailureOrigin, Place};

/// How long a result of the checks is kept: more frequent requests do not run them more often.
const FRESH: Duration = Duration::from_secs(1);

type Run = Box<dyn Fn() -> BoxFuture<'static, Result<(), Error>> + Send + Sync>;

/// The settings of the health endpoint.
pub(in crate::server) struct HealthPlan {
    /// Where it is asked: alive, ready.
    pub(in crate::server) paths: Option<(String, String)>,
    /// How long each check may take.
    pub(in crate::server) limit: Duration,
    checks: Vec<(String, Run)>,
}

impl fmt::Debug for HealthPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthPlan").field("paths", &self.paths).finish_non_exhaustive()
    }
}

impl Default for HealthPlan {
    fn default() -> Self {
        Self { paths: None, limit: Duration::from_secs(2), checks: Vec::new() }
    }
}

impl HealthPlan {
    pub(in crate::server) fn check<F, E>(
        &mut self,
        name: String,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Error>,
    {
        let run: Run = Box::new(move || check().map(|result| result.map_err(Into::into)).boxed());
        self.checks.push((name, run));
    }

    /// Everything that is wrong with it.
    pub(super) fn problems(&self) -> Vec<StartProblem> {
        let mut problems: Vec<_> = too_short("ready_timeout", self.limit).into_iter().collect();
        problems.extend(self.path_problems().into_iter().map(|message| StartProblem::Health { message }));
        problems
    }

    fn path_problems(&self) -> Vec<String> {
        let Some((alive, ready)) = &self.paths else {
            let problem = "there are readiness checks, but no path where they are asked: add `.health(..)`";
            return if self.checks.is_empty() { Vec::new() } else { vec![problem.to_owned()] };
        };
        let mut problems: Vec<_> = [alive, ready]
            .into_iter()
            .filter(|path| !path.starts_with('/'))
            .map(|path| format!("the path `{path}` of `.health(..)` has to begin with `/`"))
            .collect();
        if alive == ready {
            problems.push(format!("`.health(..)` needs two paths, not `{alive}` twice"));
        }
        problems
    }
}

/// Answers the two questions.
pub(super) struct Health {
    alive: String,
    ready: String,
    limit: Duration,
    checks: Vec<(String, Run)>,
    hub: Arc<Hub>,
    stopping: watch::Receiver<bool>,
    /// Held while the checks run: they run once for all requests that arrive meanwhile.
    last: Mutex<Option<(Instant, Checked)>>,
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health")
            .field("alive", &self.alive)
            .field("ready", &self.ready)
            .finish_non_exhaustive()
    }
}

impl Drop for Health {
    fn drop(&mut self) {
        for (name, run) in std::mem::take(&mut self.checks) {
            self.hub.discard(Place::apart(FailureOrigin::Destructor, &name), run);
        }
    }
}

type Checked = Arc<BTreeMap<String, Outcome>>;

/// The public result of one check: as much as a peer receives of a handler that failed.
#[derive(Clone, Debug, Serialize)]
struct Outcome {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

impl From<Option<Failure>> for Outcome {
    fn from(failure: Option<Failure>) -> Self {
        let Some(failure) = failure else { return Self { ok: true, code: None, message: None, id: None } };
        let id = failure.data.and_then(|data| data.decode().ok()).filter(|_| failure.code == "internal");
        let (code, message) = (Some(failure.code.into_owned()), Some(failure.message.into_owned()));
        Self { ok: false, code, message, id }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<&'a BTreeMap<String, Outcome>>,
}

/// One of the two questions.
#[derive(Clone, Copy)]
pub(super) enum Question {
    Alive,
    Ready,
}

impl Health {
    /// Answers what a plan has paths for.
    pub(super) fn open(plan: HealthPlan, hub: &Arc<Hub>, stopping: watch::Receiver<bool>) -> Option<Self> {
        let HealthPlan { paths, limit, checks } = plan;
        let hub = Arc::clone(hub);
        paths.map(|(alive, ready)| Self {
            alive,
            ready,
            limit,
            checks,
            hub,
            stopping,
            last: Mutex::default(),
        })
    }

    /// What is asked at a path, if anything.
    pub(super) fn question(&self, path: &str) -> Option<Question> {
        if path == self.alive {
            Some(Question::Alive)
        } else {
            (path == self.ready).then_some(Question::Ready)
        }
    }

    pub(super) async fn respond(&self, question: Question, method: &Method) -> Response<HttpBody> {
        if method != Method::GET && method != Method::HEAD {
            return method_not_allowed("GET, HEAD");
        }
        match question {
            Question::Alive => answer(StatusCode::OK, "ok", None),
            Question::Ready if *self.stopping.borrow() => {
                answer(StatusCode::SERVICE_UNAVAILABLE, "draining", None)
            }
            Question::Ready => {
                let checked = self.checked().await;
                let checks = (!checked.is_empty()).then_some(&*checked);
                if checked.values().all(|outcome| outcome.ok) {
                    answer(StatusCode::OK, "ready", checks)
                } else {
                    answer(StatusCode::SERVICE_UNAVAILABLE, "failing", checks)
                }
            }
        }
    }

    /// Runs the checks, all at once, unless that was done just now.
    async fn checked(&self) -> Checked {
        let mut last = self.last.lock().await;
        if let Some((time, checked)) = &*last
            && time.elapsed() < FRESH
        {
            return Arc::clone(checked);
        }
        let runs = self.checks.iter().map(async |(name, run)| {
            let place = Place::apart(FailureOrigin::Hook, name);
            let report = |failure: Box<Failure>| drop(self.hub.disclose(place.destructor(), *failure));
            // The check's own function may panic, too, not only its future.
            let failure = match timeout(self.limit, Guarded::new(async { run().await }, report)).await {
                Ok(Ok(Ok(()))) => None,
                Ok(Ok(Err(error))) => Some(error.into()),
                Ok(Err(failure)) => Some(*failure),
                Err(_late) => Some(Failure::timeout(format!("the check took longer than {:?}", self.limit))),
            };
            let public = failure.map(|failure| self.hub.disclose(place, failure));
            (name.clone(), Outcome::from(public))
        });
        let checked = Arc::new(join_all(runs).await.into_iter().collect());
        *last = Some((Instant::now(), Arc::clone(&checked)));
        checked
    }
}

fn answer(status: StatusCode, word: &str, checks: Option<&BTreeMap<String, Outcome>>) -> Response<HttpBody> {
    let body = serde_json::to_vec(&Report { status: word, checks }).unwrap_or_default();
    let mut response = response(status, body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
