//! Servers: built, listening, accepting, draining.

mod accept;
mod admission;
mod apps;
mod build;
mod builder;
mod dial;
mod handle;
mod handshakes;
mod http;
mod http_service;
mod listen;
mod listening;
mod lobby;
mod pending;
mod plan;
mod presence;
mod proxies;
mod refusal;
#[cfg(feature = "run")]
mod run;
#[cfg(feature = "run")]
mod serve;
#[cfg(feature = "run")]
mod signals;

pub use builder::ServerBuilder;
pub use dial::{Dial, DialError};
pub use handle::Server;
pub use http::{Cookie, Cors, HttpBody, Origins, RequestBody, RequestBodyError, Resource, SameSite};
pub use http_service::HttpService;
pub use listen::Listen;
pub use presence::Presence;
#[cfg(feature = "run")]
pub use run::run;
