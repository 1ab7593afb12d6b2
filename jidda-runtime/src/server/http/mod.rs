//! HTTP: the handshakes, requests and WebSockets of Engine.IO, and what the program serves beside it.

mod body;
mod client_file;
mod compression;
mod cookie;
mod cors;
mod error;
mod fallback;
mod head;
mod health;
mod host;
mod origins;
mod page;
mod patient;
mod plan;
mod polling;
mod query;
mod request_body;
mod resource;
mod resources;
mod serve;
mod sessions;
mod site;
mod straight;
mod upgrade;
mod websocket;

pub use body::HttpBody;
pub use cookie::{Cookie, SameSite};
pub use cors::Cors;
pub(super) use fallback::{BoxError, Fallback};
pub(super) use health::HealthPlan;
pub use origins::Origins;
pub(super) use plan::HttpPlan;
pub use request_body::{RequestBody, RequestBodyError};
pub use resource::Resource;
pub(super) use resources::{Http, Limits};
pub(super) use serve::{Caller, Front};
