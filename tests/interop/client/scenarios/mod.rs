//! What is tried with each server.

mod binary;
mod calls;
mod connecting;
mod ends;
mod events;
mod lost;
mod namespaces;
mod networks;
mod rooms;

use crate::runner::Scenario;
use crate::session::Setting;

/// The scenarios that a server can take part in.
pub(crate) fn all(setting: &Setting) -> Vec<Scenario> {
    let groups = [
        connecting::all(setting),
        events::all(setting),
        calls::all(setting),
        binary::all(setting),
        namespaces::all(setting),
        rooms::all(setting),
        ends::all(setting),
        networks::all(setting),
        lost::all(setting),
    ];
    groups.into_iter().flatten().collect()
}
