//! Presence: which identities are connected, and waiting for one.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use jidda::Server;
//! use jidda::presence::PresenceEvent;
//!
//! # async fn example(server: Server) -> jidda::Result<()> {
//! server.presence().on_change(|server, event| async move {
//!     if let PresenceEvent::Joined(name) = event {
//!         server.to("lobby").emit("online", &*name).await.ok();
//!     }
//! });
//! let ada = server.user("ada").wait_online(Duration::from_secs(30)).await?;
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "server")]
pub use jidda_runtime::Presence;
pub use jidda_runtime::{PresenceEvent, PresenceEvents, WaitError};
