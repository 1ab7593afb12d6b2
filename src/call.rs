//! Calls: events that are answered, by one socket or by many.
//!
//! [`Socket::call`](crate::Socket::call) makes an [`OutgoingCall`], which is sent when it is awaited and cancelled when its
//! future is dropped. A [`BroadcastCall`] asks every socket of a selection. The time that a caller gives reaches the handler
//! as its [`Deadline`], and holds for the calls that the handler makes; [`inherit`] passes it on to tasks that the handler
//! spawns.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use jidda::prelude::*;
//!
//! # async fn example(client: Client, server: Server) -> std::result::Result<(), Box<dyn std::error::Error>> {
//! let sum: i64 = client.call("add", &(1, 2)).timeout(Duration::from_secs(5)).await?;
//! let votes = server.to("jury").call::<bool>("vote", &()).timeout(Duration::from_secs(30)).await?;
//! # Ok(())
//! # }
//! ```

pub use jidda_runtime::handler::{Deadline, InheritScope, inherit};
pub use jidda_runtime::{BroadcastCall, BroadcastEmit, CallError, CallFuture, OutgoingCall, Replies};
