//! What is served by HTTP, checked before anything is started.

use super::client_file::ClientFile;
use super::health::HealthPlan;
use super::resource::Resource;
use crate::error::StartProblem;
use crate::handler::AppKey;

/// The name of a path's rest, which is no parameter of the program.
pub(super) const REST: &str = "jidda_rest";

/// The resources of a server that is about to start, and its health endpoints.
#[derive(Debug, Default)]
pub(in crate::server) struct HttpPlan {
    /// Each with the place of its app.
    pub(super) resources: Vec<(CheckedResource, usize)>,
    /// The places of the resources, by the patterns of their paths.
    pub(super) paths: matchit::Router<usize>,
    pub(super) health: HealthPlan,
}

/// A resource whose settings fit together, and its client file.
#[derive(Debug)]
pub(super) struct CheckedResource {
    pub(super) resource: Resource,
    pub(super) client_file: Option<ClientFile>,
}

impl HttpPlan {
    /// Checks everything; `apps` are those of the server.
    pub(in crate::server) fn check(
        resources: Vec<Resource>,
        apps: &[AppKey],
        health: HealthPlan,
        problems: &mut Vec<StartProblem>,
    ) -> Self {
        let mut plan = Self::default();
        for resource in resources {
            plan.add(resource, apps, problems);
        }
        problems.extend(health.problems());
        for path in health.paths.iter().flat_map(|(alive, ready)| [alive, ready]) {
            if plan.paths.at(path).is_ok_and(|found| !is_bare(path, &found.params)) {
                let message = format!("the path `{path}` of `.health(..)` belongs to a resource");
                problems.push(StartProblem::Health { message });
            }
        }
        Self { health, ..plan }
    }

    fn add(&mut self, resource: Resource, apps: &[AppKey], problems: &mut Vec<StartProblem>) {
        let path = resource.normal_path();
        let wrong = |message: String| StartProblem::Resource { path: path.clone(), message };
        let place = self.resources.len();
        // Some clients omit the slash at the end. There is no such path at the root.
        let bare = path.strip_suffix('/').filter(|bare| !bare.is_empty()).map(str::to_owned);
        let mut patterns = [path.clone(), format!("{path}{{*{REST}}}")].into_iter().chain(bare);
        let inserted = patterns.try_for_each(|path| self.paths.insert(path, place));
        problems.extend(inserted.err().map(|error| wrong(error.to_string())));
        let client_file = resource.open().unwrap_or_else(|found| {
            problems.extend(found.into_iter().map(wrong));
            None
        });
        let is_own = |app: &AppKey| resource.app.is_some_and(|own| own.id() == app.id());
        let app = apps.iter().position(is_own).unwrap_or_default();
        self.resources.push((CheckedResource { resource, client_file }, app));
    }
}

/// Whether a path is a resource's without the slash at its end.
pub(super) fn is_bare(path: &str, parameters: &matchit::Params<'_, '_>) -> bool {
    !path.ends_with('/') && parameters.get(REST).is_none()
}
