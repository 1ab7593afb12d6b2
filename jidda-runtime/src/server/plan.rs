//! What a server is going to be.

use std::time::Duration;

use super::dial::CheckedDial;
use super::http::{Fallback, HttpPlan};
use super::listening::Listening;
use crate::config::Config;
use crate::connection_options::States;
use crate::handler::{AppKey, Table};
use crate::objects::Policies;

/// The parts of a server. All of them were checked, and nothing was started.
pub(super) struct Plan {
    /// The apps, that of native clients first.
    pub(super) tables: Vec<(AppKey, Table)>,
    pub(super) config: Config,
    pub(super) policies: Policies,
    pub(super) states: States,
    pub(super) http: HttpPlan,
    pub(super) fallback: Option<Fallback>,
    pub(super) listening: Listening,
    pub(super) dials: Vec<CheckedDial>,
    pub(super) grace: Duration,
}
