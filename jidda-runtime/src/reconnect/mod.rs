//! Keeping a connection: dialing, and dialing again when it is lost.

mod backoff;
mod event;
mod keeper;
mod life;

pub use backoff::Backoff;
pub use event::ClientEvent;
pub(crate) use keeper::{Departure, Keeper, Kept, Serving};
pub(crate) use life::{Policy, Role, Setback};
